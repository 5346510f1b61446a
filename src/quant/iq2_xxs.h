#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d / 8 * (2 s + 1) * level: 8 sub-blocks of 32 weights, each four indices into kIq2XxsGrid, a byte each, and a dword with
// the signs of four times eight weights, 7 bits each (see even_signs()), and above them 4 bits of s.
struct IQ2_XXS {
  struct Block {
    uint16_t d;      // binary16
    uint8_t qs[64];  // 8 a sub-block: 4 indices, then the dword
  };
  static constexpr NumberType kType = NumberType::IQ2_XXS;
  static constexpr std::string_view kName = "IQ2_XXS";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(IQ2_XXS::Block) == 66);

}  // namespace thimble
