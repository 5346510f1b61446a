#include "quant/iq3_s.h"

#include <cstring>

#include "base/half.h"
#include "quant/grid_table.h"
#include "quant/scale_search.h"

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

void IQ3_S::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  GridBlock fit;
  searches.fit_iq3_s(x, importance, fit);
  block = Block{};
  block.d = fit.d;
  std::memcpy(block.signs, fit.signs, sizeof block.signs);
  for (int i = 0; i < 64; ++i) {
    block.qs[i] = static_cast<uint8_t>(fit.entries[i]);
    block.qh[i / 8] |= static_cast<uint8_t>((fit.entries[i] >> 8) << (i % 8));
  }
  for (int sub = 0; sub < 8; ++sub) block.scales[sub / 2] |= static_cast<uint8_t>(fit.scales[sub] << (sub % 2 * 4));
}

}  // namespace thimble
