#include "quant/q4_1.h"

#include "base/half.h"
#include "quant/scale_search.h"

namespace thimble {

void Q4_1::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float m = f16_to_f32(block.m);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(block.qs[i] & 0xf) + m;
    out[i + 16] = d * static_cast<float>(block.qs[i] >> 4) + m;
  }
}

void Q4_1::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SingleBlock fit;
  searches.fit_single_affine(x, importance, 15, fit);
  block.d = fit.d;
  block.m = fit.m;
  for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<uint8_t>(fit.levels[i] | fit.levels[i + 16] << 4);
}

}  // namespace thimble
