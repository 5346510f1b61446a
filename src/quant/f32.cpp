#include "quant/f32.h"

namespace thimble {

void F32::unpack(const Block& block, float* out) { *out = block.x; }

void F32::pack(const float* x, Block& block) { block.x = *x; }

}  // namespace thimble
