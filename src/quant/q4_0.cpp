#include "quant/q4_0.h"

#include "base/half.h"
#include "quant/rounding.h"
#include "quant/signed_peak.h"

namespace thimble {

void Q4_0::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((block.qs[i] & 0xf) - 8);
    out[i + 16] = d * static_cast<float>((block.qs[i] >> 4) - 8);
  }
}

void Q4_0::pack(const float* x, Block& block) {
  const float d = signed_peak({x, kBlockSize}) / -8;
  const float inverse = inverse_or_zero(d);
  block.d = finite_f16(d);
  for (int i = 0; i < 16; ++i) {
    const uint8_t low = truncate_to_level(x[i] * inverse + 8.5f, 15);
    const uint8_t high = truncate_to_level(x[i + 16] * inverse + 8.5f, 15);
    block.qs[i] = static_cast<uint8_t>(low | high << 4);
  }
}

}  // namespace thimble
