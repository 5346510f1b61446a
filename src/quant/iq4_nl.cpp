#include "quant/iq4_nl.h"

#include <cstddef>

#include "base/half.h"
#include "quant/single_scale.h"

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
  const ScaledBlock<kBlockSize> scaled(x, importance);
  const SingleScale fit = fit_single_scale(scaled, iq4_levels(searches), 3);
  block.d = fit.d;
  for (int i = 0; i < 16; ++i) {
    const uint8_t low = nearest(scaled.x[i] * fit.inverse);
    const uint8_t high = nearest(scaled.x[i + 16] * fit.inverse);
    block.qs[i] = static_cast<uint8_t>(low | high << 4);
  }
}

}  // namespace thimble
