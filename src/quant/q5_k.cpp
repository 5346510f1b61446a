#include "quant/q5_k.h"

#include "base/half.h"
#include "quant/k_layout.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr AffineFormat kFormat = {
    .sub_blocks = 8, .high = 31, .high_code = 63, .rounds = 2, .beginnings = 1, .passes = 3};

}  // namespace

void Q5_K::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  const auto [scales, minima] = k_layout::load_scales_and_minima(block.scales);
  for (int sub = 0; sub < 8; ++sub) {
    const float scale = d * static_cast<float>(scales[sub]);
    const float minimum = dmin * static_cast<float>(minima[sub]);
    for (int i = sub * 32; i < sub * 32 + 32; ++i) {
      const int level = k_layout::four_bits(block.qs, i) | k_layout::one_bit(block.qh, i) << 4;
      out[i] = scale * static_cast<float>(level) - minimum;
    }
  }
}

void Q5_K::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  AffineBlock fit;
  searches.fit_affine(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  block.dmin = fit.dmin;
  k_layout::store_scales_and_minima(fit.scales, fit.minima, block.scales);
  for (int i = 0; i < kBlockSize; ++i) {
    k_layout::store_four_bits(block.qs, i, fit.levels[i]);
    k_layout::store_one_bit(block.qh, i, fit.levels[i] >> 4);
  }
}

}  // namespace thimble
