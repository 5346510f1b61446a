#include "quant/q6_k.h"

#include <algorithm>

#include "base/half.h"
#include "quant/k_layout.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr SymmetricFormat kFormat = {
    .sub_blocks = 16, .levels = {-32, 31}, .low_code = -128, .rounds = 1, .beginnings = 1, .passes = 2};

// Four low bits of weight i: each run of 64 bytes serves 128 weights.
int low_bits_at(int i) { return i / 128 * 64 + i % 64; }
int low_bits_shift(int i) { return i / 64 % 2 * 4; }

}  // namespace

void Q6_K::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int sub = 0; sub < 16; ++sub) {
    const float scale = d * static_cast<float>(block.scales[sub]);
    for (int i = sub * 16; i < sub * 16 + 16; ++i) {
      const int low = block.ql[low_bits_at(i)] >> low_bits_shift(i) & 0xf;
      const int level = (low | k_layout::two_bits(block.qh, i) << 4) - 32;
      out[i] = scale * static_cast<float>(level);
    }
  }
}

void Q6_K::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SymmetricBlock fit;
  searches.fit_symmetric(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  std::copy(fit.scales, fit.scales + 16, block.scales);
  for (int i = 0; i < kBlockSize; ++i) {
    const int level = fit.levels[i] + 32;
    block.ql[low_bits_at(i)] |= static_cast<uint8_t>((level & 0xf) << low_bits_shift(i));
    k_layout::store_two_bits(block.qh, i, static_cast<uint8_t>(level >> 4));
  }
}

}  // namespace thimble
