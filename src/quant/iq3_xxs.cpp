#include "quant/iq3_xxs.h"

#include <cstring>

#include "base/half.h"
#include "quant/grid_table.h"
#include "quant/scale_search.h"

namespace thimble {

IntegerBlock IQ3_XXS::integers(const Block& block) {
  IntegerBlock out;
  for (int sub = 0; sub < 8; ++sub) {
    uint32_t rest;
    std::memcpy(&rest, block.signs_and_scales + sub * 4, sizeof rest);
    out.scale_32(sub, 2 * (rest >> 28) + 1);
    for (int i = 0; i < 4; ++i) {
      const uint8_t* index = block.qs + sub * 8 + i * 2;
      const uint8_t signs = even_signs(rest >> (7 * i) & 0x7f);
      out.place_four(sub * 8 + i * 2, kIq3XxsGrid[index[0]], kIq3XxsLevels, signs & 0xf);
      out.place_four(sub * 8 + i * 2 + 1, kIq3XxsGrid[index[1]], kIq3XxsLevels, signs >> 4);
    }
  }
  return out;
}

float IQ3_XXS::scale(const Block& block) { return 0.25f * f16_to_f32(block.d); }

void IQ3_XXS::unpack(const Block& block, float* out) { unpack_integers(integers(block), scale(block), out); }

void IQ3_XXS::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  GridBlock fit;
  searches.fit_iq3_xxs(x, importance, fit);
  block = Block{};
  block.d = fit.d;
  for (int i = 0; i < 64; ++i) block.qs[i] = static_cast<uint8_t>(fit.entries[i]);
  for (int sub = 0; sub < 8; ++sub) {
    uint32_t rest = static_cast<uint32_t>(fit.scales[sub]) << 28;
    for (int i = 0; i < 4; ++i) rest |= static_cast<uint32_t>(fit.signs[sub * 4 + i] & 0x7f) << (7 * i);
    std::memcpy(block.signs_and_scales + sub * 4, &rest, sizeof rest);
  }
}

}  // namespace thimble
