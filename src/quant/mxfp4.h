#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

// w = 2^(e - 128) * kValues[q]: the OCP microscaling format (MX v1.0, section 5.2) with elements E2M1, of which kValues has twice
// the values, and a scale that is an exponent alone. Nibbles as in Q4_0.
struct MXFP4 {
  struct Block {
    uint8_t e;  // E8M0
    uint8_t qs[16];
  };
  static constexpr NumberType kType = NumberType::MXFP4;
  static constexpr std::string_view kName = "MXFP4";
  static constexpr int kBlockSize = 32;  // weights a block
  static constexpr std::array<int8_t, 16> kValues = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  // 2^(e - 128). The standard has NaN for 255; ggml counts on, and so does this.
  static float scale(const Block& block);
  // False for 255 and for scales with which the largest value is no finite number.
  static bool has_finite_scale(const Block& block) { return block.e <= 252; }
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(MXFP4::Block) == 17);

}  // namespace thimble
