// A model's name taken apart into what general.* keys have, by the rules of llama.cpp's converter (gguf-py, metadata.py): so that files
// of either are listed alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thimble {

// Each empty where the name does not say.
struct ModelName {
  std::string name;  // without its owner
  std::string organization;
  std::string basename;
  std::string finetune;
  std::string version;
  std::string size_label;
};

// "owner/Model-7B-Instruct-v0.2". `parameters` tells a size from a context length: "128k".
ModelName take_apart(std::string_view id, uint64_t parameters);

// "smollm2 135m-instruct" to "Smollm2 135m Instruct".
std::string title_of(std::string_view id);

// "135M", "1.5B".
std::string size_label_of(uint64_t parameters);

}  // namespace thimble
