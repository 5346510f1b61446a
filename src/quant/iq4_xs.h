#pragma once

#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * (sc - 32) * IQ4_NL::kValues[q]: 8 sub-blocks of 32; sc's four low bits in scales_l, two high ones in
// scales_h.
struct IQ4_XS {
  struct Block {
    uint16_t d;         // binary16
    uint16_t scales_h;  // two bits a sub-block
    uint8_t scales_l[4];
    uint8_t qs[128];
  };
  static constexpr NumberType kType = NumberType::IQ4_XS;
  static constexpr std::string_view kName = "IQ4_XS";
  static constexpr int kBlockSize = 256;  // weights a block

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(IQ4_XS::Block) == 136);

}  // namespace thimble
