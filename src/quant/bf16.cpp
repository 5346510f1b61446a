#include "quant/bf16.h"

#include "base/half.h"

namespace thimble {

void BF16::unpack(const Block& block, float* out) { *out = bf16_to_f32(block.x); }

void BF16::pack(const float* x, Block& block) { block.x = f32_to_bf16(*x); }

}  // namespace thimble
