#include "quant/q5_1.h"

#include <algorithm>

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/rounding.h"

namespace thimble {

void Q5_1::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  const float m = f16_to_f32(block.m);
  for (int i = 0; i < kBlockSize; ++i) out[i] = d * static_cast<float>(load_five_bits(block.qs, block.qh, i)) + m;
}

void Q5_1::pack(const float* x, Block& block) {
  const auto [least, largest] = std::minmax_element(x, x + kBlockSize);
  const float d = (*largest - *least) / 31;
  const float inverse = inverse_or_zero(d);
  block = Block{};
  block.d = finite_f16(d);
  block.m = finite_f16(*least);
  for (int i = 0; i < kBlockSize; ++i) {
    store_five_bits(truncate_to_level((x[i] - *least) * inverse + 0.5f, 31), block.qs, block.qh, i);
  }
}

}  // namespace thimble
