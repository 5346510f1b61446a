#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d * q, q in -1..1: a byte is a fraction of 256 in base 3 that gives five weights (four in qh), the first the highest digit;
// the weights of a digit stand side by side.
struct TQ1_0 {
  struct Block {
    uint8_t qs[48];  // five times 32 weights, then five times 16
    uint8_t qh[4];   // four times 4 weights
    uint16_t d;      // binary16
  };
  static constexpr NumberType kType = NumberType::TQ1_0;
  static constexpr std::string_view kName = "TQ1_0";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(TQ1_0::Block) == 54);

}  // namespace thimble
