#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d / 4 * (2 s + 1) * level: 8 sub-blocks of 32 weights; qs are indices of four weights each into kIq3XxsGrid, and a
// sub-block has a dword with the signs of four times eight weights, 7 bits each (see even_signs()), and above them 4 bits of s.
struct IQ3_XXS {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qs[64];
    uint8_t signs_and_scales[32];
  };
  static constexpr NumberType kType = NumberType::IQ3_XXS;
  static constexpr std::string_view kName = "IQ3_XXS";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(IQ3_XXS::Block) == 98);

}  // namespace thimble
