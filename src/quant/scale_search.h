// What the packers search with: given weights x[n] and how much each matters, which scale (and minimum) leaves the least
// weighted squared error when every weight takes its nearest level. Sixteen candidates are judged at a time, side by side, so
// that there are no sums across lanes. The functions here are the portable ones; the tables of src/kernels have faster ones
// with the same results, bit for bit, and every packer takes a table of them.
//
// x and weight are any finite floats of at most 2^30 and at least 0 in magnitude; whoever calls keeps x near 1 (block_scaling.h), so
// that squares neither overflow nor vanish.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thimble {

inline constexpr int kCandidates = 16;

// x ~ scale * level - minimum, with whole levels 0..high, scale > 0 and minimum >= 0. A scale of 0 stands for level 0 everywhere.
struct AffineCandidates {
  alignas(64) float scale[kCandidates];
  alignas(64) float minimum[kCandidates];
  alignas(64) float error[kCandidates];  // out: sum of weight * (x - what it became)^2
};

// x ~ scale * level; a scale of any sign, 0 for nothing but zeros.
struct ScaleCandidates {
  alignas(64) float scale[kCandidates];
  alignas(64) float error[kCandidates];  // out
};

// Whole numbers low..high.
struct LevelRange {
  float low;
  float high;
};

// Where a refit makes a candidate worse than representable (a negative scale, say) it is left as it was.
struct ScaleSearches {
  // The error of each candidate as it is.
  void (*affine_errors)(const float* x, const float* weight, size_t n, float high, AffineCandidates& candidates);
  // Levels by each candidate, then the scale and the minimum that suit these levels best, and the error that they leave with
  // these levels (with levels chosen anew it is no larger).
  void (*refit_affine)(const float* x, const float* weight, size_t n, float high, AffineCandidates& candidates);
  // The same for whole levels without a minimum, ...
  void (*uniform_errors)(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& candidates);
  void (*refit_uniform)(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& candidates);
  // ... and for the sixteen levels of IQ4_NL, in which case the range is not looked at.
  void (*iq4_errors)(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& candidates);
  void (*refit_iq4)(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& candidates);
};

const ScaleSearches& plain_searches();

struct AffineFit {
  float scale = 0;
  float minimum = 0;
  float error = 0;
};

// The best of candidates all over the range of x, refitted `rounds` times.
AffineFit search_affine(const ScaleSearches& searches, const float* x, const float* weight, size_t n, float high,
                        int rounds);

// Which levels a format has that has no minimum.
struct LevelSet {
  decltype(ScaleSearches::uniform_errors) errors;
  decltype(ScaleSearches::refit_uniform) refit;
  LevelRange range;
};
LevelSet uniform_levels(const ScaleSearches& searches, float low, float high);
LevelSet iq4_levels(const ScaleSearches& searches);

struct ScaleFit {
  float scale = 0;
  float error = 0;
};

// The same for formats without a minimum.
ScaleFit search_scale(const LevelSet& levels, const float* x, const float* weight, size_t n, int rounds);

}  // namespace thimble
