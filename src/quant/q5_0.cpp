#include "quant/q5_0.h"

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/rounding.h"
#include "quant/signed_peak.h"

namespace thimble {

void Q5_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < kBlockSize; ++i) {
    out[i] = d * static_cast<float>(load_five_bits(block.qs, block.qh, i) - 16);
  }
}

void Q5_0::pack(const float* x, Block& block) {
  const float d = signed_peak({x, kBlockSize}) / -16;
  const float inverse = inverse_or_zero(d);
  block = Block{};
  block.d = finite_f16(d);
  for (int i = 0; i < kBlockSize; ++i) {
    store_five_bits(truncate_to_level(x[i] * inverse + 16.5f, 31), block.qs, block.qh, i);
  }
}

}  // namespace thimble
