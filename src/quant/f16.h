#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

// Plain IEEE binary16.
struct F16 {
  struct Block {
    uint16_t x;
  };
  static constexpr NumberType kType = NumberType::F16;
  static constexpr std::string_view kName = "F16";
  static constexpr int kBlockSize = 1;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  static void pack(const float* x, Block& block);      // x: [kBlockSize], finite
};
static_assert(sizeof(F16::Block) == 2);

}  // namespace thimble
