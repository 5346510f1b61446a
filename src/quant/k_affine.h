// Fits a block of 256 weights as w = d * scale * level - dmin * minimum, with an integer scale and minimum a sub-block:
// the search that Q2_K, Q4_K and Q5_K share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/half.h"
#include "quant/rounding.h"
#include "quant/scale_search.h"

namespace thimble {

template <size_t SubBlocks>
struct AffineBlock {
  uint16_t d;     // binary16
  uint16_t dmin;  // binary16
  std::array<uint8_t, SubBlocks> scales;
  std::array<uint8_t, SubBlocks> minima;
  std::array<uint8_t, 256> levels;
};

// Levels are 0..high, scales and minima 0..high_scale.
template <size_t SubBlocks>
AffineBlock<SubBlocks> fit_affine_block(std::span<const float, 256> x, int high, int high_scale) {
  constexpr size_t kSize = 256 / SubBlocks;
  std::array<ScaleAndMinimum, SubBlocks> fits;
  float largest_scale = 0;
  float largest_minimum = 0;
  for (size_t sub = 0; sub < SubBlocks; ++sub) {
    fits[sub] = search_scale_and_minimum(x.subspan(sub * kSize, kSize), high);
    largest_scale = std::max(largest_scale, fits[sub].scale);
    largest_minimum = std::max(largest_minimum, fits[sub].minimum);
  }
  AffineBlock<SubBlocks> block;
  block.d = finite_f16(largest_scale / static_cast<float>(high_scale));
  block.dmin = finite_f16(largest_minimum / static_cast<float>(high_scale));
  // From here on with the scales as stored, so that the levels make up for their rounding.
  const float d = f16_to_f32(block.d);
  const float dmin = f16_to_f32(block.dmin);
  for (size_t sub = 0; sub < SubBlocks; ++sub) {
    block.scales[sub] = static_cast<uint8_t>(round_to_range(fits[sub].scale * inverse_or_zero(d), 0, high_scale));
    block.minima[sub] = static_cast<uint8_t>(round_to_range(fits[sub].minimum * inverse_or_zero(dmin), 0, high_scale));
    const float inverse = inverse_or_zero(d * static_cast<float>(block.scales[sub]));
    const float minimum = dmin * static_cast<float>(block.minima[sub]);
    for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) {
      block.levels[i] = static_cast<uint8_t>(round_to_range((x[i] + minimum) * inverse, 0, high));
    }
  }
  return block;
}

}  // namespace thimble
