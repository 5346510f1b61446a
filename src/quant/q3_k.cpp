#include "quant/q3_k.h"

#include "base/half.h"
#include "quant/k_layout.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr SymmetricFormat kFormat = {
    .sub_blocks = 16, .levels = {-4, 3}, .low_code = -32, .rounds = 1, .beginnings = 1, .passes = 2};

}  // namespace

void Q3_K::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<float>(k_layout::load_six_bit_scale(block.scales, sub) - 32);
    for (int i = sub * 16; i < sub * 16 + 16; ++i) {
      const int level = k_layout::two_bits(block.qs, i) | k_layout::one_bit(block.hmask, i) << 2;
      out[i] = scale * static_cast<float>(level - 4);
    }
  }
}

void Q3_K::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SymmetricBlock fit;
  searches.fit_symmetric(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  for (int sub = 0; sub < 16; ++sub) {
    k_layout::store_six_bit_scale(block.scales, sub, static_cast<uint8_t>(fit.scales[sub] + 32));
  }
  for (int i = 0; i < kBlockSize; ++i) {
    const uint8_t level = static_cast<uint8_t>(fit.levels[i] + 4);
    k_layout::store_two_bits(block.qs, i, level);
    k_layout::store_one_bit(block.hmask, i, level >> 2);
  }
}

}  // namespace thimble
