#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * sc * q - dmin * m: as Q4_K with a fifth bit in qh, q in 0..31.
struct Q5_K {
  struct Block {
    uint16_t d;     // binary16
    uint16_t dmin;  // binary16
    uint8_t scales[12];
    uint8_t qh[32];
    uint8_t qs[128];
  };
  static constexpr NumberType kType = NumberType::Q5_K;
  static constexpr std::string_view kName = "Q5_K";
  static constexpr int kBlockSize = 256;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q5_K::Block) == 176);

}  // namespace thimble
