#include "quant/q3_k.h"

#include "base/half.h"
#include "quant/k_layout.h"
#include "quant/k_symmetric.h"

namespace thimble {
namespace {

constexpr SymmetricFormat kFormat = {.low_code = -32, .rounds = 3, .beginnings = 3};

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
  const auto nearest = [](float value) { return round_to_range(value, -4, 3); };
  const auto fit = fit_symmetric_block<16>(x, importance, kFormat, uniform_levels(searches, -4, 3), nearest);
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
