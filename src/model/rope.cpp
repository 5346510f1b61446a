#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace thimble {
namespace {

// The pair whose wavelength makes `rotations` turns within the original context.
double yarn_pair(const Hyperparameters& h, double rotations) {
  return h.rope_dimension_count * std::log(h.rope_original_context_length / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(h.rope_freq_base)));
}

// How much of a pair keeps its original frequency: 1 for the fast pairs, 0 for the slow ones.
double yarn_kept(const Hyperparameters& h, size_t pair) {
  const double low = std::max(0.0, std::floor(yarn_pair(h, h.rope_yarn_beta_fast)));
  const double high = std::min(h.rope_dimension_count - 1.0, std::ceil(yarn_pair(h, h.rope_yarn_beta_slow)));
  const double ramp = (static_cast<double>(pair) - low) / std::max(0.001, high - low);
  return 1 - std::clamp(ramp, 0.0, 1.0);
}

}  // namespace

RopeTables::RopeTables(const Hyperparameters& h, const float* factors) {
  const size_t pairs = h.rope_dimension_count / 2;
  for (size_t i = 0; i < pairs; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / h.rope_dimension_count;
    double angle = std::pow(static_cast<double>(h.rope_freq_base), exponent);
    if (factors != nullptr) angle /= factors[i];
    if (h.rope_scaling != RopeScaling::none) {
      const double kept = h.rope_scaling == RopeScaling::yarn ? yarn_kept(h, i) : 0.0;
      angle = angle / h.rope_scaling_factor * (1 - kept) + angle * kept;
    }
    full_.push_back(angle);
    // Window layers with a base of their own see short distances only: neither stretched nor scaled.
    if (h.rope_freq_base_swa != 0) window_.push_back(std::pow(static_cast<double>(h.rope_freq_base_swa), exponent));
  }
  if (h.rope_attention_factor > 0) magnitude_ = h.rope_attention_factor;
  if (h.rope_scaling == RopeScaling::yarn) {
    magnitude_ *= 1 + 0.1 * std::log(std::max(1.0, static_cast<double>(h.rope_scaling_factor)));
  }
}

void RopeTables::fill(size_t position, bool window_layer, float* table) const {
  const bool window = window_layer && has_window_table();
  const std::vector<double>& angles = window ? window_ : full_;
  const double magnitude = window ? 1.0 : magnitude_;
  for (size_t i = 0; i < angles.size(); ++i) {
    const double angle = static_cast<double>(position) * angles[i];
    table[2 * i] = static_cast<float>(std::cos(angle) * magnitude);
    table[2 * i + 1] = static_cast<float>(std::sin(angle) * magnitude);
  }
}

}  // namespace thimble
