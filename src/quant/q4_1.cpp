#include "quant/q4_1.h"

#include <algorithm>

#include "base/half.h"
#include "quant/rounding.h"

namespace thimble {

void Q4_1::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float m = f16_to_f32(block.m);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(block.qs[i] & 0xf) + m;
    out[i + 16] = d * static_cast<float>(block.qs[i] >> 4) + m;
  }
}

void Q4_1::pack(const float* x, Block& block) {
  const auto [least, largest] = std::minmax_element(x, x + kBlockSize);
  const float d = (*largest - *least) / 15;
  const float inverse = inverse_or_zero(d);
  block.d = finite_f16(d);
  block.m = finite_f16(*least);
  for (int i = 0; i < 16; ++i) {
    const uint8_t low = truncate_to_level((x[i] - *least) * inverse + 0.5f, 15);
    const uint8_t high = truncate_to_level((x[i + 16] - *least) * inverse + 0.5f, 15);
    block.qs[i] = static_cast<uint8_t>(low | high << 4);
  }
}

}  // namespace thimble
