// What quantizing a file will do, settled before anything is computed: each tensor's type and importance, sizes, warnings.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "compress/mix.h"
#include "format/gguf.h"
#include "format/imatrix.h"

namespace thimble {

// With llama-quantize's meanings.
struct QuantizeOptions {
  const Mix* mix = nullptr;
  const Imatrix* imatrix = nullptr;
  std::vector<std::string> include_weights;  // of the imatrix's entries only those with one of these in their name
  std::vector<std::string> exclude_weights;  // none with one of these
  bool allow_requantize = false;
  bool leave_output_tensor = false;
  bool pure = false;
  bool keep_split = false;
  std::optional<NumberType> output_tensor_type;
  std::optional<NumberType> token_embedding_type;
  std::vector<std::pair<std::regex, NumberType>> tensor_types;  // the first that is found in a name
};

struct PlannedTensor {
  const GgufTensor* tensor = nullptr;
  NumberType type{};
  bool stands_in = false;                    // the rows do not suit the type chosen first
  const ImatrixEntry* importance = nullptr;  // of this tensor, where it is searched

  bool is_copied() const { return tensor->type->type == type; }
  uint64_t bytes() const { return row_bytes(type, tensor->shape[0]) * tensor->rows(); }
};

struct QuantizePlan {
  std::vector<PlannedTensor> tensors;  // in the order in which they are written
  size_t imatrix_entries = 0;          // that may be used
  std::vector<std::string> warnings;   // a line each

  uint64_t bytes() const;
  uint64_t parameters() const;
  double bits_per_weight() const;
};

// Throws Error(usage) for what was asked for and cannot be (another type for a quantized tensor without allow_requantize, a type
// that needs an imatrix), Error(bad_file) where the imatrix is not of this model.
QuantizePlan plan_quantization(const Gguf& gguf, const QuantizeOptions& options);

// "attn_v=q8_0": an expression that is searched for in the names, and a type. Throws Error(usage).
std::pair<std::regex, NumberType> parse_tensor_type(const std::string& text);
// A type that can be written, by name. Throws Error(usage) naming those that there are.
NumberType parse_written_type(const std::string& name);

}  // namespace thimble
