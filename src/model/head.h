// What lies between the last block and the logits, but for the product with the head.
#pragma once

#include <cstddef>
#include <span>

#include "model/forward.h"

namespace thimble {

// The last norm of one token's row of the residual; a model without one has normalised already. out: [embedding_length]
void final_norm(const ForwardContext& context, size_t token, float* out);

// Bias, scale and soft-cap of rows of logits.
void finish_logits(const ForwardContext& context, std::span<float> logits);

}  // namespace thimble
