#include "quant/q4_1.h"

#include "base/half.h"
#include "quant/rounding.h"
#include "quant/single_scale.h"

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
  const ScaledBlock<kBlockSize> scaled(x, importance);
  const SingleAffine fit = fit_single_affine(scaled, searches, 15, 3);
  const auto level = [&](int i) { return round_to_range((scaled.x[i] - fit.offset) * fit.inverse, 0, 15); };
  block.d = fit.d;
  block.m = fit.m;
  for (int i = 0; i < 16; ++i) block.qs[i] = static_cast<uint8_t>(level(i) | level(i + 16) << 4);
}

}  // namespace thimble
