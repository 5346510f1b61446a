// Where files of this user are, by the XDG Base Directory Specification, and which file a model's name means.
#pragma once

#include <string>
#include <string_view>

namespace thimble {

// "$XDG_CACHE_HOME/thimble", "$XDG_STATE_HOME/thimble" or their places under $HOME; empty where neither is set.
std::string cache_folder();
std::string state_folder();

// hf:owner/repository and what `thimble list` calls a model become its file in one of the caches, without a network. A path
// stays as it is; a bare name of a model in the cache becomes the path of its GGUF file, or of the first of its parts. Throws
// Error(bad_file) where there is neither, naming the models that there are, and Error(usage) where the name has several files
// that are not parts of one model.
std::string resolve_model(const std::string& name);

}  // namespace thimble
