#include "quant/q5_0.h"

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/rounding.h"
#include "quant/single_scale.h"

namespace thimble {

void Q5_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < kBlockSize; ++i) {
    out[i] = d * static_cast<float>(load_five_bits(block.qs, block.qh, i) - 16);
  }
}

void Q5_0::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  const ScaledBlock<kBlockSize> scaled(x, importance);
  const SingleScale fit = fit_single_scale(scaled, uniform_levels(searches, -16, 15), 3);
  block = Block{};
  block.d = fit.d;
  for (int i = 0; i < kBlockSize; ++i) {
    const int level = round_to_range(scaled.x[i] * fit.inverse, -16, 15) + 16;
    store_five_bits(static_cast<uint8_t>(level), block.qs, block.qh, i);
  }
}

}  // namespace thimble
