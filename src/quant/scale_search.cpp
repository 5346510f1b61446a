#include "quant/scale_search.h"

#include <algorithm>
#include <limits>

namespace thimble {
namespace {

// Weighted sums over a sub-block.
struct Moments {
  double w = 0, wx = 0, wl = 0, wll = 0, wlx = 0;

  // The least-squares scale and minimum; a minimum below zero, which no format can store, becomes zero.
  ScaleAndMinimum solve() const {
    const double determinant = w * wll - wl * wl;
    if (determinant > 0) {
      const double scale = (w * wlx - wx * wl) / determinant;
      const double minimum = (wl * wlx - wll * wx) / determinant;
      if (minimum >= 0) return {static_cast<float>(scale), static_cast<float>(minimum)};
    }
    return {wll > 0 ? static_cast<float>(wlx / wll) : 0, 0};
  }
};

double error_of(std::span<const float> x, int high, ScaleAndMinimum fit, double rms) {
  const float inverse = inverse_or_zero(fit.scale);
  double error = 0;
  for (const float value : x) {
    const int level = round_to_range((value + fit.minimum) * inverse, 0, high);
    const double difference = static_cast<double>(fit.scale) * level - fit.minimum - value;
    error += importance(value, rms) * difference * difference;
  }
  return error;
}

}  // namespace

ScaleAndMinimum search_scale_and_minimum(std::span<const float> x, int high) {
  constexpr int kSteps = 20;
  const auto [least_at, largest_at] = std::minmax_element(x.begin(), x.end());
  const float least = std::min(*least_at, 0.0f);
  const double range = static_cast<double>(*largest_at) - least;
  const double rms = root_mean_square(x);
  ScaleAndMinimum best = {static_cast<float>(range / high), -least};
  double best_error = error_of(x, high, best, rms);
  // Steps from one level fewer to one level more than the range holds: clipping the extremes a little often pays.
  for (int step = 0; step <= kSteps && range > 0; ++step) {
    const double inverse = (high - 1 + 2.0 * step / kSteps) / range;
    Moments moments;
    for (const float value : x) {
      const double weight = importance(value, rms);
      const int level = round_to_range(static_cast<float>((static_cast<double>(value) - least) * inverse), 0, high);
      moments.w += weight;
      moments.wx += weight * value;
      moments.wl += weight * level;
      moments.wll += weight * level * level;
      moments.wlx += weight * level * value;
    }
    const ScaleAndMinimum fit = moments.solve();
    if (!(fit.scale > 0)) continue;
    const double error = error_of(x, high, fit, rms);
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

}  // namespace thimble
