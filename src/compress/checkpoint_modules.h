// What sentence-transformers puts behind the model: modules.json, the kind of pooling, dense layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/hyperparameters.h"

namespace thimble {

struct DenseModule {
  std::string folder;  // "2_Dense"
  uint32_t in_features = 0;
  uint32_t out_features = 0;
};

struct SentenceModules {
  std::optional<Pooling> pooling;
  std::vector<DenseModule> dense;

  // Empty where the folder has no modules.json. Throws Error(bad_file) naming the file for what this version does not run: other
  // poolings, dense layers with a bias or an activation.
  static SentenceModules read(const std::string& folder);
};

// A name from a file, where one of something in the same folder is expected: not empty, no path, not hidden.
bool is_plain_name(std::string_view name);

}  // namespace thimble
