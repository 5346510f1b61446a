#include "quant/iq2_xs.h"

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ2_XS::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 16; ++sub) {
    out.scales[sub] = static_cast<uint8_t>(2 * (block.scales[sub / 2] >> (sub % 2 * 4) & 0xf) + 1);
  }
  for (int i = 0; i < 32; ++i) {
    out.place_eight(i, kIq2XsGrid[block.qs[i] & 0x1ff], kIq2Levels, even_signs(block.qs[i] >> 9));
  }
  return out;
}

float IQ2_XS::scale(const Block& block) { return 0.125f * f16_to_f32(block.d); }

void IQ2_XS::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
