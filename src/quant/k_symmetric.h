// Fits a block of 256 weights as w = d * scale * level, with an integer scale a sub-block: the search that Q3_K, Q6_K
// and IQ4_XS share.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/block_scaling.h"
#include "quant/scale_search.h"

namespace thimble {

template <size_t SubBlocks>
struct SymmetricBlock {
  uint16_t d = 0;  // binary16
  std::array<int8_t, SubBlocks> scales{};
  std::array<int8_t, 256> levels{};
};

struct SymmetricFormat {
  int low_code;    // scales are low_code..-low_code - 1
  int rounds;      // of search_scale
  int beginnings;  // how many values of d are tried first
};

// `nearest(v)` is the level nearest to v, one of `levels`.
template <size_t SubBlocks, class Nearest>
class SymmetricBlockSearch {
 public:
  SymmetricBlockSearch(const ScaledBlock<256>& block, const SymmetricFormat& format, const LevelSet& levels,
                       Nearest nearest)
      : block_(block), format_(format), levels_(levels), nearest_(nearest) {}

  SymmetricBlock<SubBlocks> run() {
    float peak = 0;
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      fits_[sub] = search_scale(levels_, x(sub), weight(sub), kSize, format_.rounds);
      if (std::abs(fits_[sub].scale) > std::abs(peak)) peak = fits_[sub].scale;
    }
    SymmetricBlock<SubBlocks> best;
    float best_error = HUGE_VALF;
    for (int beginning = 0; beginning < format_.beginnings; ++beginning) {
      improve(peak / (static_cast<float>(format_.low_code) + 0.6f * static_cast<float>(beginning)), best, best_error);
    }
    return best;
  }

 private:
  static constexpr size_t kSize = 256 / SubBlocks;
  static constexpr int kPasses = 3;

  const float* x(size_t sub) const { return block_.x.data() + sub * kSize; }
  const float* weight(size_t sub) const { return block_.weight.data() + sub * kSize; }

  // Codes for d, then d for the codes and their levels, and again, while it helps.
  void improve(float d, SymmetricBlock<SubBlocks>& best, float& best_error) const {
    for (int pass = 0; pass < kPasses; ++pass) {
      SymmetricBlock<SubBlocks> trial;
      trial.d = block_.store(d);
      const float error = choose_codes(trial);
      if (pass > 0 && !(error < best_error)) return;
      fill_levels(trial);
      if (error < best_error) {
        best_error = error;
        best = trial;
      }
      if (pass + 1 < kPasses) d = refit(trial, d);
    }
  }

  // Of each sub-block the best of sixteen scales around its own fit; returns the block's error.
  float choose_codes(SymmetricBlock<SubBlocks>& trial) const {
    const float d = block_.load(trial.d);
    const float inverse = inverse_or_zero(d);
    float total = 0;
    ScaleCandidates candidates;
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      const float own = std::clamp(fits_[sub].scale * inverse, -255.0f, 255.0f);
      const int first = std::clamp(static_cast<int>(std::floor(own)) - 7, format_.low_code, -format_.low_code - 16);
      for (int i = 0; i < kCandidates; ++i) candidates.scale[i] = d * static_cast<float>(first + i);
      levels_.errors(x(sub), weight(sub), kSize, levels_.range, candidates);
      const int at =
          static_cast<int>(std::min_element(candidates.error, candidates.error + kCandidates) - candidates.error);
      trial.scales[sub] = static_cast<int8_t>(first + at);
      total += candidates.error[at];
    }
    return total;
  }

  void fill_levels(SymmetricBlock<SubBlocks>& trial) const {
    const float d = block_.load(trial.d);
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      const float inverse = inverse_or_zero(d * static_cast<float>(trial.scales[sub]));
      for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) {
        trial.levels[i] = static_cast<int8_t>(nearest_(block_.x[i] * inverse));
      }
    }
  }

  // The d that suits a block's codes and levels best.
  float refit(const SymmetricBlock<SubBlocks>& trial, float d) const {
    double aa = 0, ax = 0;  // weighted products of scale * level and x
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      float wll = 0, wlx = 0;
      for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) {
        const float level = trial.levels[i];
        wll += block_.weight[i] * level * level;
        wlx += block_.weight[i] * level * block_.x[i];
      }
      aa += static_cast<double>(trial.scales[sub]) * trial.scales[sub] * wll;
      ax += static_cast<double>(trial.scales[sub]) * wlx;
    }
    return aa > 0 ? static_cast<float>(ax / aa) : d;
  }

  const ScaledBlock<256>& block_;
  const SymmetricFormat& format_;
  const LevelSet& levels_;
  Nearest nearest_;
  std::array<ScaleFit, SubBlocks> fits_;
};

template <size_t SubBlocks, class Nearest>
SymmetricBlock<SubBlocks> fit_symmetric_block(const float* x, const float* importance, const SymmetricFormat& format,
                                              const LevelSet& levels, Nearest nearest) {
  const ScaledBlock<256> block(x, importance);
  return SymmetricBlockSearch<SubBlocks, Nearest>(block, format, levels, nearest).run();
}

}  // namespace thimble
