#include "quant/tq2_0.h"

#include "base/half.h"
#include "quant/k_layout.h"

namespace thimble {

IntegerBlock TQ2_0::integers(const Block& block) {
  IntegerBlock out;
  out.scales.fill(1);
  for (int i = 0; i < kBlockSize; ++i) out.levels[i] = static_cast<int8_t>(k_layout::two_bits(block.qs, i) - 1);
  return out;
}

float TQ2_0::scale(const Block& block) { return f16_to_f32(block.d); }

void TQ2_0::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
