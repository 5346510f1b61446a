#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

// Plain IEEE binary32.
struct F32 {
  struct Block {
    float x;
  };
  static constexpr NumberType kType = NumberType::F32;
  static constexpr std::string_view kName = "F32";
  static constexpr int kBlockSize = 1;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  static void pack(const float* x, Block& block);      // x: [kBlockSize], finite
};
static_assert(sizeof(F32::Block) == 4);

}  // namespace thimble
