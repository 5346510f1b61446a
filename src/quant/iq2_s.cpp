#include "quant/iq2_s.h"

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ2_S::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 16; ++sub) {
    out.scales[sub] = static_cast<uint8_t>(2 * (block.scales[sub / 2] >> (sub % 2 * 4) & 0xf) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const int index = block.qs[i] | (block.qh[i / 4] >> (i % 4 * 2) & 3) << 8;
    out.place_eight(i, kIq2SGrid[index], kIq2Levels, block.signs[i]);
  }
  return out;
}

float IQ2_S::scale(const Block& block) { return 0.125f * f16_to_f32(block.d); }

void IQ2_S::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
