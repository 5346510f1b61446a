// Where models are kept, and how they are fetched, as the environment says. The variables of huggingface_hub mean here what
// they mean there: HF_HUB_CACHE, HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE.
#pragma once

#include <optional>
#include <string>

#include "fetch/hub_cache.h"
#include "fetch/pull.h"
#include "fetch/store.h"

namespace thimble {

ModelStore model_store();  // Thimble's own; throws Error(failed) where there is no place for a cache
HubCache hub_cache();

// Caches, endpoint, token, certificates, and whether the network may be used.
PullSettings pull_settings();

// The file that hf:owner/repository..., or a name with a slash as `thimble list` gives it, means; nullopt for any other name.
// Throws Error(bad_file) with the command to fetch it where hf:... is in no cache, and for an address.
std::optional<std::string> find_cached_model(const std::string& name);

}  // namespace thimble
