#include "quant/iq2_xxs.h"

#include <cstring>

#include "base/half.h"
#include "quant/grid_table.h"

namespace thimble {

IntegerBlock IQ2_XXS::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 8; ++sub) {
    const uint8_t* index = block.qs + sub * 8;
    uint32_t rest;
    std::memcpy(&rest, index + 4, sizeof rest);
    out.scale_32(sub, 2 * (rest >> 28) + 1);
    for (int i = 0; i < 4; ++i) {
      out.place_eight(sub * 4 + i, kIq2XxsGrid[index[i]], kIq2Levels, even_signs(rest >> (7 * i) & 0x7f));
    }
  }
  return out;
}

float IQ2_XXS::scale(const Block& block) { return 0.125f * f16_to_f32(block.d); }

void IQ2_XXS::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

}  // namespace thimble
