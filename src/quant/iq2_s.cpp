#include "quant/iq2_s.h"

#include <cstring>

#include "base/half.h"
#include "quant/grid_table.h"
#include "quant/scale_search.h"

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

void IQ2_S::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  GridBlock fit;
  searches.fit_iq2_s(x, importance, fit);
  block = Block{};
  block.d = fit.d;
  std::memcpy(block.signs, fit.signs, sizeof block.signs);
  for (int i = 0; i < 32; ++i) {
    block.qs[i] = static_cast<uint8_t>(fit.entries[i]);
    block.qh[i / 4] |= static_cast<uint8_t>((fit.entries[i] >> 8) << (i % 4 * 2));
  }
  for (int sub = 0; sub < 16; ++sub) block.scales[sub / 2] |= static_cast<uint8_t>(fit.scales[sub] << (sub % 2 * 4));
}

}  // namespace thimble
