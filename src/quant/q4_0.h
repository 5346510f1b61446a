#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * (q - 8), q in 0..15; the low nibbles are weights 0..15, the high ones 16..31.
struct Q4_0 {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qs[16];
  };
  static constexpr NumberType kType = NumberType::Q4_0;
  static constexpr std::string_view kName = "Q4_0";
  static constexpr int kBlockSize = 32;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q4_0::Block) == 18);

}  // namespace thimble
