#include "quant/q2_k.h"

#include "base/half.h"
#include "quant/k_layout.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr AffineFormat kFormat = {
    .sub_blocks = 16, .high = 3, .high_code = 15, .rounds = 2, .beginnings = 3, .passes = 3};

}  // namespace

void Q2_K::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<float>(block.scales[sub] & 0xf);
    const float minimum = dmin * static_cast<float>(block.scales[sub] >> 4);
    for (int i = sub * 16; i < sub * 16 + 16; ++i) {
      out[i] = scale * static_cast<float>(k_layout::two_bits(block.qs, i)) - minimum;
    }
  }
}

void Q2_K::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  AffineBlock fit;
  searches.fit_affine(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  block.dmin = fit.dmin;
  for (int sub = 0; sub < 16; ++sub) block.scales[sub] = static_cast<uint8_t>(fit.scales[sub] | fit.minima[sub] << 4);
  for (int i = 0; i < kBlockSize; ++i) k_layout::store_two_bits(block.qs, i, fit.levels[i]);
}

}  // namespace thimble
