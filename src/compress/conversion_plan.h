// Which rows of a Hugging Face checkpoint make each tensor of a GGUF file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/checkpoint_config.h"
#include "compress/checkpoint_rope.h"
#include "compress/checkpoint_tensors.h"

namespace thimble {

// Rows [first, first + count) of a stored tensor. Where head_rows is not 0, each run of so many is a head whose rows are taken by
// halves in turn (0, n/2, 1, n/2 + 1, ...): what pairs halves in the checkpoint pairs neighbours in the file.
struct SourceRows {
  const StoredTensor* stored;
  uint64_t first;
  uint64_t count;
  uint32_t head_rows = 0;
};

struct ConvertedTensor {
  std::string name;             // in the GGUF file
  std::vector<uint64_t> shape;  // shape[0] is the contiguous axis
  std::vector<SourceRows> sources;
  float shift = 0;              // added to every value
  std::vector<float> computed;  // in place of sources

  // For reading, a vector is a column of rows of one value.
  uint64_t row_values() const { return shape.size() == 1 ? 1 : shape[0]; }
  uint64_t rows() const { return shape.size() == 1 ? shape[0] : shape[1]; }
  uint64_t elements() const { return row_values() * rows(); }
};

// Every tensor of the family's rows that the checkpoint has. Sets hyper.vocabulary_size from the embedding. Throws Error(bad_file)
// naming the tensor: missing, of another shape than config.json gives, of a type that is no float, or of no use to the family.
std::vector<ConvertedTensor> plan_conversion(const CheckpointConfig& config, const CheckpointTensors& tensors,
                                             Hyperparameters& hyper);

// Rows [first, first + count) of the tensor as floats, out: [count][row_values()]. Throws Error(bad_file) naming the tensor and the
// value where one is no finite number.
void read_planned_rows(const ConvertedTensor& tensor, uint64_t first, uint64_t count, float* out);
// Those rows' pages leave this process's memory until they are read again.
void forget_planned_rows(const ConvertedTensor& tensor, uint64_t first, uint64_t count);

}  // namespace thimble
