// Models between forms of full precision: a Hugging Face checkpoint, or a GGUF file of any type, to a GGUF file of F32, F16, BF16
// or Q8_0. Both stream: a few rows are in memory at a time, and pages that were read are let go.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "quant/number_type.h"

namespace thimble {

struct ConvertOptions {
  NumberType type = NumberType::F16;  // one of kOutputTypes (output_type.h)
  std::string pre_tokenizer;          // tokenizer.ggml.pre in place of the recognised one; empty: recognise it
  // Bytes written and bytes in all; may throw to stop.
  std::function<void(uint64_t done, uint64_t total)> report = [](uint64_t, uint64_t) {};
};

struct ConvertResult {
  uint64_t tensors = 0;
  uint64_t parameters = 0;
  uint64_t file_bytes = 0;
};

// The checkpoint in `folder` (config.json, safetensors, the tokenizer's files) as the GGUF file `output`, which appears whole or not
// at all and is known to load before the first weight is read. Throws Error(bad_file) naming the file and key or tensor, Error(failed)
// where the output cannot be written.
ConvertResult convert_checkpoint(const std::string& folder, const std::string& output, const ConvertOptions& options);

// A GGUF file of any types. Metadata is kept, but for the file type, what describes a former quantization, and parts.
ConvertResult convert_gguf(const std::string& input, const std::string& output, const ConvertOptions& options);

}  // namespace thimble
