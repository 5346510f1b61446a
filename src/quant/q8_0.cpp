#include "quant/q8_0.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "quant/rounding.h"

namespace thimble {
namespace {

// Ties away from zero, as std::round has it, which would be a call. |value| is at most 128.
int nearest(float value) {
  const int whole = static_cast<int>(value);
  const float rest = value - static_cast<float>(whole);
  return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

}  // namespace

void Q8_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < kBlockSize; ++i) out[i] = static_cast<float>(block.qs[i]) * d;
}

void Q8_0::pack(const float* x, Block& block) {
  float largest = 0;
  for (int i = 0; i < kBlockSize; ++i) largest = std::max(largest, std::abs(x[i]));
  const float d = largest / 127;
  const float inverse = inverse_or_zero(d);
  block.d = finite_f16(d);
  for (int i = 0; i < kBlockSize; ++i) block.qs[i] = static_cast<int8_t>(nearest(x[i] * inverse));
}

}  // namespace thimble
