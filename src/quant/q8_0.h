#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

// w = d * q, q in -128..127.
struct Q8_0 {
  struct Block {
    uint16_t d;  // binary16
    int8_t qs[32];
  };
  static constexpr NumberType kType = NumberType::Q8_0;
  static constexpr std::string_view kName = "Q8_0";
  static constexpr int kBlockSize = 32;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  static void pack(const float* x, Block& block);      // x: [kBlockSize], finite
};
static_assert(sizeof(Q8_0::Block) == 34);

}  // namespace thimble
