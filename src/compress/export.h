// A GGUF file's model as a Hugging Face folder: config.json, safetensors, the tokenizer's files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "quant/number_type.h"

namespace thimble {

struct ExportOptions {
  // F32, F16 or BF16, of the matrices; vectors have it too where that loses nothing, else F32. Without one: the file's own, F16 of a
  // quantized file.
  std::optional<NumberType> type;
  uint64_t shard_bytes = uint64_t{4} << 30;  // of tensor data in a file; a tensor is never split
  // Bytes of tensor data written and in all; may throw to stop.
  std::function<void(uint64_t done, uint64_t total)> report = [](uint64_t, uint64_t) {};
};

struct ExportResult {
  uint64_t tensors = 0;
  uint64_t shards = 0;
  uint64_t data_bytes = 0;
  NumberType type = NumberType::F16;
};

// Writes `folder`, which appears whole or not at all and must not exist or be empty (Error(usage)). Throws Error(bad_file) for what
// Model::bind refuses, and for what Hugging Face's form of the family cannot say; Error(failed) where it cannot be written.
ExportResult export_model(const std::string& gguf_path, const std::string& folder, const ExportOptions& options);

}  // namespace thimble
