// Fits a block of 32 weights with one scale, or a scale and an offset, in binary16: the search that Q4_0, Q5_0, IQ4_NL, Q4_1 and
// Q5_1 share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "quant/block_scaling.h"
#include "quant/scale_search.h"

namespace thimble {

// The finite binary16 so many steps further from zero.
inline uint16_t neighbouring_f16(uint16_t bits, int steps) {
  return static_cast<uint16_t>((bits & 0x8000) | std::clamp((bits & 0x7fff) + steps, 0, 0x7bff));
}

struct SingleScale {
  uint16_t d;
  float inverse;  // of d in the units of the block's x; 0 where there is none
};

inline SingleScale fit_single_scale(const ScaledBlock<32>& block, const LevelSet& levels, int rounds) {
  const ScaleFit fit = search_scale(levels, block.x.data(), block.weight.data(), 32, rounds);
  // Binary16 rounds to a part in 2048; its neighbours may suit the levels better.
  ScaleCandidates candidates;
  const uint16_t nearest = block.store(fit.scale);
  uint16_t bits[kCandidates];
  for (int i = 0; i < kCandidates; ++i) {
    bits[i] = neighbouring_f16(nearest, i - 7);
    candidates.scale[i] = block.load(bits[i]);
  }
  levels.errors(block.x.data(), block.weight.data(), 32, levels.range, candidates);
  const auto at = std::min_element(candidates.error, candidates.error + kCandidates) - candidates.error;
  return {bits[at], inverse_or_zero(candidates.scale[at])};
}

// w = d * level + m.
struct SingleAffine {
  uint16_t d;
  uint16_t m;
  float inverse;
  float offset;  // m in the units of the block's x
};

inline SingleAffine fit_single_affine(const ScaledBlock<32>& block, const ScaleSearches& searches, float high,
                                      int rounds) {
  // Offsets have any sign here: seen from the largest weight every minimum is above zero, as the searches want it.
  const float largest = *std::max_element(block.x.begin(), block.x.end());
  alignas(64) float below[32];
  for (int i = 0; i < 32; ++i) below[i] = block.x[i] - largest;
  const AffineFit fit = search_affine(searches, below, block.weight.data(), 32, high, rounds);
  const uint16_t d = block.store(fit.scale);
  const uint16_t m = block.store(largest - fit.minimum);
  AffineCandidates candidates;
  uint16_t d_bits[kCandidates], m_bits[kCandidates];
  for (int i = 0; i < kCandidates; ++i) {
    d_bits[i] = neighbouring_f16(d, i % 4 - 1);
    m_bits[i] = neighbouring_f16(m, i / 4 - 1);
    candidates.scale[i] = block.load(d_bits[i]);
    candidates.minimum[i] = largest - block.load(m_bits[i]);
  }
  searches.affine_errors(below, block.weight.data(), 32, high, candidates);
  const auto at = std::min_element(candidates.error, candidates.error + kCandidates) - candidates.error;
  return {d_bits[at], m_bits[at], inverse_or_zero(candidates.scale[at]), block.load(m_bits[at])};
}

}  // namespace thimble
