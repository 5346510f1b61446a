#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d * (2 s + 1) * (g + delta), g in -1..1: eight weights are an entry of kIq1SGrid, whose index has its low bits in qs. A word of
// qh is 32 weights: four times three high bits of an index, 3 bits of s and above them whether delta is -1/8 or 1/8.
struct IQ1_S {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qs[32];
    uint16_t qh[8];
  };
  static constexpr NumberType kType = NumberType::IQ1_S;
  static constexpr std::string_view kName = "IQ1_S";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(IQ1_S::Block) == 50);

}  // namespace thimble
