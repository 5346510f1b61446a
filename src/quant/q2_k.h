#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * sc * q - dmin * m: 16 sub-blocks of 16, sc the low and m the high nibble of scales[i], q in 0..3.
struct Q2_K {
  struct Block {
    uint8_t scales[16];
    uint8_t qs[64];
    uint16_t d;     // binary16
    uint16_t dmin;  // binary16
  };
  static constexpr NumberType kType = NumberType::Q2_K;
  static constexpr std::string_view kName = "Q2_K";
  static constexpr int kBlockSize = 256;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q2_K::Block) == 84);

}  // namespace thimble
