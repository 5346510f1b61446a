#include "quant/iq3_s.h"

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ3_S::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 8; ++sub) out.scale_32(sub, 2 * (block.scales[sub / 2] >> (sub % 2 * 4) & 0xf) + 1);
  for (int i = 0; i < 64; ++i) {
    const int index = block.qs[i] | (block.qh[i / 8] >> (i % 8) & 1) << 8;
    out.place_four(i, kIq3SGrid[index], kIq3SLevels, block.signs[i / 2] >> (i % 2 * 4) & 0xf);
  }
  return out;
}

float IQ3_S::scale(const Block& block) { return f16_to_f32(block.d); }

void IQ3_S::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
