// A block of weights as the searches want it: moved by a power of two so that the largest is 1..2 in magnitude, with how much each
// weight's error counts. Powers of two are exact, and no square overflows.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "quant/rounding.h"

namespace thimble {

template <size_t N>
struct ScaledBlock {
  alignas(64) std::array<float, N> x;
  alignas(64) std::array<float, N> weight;
  double unit = 1;  // x * unit is what was given

  // in: [N], finite. importance: [N], 0 or more, or null for all alike.
  ScaledBlock(const float* in, const float* importance) {
    float peak = 0;
    for (size_t i = 0; i < N; ++i) peak = std::max(peak, std::abs(in[i]));
    int exponent = 0;
    if (peak > 0) std::frexp(peak, &exponent);
    unit = std::ldexp(1.0, exponent - 1);
    const double to_one = std::ldexp(1.0, 1 - exponent);
    float squares = 0;
    for (size_t i = 0; i < N; ++i) {
      x[i] = static_cast<float>(in[i] * to_one);
      squares += x[i] * x[i];
    }
    weigh(importance, squares / N);
  }

  // A scale in x's units as binary16 bits of the given one, and such bits in x's units.
  uint16_t store(float scale) const { return finite_f16(static_cast<float>(scale * unit)); }
  float load(uint16_t bits) const { return static_cast<float>(f16_to_f32(bits) / unit); }

 private:
  // An error at a larger weight counts more, as llama.cpp's quantizers have it: times sqrt(2 mean square + x^2).
  // No weight counts for nothing, so that each level is settled by something.
  void weigh(const float* importance, float mean_square) {
    constexpr float kLeast = 1e-6f;  // of the largest importance in the block
    float largest = 0;
    for (size_t i = 0; importance != nullptr && i < N; ++i) largest = std::max(largest, importance[i]);
    for (size_t i = 0; i < N; ++i) {
      const float share = largest > 0 ? std::max(importance[i] / largest, kLeast) : 1;
      weight[i] = share * std::sqrt(2 * mean_square + x[i] * x[i]);
    }
  }
};

}  // namespace thimble
