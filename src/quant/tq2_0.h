#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d * (q - 1), q in 0..3 (a file of ternary weights has no 3): two bits a weight, laid out as in Q2_K.
struct TQ2_0 {
  struct Block {
    uint8_t qs[64];
    uint16_t d;  // binary16
  };
  static constexpr NumberType kType = NumberType::TQ2_0;
  static constexpr std::string_view kName = "TQ2_0";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(TQ2_0::Block) == 66);

}  // namespace thimble
