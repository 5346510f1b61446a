#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * sc * (q - 32): 16 sub-blocks of 16, sc int8, q's four low bits in ql, two high ones in qh.
struct Q6_K {
  struct Block {
    uint8_t ql[128];
    uint8_t qh[64];
    int8_t scales[16];
    uint16_t d;  // binary16
  };
  static constexpr NumberType kType = NumberType::Q6_K;
  static constexpr std::string_view kName = "Q6_K";
  static constexpr int kBlockSize = 256;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(Q6_K::Block) == 210);

}  // namespace thimble
