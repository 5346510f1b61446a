#include "quant/iq4_xs.h"

#include "base/half.h"
#include "quant/iq4_nl.h"
#include "quant/scale_search.h"

namespace thimble {
namespace {

constexpr SymmetricFormat kFormat = {.sub_blocks = 8,
                                     .levels = {.low = -127, .high = 113, .is_iq4 = true},
                                     .low_code = -32,
                                     .rounds = 2,
                                     .beginnings = 1,
                                     .passes = 2};

}  // namespace

void IQ4_XS::unpack(const Block& block, float* out) {
  const float d = f16_to_f32(block.d);
  for (int sub = 0; sub < 8; ++sub) {
    const int low = block.scales_l[sub / 2] >> (sub % 2 * 4) & 0xf;
    const int high = block.scales_h >> (sub * 2) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    const uint8_t* qs = block.qs + sub * 16;
    for (int i = 0; i < 16; ++i) {
      out[sub * 32 + i] = scale * static_cast<float>(IQ4_NL::kValues[qs[i] & 0xf]);
      out[sub * 32 + i + 16] = scale * static_cast<float>(IQ4_NL::kValues[qs[i] >> 4]);
    }
  }
}

void IQ4_XS::pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block) {
  SymmetricBlock fit;
  searches.fit_symmetric(x, importance, kFormat, fit);
  block = Block{};
  block.d = fit.d;
  for (int sub = 0; sub < 8; ++sub) {
    const int scale = fit.scales[sub] + 32;
    block.scales_l[sub / 2] |= static_cast<uint8_t>((scale & 0xf) << (sub % 2 * 4));
    block.scales_h |= static_cast<uint16_t>(scale >> 4 << (sub * 2));
    uint8_t* qs = block.qs + sub * 16;
    for (int i = 0; i < 16; ++i) {
      const uint8_t low = IQ4_NL::nearest(fit.levels[sub * 32 + i]);
      const uint8_t high = IQ4_NL::nearest(fit.levels[sub * 32 + i + 16]);
      qs[i] = static_cast<uint8_t>(low | high << 4);
    }
  }
}

}  // namespace thimble
