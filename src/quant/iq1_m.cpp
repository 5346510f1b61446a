#include "quant/iq1_m.h"

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ1_M::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 16; ++sub) {
    out.scales[sub] = static_cast<uint8_t>(2 * (block.scales[sub / 4] >> (sub % 4 * 3) & 7) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    const int high = block.qh[i / 2] >> (i % 2 * 4) & 0xf;
    const Levels& levels = high >> 3 != 0 ? kIq1LevelsBelow : kIq1LevelsAbove;
    out.place_eight(i, kIq1SGrid[block.qs[i] | (high & 7) << 8], levels, 0);
  }
  return out;
}

uint16_t IQ1_M::d_bits(const Block& block) {
  int bits = 0;
  for (int i = 0; i < 4; ++i) bits |= block.scales[i] >> 12 << (4 * i);
  return static_cast<uint16_t>(bits);
}

float IQ1_M::scale(const Block& block) { return 0.125f * f16_to_f32(d_bits(block)); }

void IQ1_M::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
