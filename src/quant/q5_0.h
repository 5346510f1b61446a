#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * (q - 16), q in 0..31; nibbles as in Q4_0, the fifth bit of weight i is bit i of qh (little-endian).
struct Q5_0 {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qh[4];
    uint8_t qs[16];
  };
  static constexpr NumberType kType = NumberType::Q5_0;
  static constexpr std::string_view kName = "Q5_0";
  static constexpr int kBlockSize = 32;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q5_0::Block) == 22);

}  // namespace thimble
