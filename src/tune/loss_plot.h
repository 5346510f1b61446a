// The losses of a training run as an SVG file that stands alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace thimble {

struct LossPoint {
  uint64_t step;
  double loss;                            // finite, as the next
  std::optional<double> validation_loss;  // where it was measured
};

// A line of the losses by step, and dots for the validation's, on axes from 0.
std::string loss_plot(std::span<const LossPoint> points);

}  // namespace thimble
