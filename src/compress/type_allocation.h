// Which number format each tensor gets under a budget of bytes, so that the sum of what they cost is least.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quant/number_type.h"

namespace thimble {

struct FormatChoice {
  NumberType type;
  uint64_t bytes;
  double cost;  // what the tensor in this format adds to the model's KL divergence
};

struct TensorChoices {
  std::string name;
  std::vector<FormatChoice> choices;  // at least one
};

struct Allocation {
  std::vector<size_t> picks;  // an index into each tensor's choices
  uint64_t bytes = 0;
  double cost = 0;
};

// The best for some price of a byte (Lagrange), with what is left of the budget spent where a byte helps most. Throws
// Error(usage) where even the smallest choices exceed the budget.
Allocation allocate(const std::vector<TensorChoices>& tensors, uint64_t budget);

}  // namespace thimble
