// The backward pass of matrix products with frozen weights: dx = W^T dy by panels of rows unpacked from the weights where they
// lie, with the gradients of an adapter's factors. Every float is summed in one order, whatever the threads.
#pragma once

#include <cstddef>
#include <span>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/products.h"

namespace thimble {

// Where the gradients of a tensor's factors are added up; null where it is not trained. Of a fused tensor all parts share `a`.
struct LowRankGradient {
  float* a = nullptr;  // [rank][columns]
  float* b = nullptr;  // [rows of the tensor][rank]
};

struct ProductGradient {
  const Weight* weight;
  const float* dy;  // [tokens][weight->rows]
};

// Memory of these functions for `tokens` tokens at most.
struct ProductScratch {
  float* packed;                    // packed_floats(tokens): tiles of dy
  float* inner;                     // inner_floats(tokens, rank): dy B
  float* panels;                    // panel_floats() for each worker
  uint32_t* pairs = nullptr;        // packed_pairs(tokens): dy in bfloat16, where W^T dy reads it so
  uint32_t* pair_panels = nullptr;  // panel_pairs() for each worker
  static size_t packed_floats(size_t tokens);
  static size_t inner_floats(size_t tokens, size_t rank);
  static size_t panel_floats();
  static size_t packed_pairs(size_t tokens) { return packed_floats(tokens) / 2; }
  static size_t panel_pairs() { return panel_floats() / 2; }
};

struct ProductGradientsTask {
  std::span<const ProductGradient> products;  // all of one input
  const float* x = nullptr;                   // [tokens][columns]; null where no weight is trained
  float* dx = nullptr;                        // [tokens][columns], null where it is not wanted
  bool adds = false;                          // to what is in dx
  size_t tokens = 0;
  std::span<const LowRankGradient> gradients;  // by tensor
};

// Only a weight's last update is trained; all of them count for dx. All workers together; ends in step.
void run_product_gradients(Worker& worker, const Kernels& kernels, const Workspace& space,
                           const ProductScratch& scratch, const ProductGradientsTask& task);

}  // namespace thimble
