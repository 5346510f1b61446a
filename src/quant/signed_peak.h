// The weight of largest magnitude, with its sign: symmetric formats map it to their most negative level, which reaches
// one step further than the most positive one.
#pragma once

#include <cmath>
#include <span>

namespace thimble {

inline float signed_peak(std::span<const float> x) {
  float peak = 0;
  for (const float value : x) {
    if (std::abs(value) > std::abs(peak)) peak = value;
  }
  return peak;
}

}  // namespace thimble
