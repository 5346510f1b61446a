// Matrix products of one step, shared out among the workers in tiles of rows.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/workspace.h"

namespace thimble {

// A set of ActivationType, as bits.
using RecordTypes = unsigned;
RecordTypes record_types(std::initializer_list<const Weight*> weights);

// Writes one token's activations as a record of each type in `types`.
void make_records(const Kernels& kernels, const Workspace& space, RecordTypes types, size_t token, const float* row,
                  size_t width);

// `count` values of a row of weights from the beginning of a block on, as floats: those of TypeInfo::unpack, where the kernels have
// the format faster.
void unpack_weights(const Kernels& kernels, NumberType type, const std::byte* from, size_t count, float* to);

// y[token][row] = weight . record of the token, and what the weight's updates add, for each product; y is dense,
// [tokens][weight->rows]. The products of one call read the same records.
struct Product {
  const Weight* weight;
  float* y;
};
void run_products(Worker& worker, const Kernels& kernels, const Workspace& space, std::span<const Product> products,
                  size_t tokens);

}  // namespace thimble
