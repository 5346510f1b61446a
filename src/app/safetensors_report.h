// What `thimble info` says of a safetensors file.
#pragma once

#include <string>

#include "app/console.h"

namespace thimble {

// Whether the file begins as one; false for what cannot be read.
bool is_safetensors_file(const std::string& path);

struct SafetensorsReport {
  bool json = false;
  bool tensors = false;  // list them
  bool verbose = false;  // the file's own metadata
};

// Throws Error(bad_file) for a file that is damaged.
void print_safetensors(Console& console, const std::string& path, const SafetensorsReport& options);

}  // namespace thimble
