#include "quant/q4_0.h"

#include "base/half.h"
#include "quant/scale_search.h"

namespace thimble {

void Q4_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block.qs[i] & 0xf) - 8);
    out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
  }
}

void Q4_0::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SingleBlock fit;
  searches.fit_single(x, importance, {.low = -8, .high = 7}, fit);
  block.d = fit.d;
  for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<uint8_t>((fit.levels[i] + 8) | (fit.levels[i + 16] + 8) << 4);
}

}  // namespace thimble
