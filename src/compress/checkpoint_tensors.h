// The tensors of a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names, and those of
// sentence-transformers' dense modules.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compress/checkpoint_modules.h"
#include "format/safetensors.h"

namespace thimble {

struct StoredTensor {
  const Safetensors* file;
  const SafetensorsTensor* tensor;
};

// A tensor's name without what stands in front of it in some checkpoints and not in others ("model.", "bert.", ...), and with
// today's words for "gamma" and "beta".
std::string core_name(std::string_view name);

class CheckpointTensors {
 public:
  // Throws Error(bad_file): no safetensors, a shard or a tensor that the index names is not there or is there twice, an index that
  // names files elsewhere.
  static CheckpointTensors open(const std::string& folder, const SentenceModules& modules);

  const StoredTensor* find(std::string_view core_name) const;  // nullptr where absent
  // Every tensor's core name, in the order of files and data.
  const std::vector<std::string>& names() const { return names_; }

 private:
  void add_file(const std::string& path, const std::string& prefix);
  void check_index(const std::string& index_path, const std::unordered_map<std::string, std::string>& shard_of) const;

  std::vector<std::unique_ptr<const Safetensors>> files_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, StoredTensor> tensors_;
};

}  // namespace thimble
