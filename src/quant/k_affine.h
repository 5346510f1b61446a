// Fits a block of 256 weights as w = d * scale * level - dmin * minimum, with an integer scale and minimum a sub-block:
// the search that Q2_K, Q4_K and Q5_K share.
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
struct AffineBlock {
  uint16_t d = 0;     // binary16
  uint16_t dmin = 0;  // binary16
  std::array<uint8_t, SubBlocks> scales{};
  std::array<uint8_t, SubBlocks> minima{};
  std::array<uint8_t, 256> levels{};
};

struct AffineFormat {
  int high;        // levels are 0..high
  int high_code;   // scales and minima are 0..high_code
  int rounds;      // of search_affine
  int beginnings;  // how many values of d are tried first
};

template <size_t SubBlocks>
class AffineBlockSearch {
 public:
  AffineBlockSearch(const ScaledBlock<256>& block, const AffineFormat& format, const ScaleSearches& searches)
      : block_(block), format_(format), searches_(searches) {}

  AffineBlock<SubBlocks> run() {
    float largest_scale = 0;
    float largest_minimum = 0;
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      fits_[sub] = search_affine(searches_, x(sub), weight(sub), kSize, high(), format_.rounds);
      largest_scale = std::max(largest_scale, fits_[sub].scale);
      largest_minimum = std::max(largest_minimum, fits_[sub].minimum);
    }
    AffineBlock<SubBlocks> best;
    float best_error = HUGE_VALF;
    for (int beginning = 0; beginning < format_.beginnings; ++beginning) {
      const float top = static_cast<float>(format_.high_code) - 0.75f * static_cast<float>(beginning);
      improve(largest_scale / top, largest_minimum / top, best, best_error);
    }
    return best;
  }

 private:
  static constexpr size_t kSize = 256 / SubBlocks;
  static constexpr int kPasses = 4;

  const float* x(size_t sub) const { return block_.x.data() + sub * kSize; }
  const float* weight(size_t sub) const { return block_.weight.data() + sub * kSize; }
  float high() const { return static_cast<float>(format_.high); }

  // Codes for d and dmin, then d and dmin for the codes and their levels, and again, while it helps.
  void improve(float d, float dmin, AffineBlock<SubBlocks>& best, float& best_error) const {
    for (int pass = 0; pass < kPasses; ++pass) {
      AffineBlock<SubBlocks> trial;
      trial.d = block_.store(d);
      trial.dmin = block_.store(dmin);
      const float error = choose_codes(trial);
      if (pass > 0 && !(error < best_error)) return;
      fill_levels(trial);
      if (error < best_error) {
        best_error = error;
        best = trial;
      }
      if (pass + 1 < kPasses) refit(trial, d, dmin);
    }
  }

  static int code_below(float value, float unit, int high_code) {
    return std::clamp(static_cast<int>(std::min(value * inverse_or_zero(unit), 255.0f)) - 1, 0, high_code - 3);
  }

  // Of each sub-block the best of four scales by four minima around its own fit; returns the block's error.
  float choose_codes(AffineBlock<SubBlocks>& trial) const {
    const float d = block_.load(trial.d);
    const float dmin = block_.load(trial.dmin);
    float total = 0;
    AffineCandidates candidates;
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      const int scale = code_below(fits_[sub].scale, d, format_.high_code);
      const int minimum = code_below(fits_[sub].minimum, dmin, format_.high_code);
      for (int i = 0; i < kCandidates; ++i) {
        candidates.scale[i] = d * static_cast<float>(scale + i % 4);
        candidates.minimum[i] = dmin * static_cast<float>(minimum + i / 4);
      }
      searches_.affine_errors(x(sub), weight(sub), kSize, high(), candidates);
      const int at =
          static_cast<int>(std::min_element(candidates.error, candidates.error + kCandidates) - candidates.error);
      trial.scales[sub] = static_cast<uint8_t>(scale + at % 4);
      trial.minima[sub] = static_cast<uint8_t>(minimum + at / 4);
      total += candidates.error[at];
    }
    return total;
  }

  void fill_levels(AffineBlock<SubBlocks>& trial) const {
    const float d = block_.load(trial.d);
    const float dmin = block_.load(trial.dmin);
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      const float inverse = inverse_or_zero(d * static_cast<float>(trial.scales[sub]));
      const float minimum = dmin * static_cast<float>(trial.minima[sub]);
      for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) {
        trial.levels[i] = static_cast<uint8_t>(round_to_range((block_.x[i] + minimum) * inverse, 0, format_.high));
      }
    }
  }

  // The d and dmin that suit a block's codes and levels best.
  void refit(const AffineBlock<SubBlocks>& trial, float& d, float& dmin) const {
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;  // weighted products of scale * level, -minimum and x
    for (size_t sub = 0; sub < SubBlocks; ++sub) {
      float w = 0, wl = 0, wll = 0, wx = 0, wlx = 0;
      for (size_t i = sub * kSize; i < (sub + 1) * kSize; ++i) {
        const float level = trial.levels[i];
        const float weighted = block_.weight[i] * level;
        w += block_.weight[i];
        wl += weighted;
        wll += weighted * level;
        wx += block_.weight[i] * block_.x[i];
        wlx += weighted * block_.x[i];
      }
      const double scale = trial.scales[sub];
      const double minimum = trial.minima[sub];
      aa += scale * scale * wll;
      ab -= scale * minimum * wl;
      bb += minimum * minimum * w;
      ax += scale * wlx;
      bx -= minimum * wx;
    }
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = static_cast<float>((ax * bb - bx * ab) / determinant);
      dmin = static_cast<float>((bx * aa - ax * ab) / determinant);
    } else if (aa > 0) {
      d = static_cast<float>(ax / aa);
    }
    d = std::max(d, 0.0f);
    dmin = std::max(dmin, 0.0f);
  }

  const ScaledBlock<256>& block_;
  const AffineFormat& format_;
  const ScaleSearches& searches_;
  std::array<AffineFit, SubBlocks> fits_;
};

template <size_t SubBlocks>
AffineBlock<SubBlocks> fit_affine_block(const float* x, const float* importance, const AffineFormat& format,
                                        const ScaleSearches& searches) {
  const ScaledBlock<256> block(x, importance);
  return AffineBlockSearch<SubBlocks>(block, format, searches).run();
}

}  // namespace thimble
