#pragma once

#include <cstdint>
#include <string_view>

#include "quant/integer_block.h"
#include "quant/number_type.h"

namespace thimble {

// w = d * (2 s + 1) * (g + delta) as in IQ1_S, with s for 16 weights and delta for eight: a nibble of qh is three high bits of an
// index and above them delta's sign. Of four words of `scales`, each has four times three bits of s, and in its highest nibble
// four bits of the binary16 d, the lowest in the first.
struct IQ1_M {
  struct Block {
    uint8_t qs[32];
    uint8_t qh[16];
    uint16_t scales[4];
  };
  static constexpr NumberType kType = NumberType::IQ1_M;
  static constexpr std::string_view kName = "IQ1_M";
  static constexpr int kBlockSize = 256;  // weights a block

  static IntegerBlock integers(const Block& block);
  static uint16_t d_bits(const Block& block);
  static float scale(const Block& block);
  static bool has_finite_scale(const Block& block) { return (d_bits(block) & 0x7c00) != 0x7c00; }
  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
};
static_assert(sizeof(IQ1_M::Block) == 56);

}  // namespace thimble
