#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

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
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q4_1::Block) == 20);

}  // namespace thimble
