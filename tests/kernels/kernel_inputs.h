// Inputs and comparisons shared by the tests of this room.
#pragma once

#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace thimble {

inline constexpr double kRoundoff = 0x1p-24;  // the relative error of one float operation

inline const NumberType kCacheTypes[] = {NumberType::F32,  NumberType::F16,  NumberType::BF16, NumberType::Q8_0,
                                         NumberType::Q5_1, NumberType::Q5_0, NumberType::Q4_0};

inline std::vector<float> normal_values(size_t n, uint32_t seed, float spread = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace thimble
