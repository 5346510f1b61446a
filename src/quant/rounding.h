// Rounding shared by the packers: every finite input gives a valid level and a finite scale, however large or small.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/half.h"

namespace thimble {

// 1 / d, and 0 where that is no finite number: all weights of such a block take the level of zero.
inline float inverse_or_zero(float d) {
  const float inverse = 1.0f / d;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

// A scale as binary16 bits; beyond its range the largest finite one.
inline uint16_t finite_f16(float scale) { return f32_to_f16(std::clamp(scale, -65504.0f, 65504.0f)); }

}  // namespace thimble
