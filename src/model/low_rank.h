// What adapters add to a product: first the inner products scale * (a x) of all updates of a step, then their outer ones, b times
// those, row by row beside the weight's own. Both follow the kernels' order of sums, so that results do not depend on threads,
// batches or instruction set; x is read as floats, whatever records the weight itself takes.
#pragma once

#include "model/model.h"
#include "model/products.h"
#include "model/workspace.h"

namespace thimble {

// Bytes of one token's inner products of an update: a float record of that width.
size_t low_rank_stride(const LowRank& update);

// The inner products of every update of the step's weights, [tokens] records each, one update after the other from
// space.low_rank on. All workers together; ends in step.
void run_inner_products(Worker& worker, const Kernels& kernels, const Workspace& space,
                        std::span<const Product> products, size_t tokens);

// Adds the outer products to the row tiles begin..end of product.y. inner: this update's inner products, [tokens] records.
void add_outer_products(Worker& worker, const Kernels& kernels, const Workspace& space, const Product& product,
                        const LowRank& update, const std::byte* inner, size_t begin, size_t end, size_t tokens);

// y += scale * b (row of a): what an adapter adds to a row of the embedding, y: [embedding_length]. For the first worker.
void add_embedding_update(const Kernels& kernels, const Workspace& space, const LowRank& update, uint32_t row,
                          float* y);

}  // namespace thimble
