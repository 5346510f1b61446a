#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

// w = d * q + m, q in 0..15; nibbles as in Q4_0.
struct Q4_1 {
  struct Block {
    uint16_t d;  // binary16
    uint16_t m;  // binary16
    uint8_t qs[16];
  };
  static constexpr NumberType kType = NumberType::Q4_1;
  static constexpr std::string_view kName = "Q4_1";
  static constexpr int kBlockSize = 32;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  static void pack(const float* x, Block& block);      // x: [kBlockSize], finite
};
static_assert(sizeof(Q4_1::Block) == 20);

}  // namespace thimble
