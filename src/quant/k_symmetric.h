// Fits a block of 256 weights as w = d * scale * level, with an integer scale a sub-block: the search that Q3_K, Q6_K
// and IQ4_XS share.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/half.h"
#include "quant/rounding.h"
#include "quant/scale_search.h"

namespace thimble {

template <size_t SubBlocks>
struct SymmetricBlock {
  uint16_t d;  // binary16
  std::array<int8_t, SubBlocks> scales;
  std::array<int8_t, 256> levels;
};

// Scales are low_scale..-low_scale - 1; `nearest(v)` is the level nearest to v, `extreme` and `spread` as in
// search_scale().
template <size_t SubBlocks, class Nearest>
SymmetricBlock<SubBlocks> fit_symmetric_block(std::span<const float, 256> x, int low_scale, float extreme, float spread,
                                              Nearest nearest) {
  constexpr size_t kSize = 256 / SubBlocks;
  std::array<float, SubBlocks> fits;
  for (size_t sub = 0; sub < SubBlocks; ++sub) {
    fits[sub] = search_scale(x.subspan(sub * kSize, kSize), extreme, spread, nearest);
  }
  SymmetricBlock<SubBlocks> block;
  block.d = finite_f16(signed_peak(fits) / static_cast<float>(low_scale));
  // From here on with the scales as stored, so that the levels make up for their rounding.
  const float d = f16_to_f32(block.d);
  for (size_t sub = 0; sub < SubBlocks; ++sub) {
    const float inverse_d = inverse_or_zero(d);
    block.scales[sub] = static_cast<int8_t>(round_to_range(fits[sub] * inverse_d, low_scale, -low_scale - 1));
    const float inverse = inverse_or_zero(d * static_cast<float>(block.scales[sub]));
    for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) block.levels[i] = nearest(x[i] * inverse);
  }
  return block;
}

}  // namespace thimble
