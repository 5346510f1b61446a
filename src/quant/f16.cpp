#include "quant/f16.h"

#include "base/half.h"

namespace thimble {

void F16::unpack(const Block& block, float* out) { *out = f16_to_f32(block.x); }

void F16::pack(const float* x, Block& block) { block.x = f32_to_f16(*x); }

}  // namespace thimble
