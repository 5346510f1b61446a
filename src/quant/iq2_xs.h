#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d / 8 * (2 s + 1) * level: 4-bit s for 16 weights; a word of qs is eight weights: an index into kIq2XsGrid, and in its upper 7
// bits their signs (see even_signs()).
struct IQ2_XS {
  struct Block {
    uint16_t d;  // binary16
    uint16_t qs[32];
    uint8_t scales[8];
  };
  static constexpr NumberType kType = NumberType::IQ2_XS;
  static constexpr std::string_view kName = "IQ2_XS";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(IQ2_XS::Block) == 74);

}  // namespace thimble
