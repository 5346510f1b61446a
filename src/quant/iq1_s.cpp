#include "quant/iq1_s.h"

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ1_S::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 8; ++sub) {
    const int high = block.qh[sub];
    out.scale_32(sub, 2 * (high >> 12 & 7) + 1);
    const Levels& levels = high >> 15 != 0 ? kIq1LevelsBelow : kIq1LevelsAbove;
    for (int i = 0; i < 4; ++i) {
      const int index = block.qs[sub * 4 + i] | (high >> (3 * i) & 7) << 8;
      out.place_eight(sub * 4 + i, kIq1SGrid[index], levels, 0);
    }
  }
  return out;
}

float IQ1_S::scale(const Block& block) { return 0.125f * f16_to_f32(block.d); }

void IQ1_S::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
