#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d / 8 * (2 s + 1) * level: 4-bit s for 16 weights; the index of eight weights into kIq2SGrid has its low bits in qs and two
// high bits in qh; a bit of `signs` is one weight's.
struct IQ2_S {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qs[32];
    uint8_t signs[32];
    uint8_t qh[8];
    uint8_t scales[8];
  };
  static constexpr NumberType kType = NumberType::IQ2_S;
  static constexpr std::string_view kName = "IQ2_S";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static float scale(const Block& block);
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(IQ2_S::Block) == 82);

}  // namespace thimble
