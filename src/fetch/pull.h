// A model brought into the cache: from a hub, from any address, or from a file of this machine. What is in one of the caches
// already is not fetched again; two pulls of one model take turns; a kill at any moment leaves no file under its final name
// that is not whole and checked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fetch/http.h"
#include "fetch/retry.h"
#include "format/gguf.h"

namespace thimble {

struct PullSettings {
  std::string models_folder;     // Thimble's own cache
  std::string hub_cache_folder;  // the standard Hugging Face cache, which is only read
  std::string endpoint = "https://huggingface.co";
  HttpOptions http;  // token_origin is set by pull()
  RetryPolicy retry;
  bool is_offline = false;
};

struct PullRequest {
  std::string reference;   // hf:..., an address, or a path
  std::string sha256;      // that the file must have; empty for what the server says
  bool is_forced = false;  // take also a GGUF file that cannot be read, of a number format of the future, say
  std::string name;        // in the cache; empty for the file's own. Not with hf:
};

// What is asked before much is fetched. Each throws to refuse the model.
struct PullChecks {
  std::function<void(Gguf header, const std::string& name)>
      header;  // of a model in one file; tensor data reads as zeros
  std::function<void(uint64_t bytes, const std::string& name)> size;  // of a model in several, whose header says less
};

struct PulledFile {
  std::string path;
  uint64_t size = 0;
  std::string sha256;  // empty where nobody says
  std::string source;  // hf:owner/repository/file, an address or a path
  std::string origin;  // "fetched", "cache", "hugging face cache", "linked" or "copied"
};

// The files of the model, the first part first. Throws Error: failed for network, server and disk, bad_file for what is no
// model, validation_failed for wrong bytes, interrupted, usage, and what a check threw.
std::vector<PulledFile> pull_model(const PullRequest& request, const PullSettings& settings, const PullChecks& checks,
                                   const FetchEvents& events);

}  // namespace thimble
