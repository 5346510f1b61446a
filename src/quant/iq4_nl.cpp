#include "quant/iq4_nl.h"

#include <cstddef>

#include "base/half.h"
#include "quant/scale_search.h"

namespace thimble {

uint8_t IQ4_NL::nearest(float value) {
  int below = 0;  // entries whose midpoint to the next lies below the value
  for (size_t i = 0; i + 1 < kValues.size(); ++i) {
    const float midpoint = 0.5f * static_cast<float>(kValues[i] + kValues[i + 1]);
    below += value > midpoint ? 1 : 0;
  }
  return static_cast<uint8_t>(below);
}

void IQ4_NL::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kValues[block.qs[i] & 0xf]);
    out[i + 16] = d * static_cast<float>(kValues[block.qs[i] >> 4]);
  }
}

void IQ4_NL::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SingleBlock fit;
  searches.fit_single(x, importance, {.low = -127, .high = 113, .is_iq4 = true}, fit);
  block.d = fit.d;
  for (int i = 0; i < 16; ++i) {
    block.qs[i] = static_cast<uint8_t>(nearest(fit.levels[i]) | nearest(fit.levels[i + 16]) << 4);
  }
}

}  // namespace thimble
