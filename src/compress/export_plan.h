// Which rows of a GGUF file make each tensor of a Hugging Face checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace thimble {

struct ExportedTensor {
  // Rows [first, first + count); where head_rows is not 0, neighbours of each head's rows are taken apart into halves.
  struct Rows {
    const GgufTensor* tensor;
    uint64_t first;
    uint64_t count;
    uint32_t head_rows = 0;
  };
  std::string folder;           // of a sentence-transformers module; empty: the model's own
  std::string name;             // in the checkpoint
  std::vector<uint64_t> shape;  // the contiguous axis last
  std::vector<Rows> rows;
  float shift = 0;  // taken from every value

  bool is_vector() const { return shape.size() == 1; }
  uint64_t row_values() const { return is_vector() ? 1 : shape[1]; }
  uint64_t elements() const { return row_values() * shape[0]; }
};

std::vector<ExportedTensor> plan_export(const Model& model);

// Rows [first, first + count) as floats, out: [count][row_values()]. Throws Error(bad_file) where one is no finite number.
void read_exported_rows(const Gguf& gguf, const ExportedTensor& tensor, uint64_t first, uint64_t count, float* out);
void forget_exported_rows(const Gguf& gguf, const ExportedTensor& tensor);

}  // namespace thimble
