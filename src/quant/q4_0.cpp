#include "quant/q4_0.h"

#include "base/half.h"
#include "quant/rounding.h"
#include "quant/single_scale.h"

namespace thimble {

void Q4_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block.qs[i] & 0xf) - 8);
    out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
  }
}

void Q4_0::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  const ScaledBlock<kBlockSize> scaled(x, importance);
  const SingleScale fit = fit_single_scale(scaled, uniform_levels(searches, -8, 7), 3);
  const auto level = [&](int i) { return round_to_range(scaled.x[i] * fit.inverse, -8, 7) + 8; };
  block.d = fit.d;
  for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<uint8_t>(level(i) | level(i + 16) << 4);
}

}  // namespace thimble
