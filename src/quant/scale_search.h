// The searches behind the packers: which scale (and minimum) of a sub-block leaves the least squared error, when every
// weight takes its nearest level.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "quant/rounding.h"
#include "quant/signed_peak.h"

namespace thimble {

// How much an error at a weight of this value counts: larger weights count more, but even zero counts.
inline double importance(float value, double rms) { return rms + std::abs(value); }

// In double: squares of large floats do not overflow.
inline double root_mean_square(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(x.size()));
}

// x ~ scale * level(x): tries scales around peak / extreme, for each solves the least-squares scale of the levels
// found, and returns the best; 0 where all is (nearly) zero. `nearest(v)` is the level nearest to v, `extreme` the
// level of the peak, `spread` how far from it to look, in levels.
template <class Nearest>
float search_scale(std::span<const float> x, float extreme, float spread, Nearest nearest) {
  constexpr int kSteps = 9;
  const float peak = signed_peak(x);
  const double rms = root_mean_square(x);
  double best_scale = 0;
  double best_gain = 0;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const float inverse = inverse_or_zero(peak / (extreme + spread * static_cast<float>(step) / kSteps));
    double level_dot_x = 0;
    double level_norm = 0;
    for (const float value : x) {
      const double weight = importance(value, rms);
      const double level = nearest(value * inverse);
      level_dot_x += weight * level * value;
      level_norm += weight * level * level;
    }
    // The least-squares scale takes level_dot_x^2 / level_norm off the squared error of all zeros.
    const double gain = level_norm > 0 ? level_dot_x * level_dot_x / level_norm : 0;
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = level_dot_x / level_norm;
    }
  }
  return static_cast<float>(best_scale);
}

// x ~ scale * level - minimum, with levels 0..high, scale >= 0 and minimum >= 0.
struct ScaleAndMinimum {
  float scale;
  float minimum;
};

ScaleAndMinimum search_scale_and_minimum(std::span<const float> x, int high);

}  // namespace thimble
