#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * (sc - 32) * (q - 4): 16 sub-blocks of 16, 6-bit sc packed in 12 bytes, q's two low bits in qs, third in
// hmask.
struct Q3_K {
  struct Block {
    uint8_t hmask[32];
    uint8_t qs[64];
    uint8_t scales[12];
    uint16_t d;  // binary16
  };
  static constexpr NumberType kType = NumberType::Q3_K;
  static constexpr std::string_view kName = "Q3_K";
  static constexpr int kBlockSize = 256;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q3_K::Block) == 110);

}  // namespace thimble
