#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "quant/number_type.h"

namespace thimble {

struct ScaleSearches;

// w = d * kValues[q]: a fixed table of 16 levels, nibbles as in Q4_0.
struct IQ4_NL {
  struct Block {
    uint16_t d;  // binary16
    uint8_t qs[16];
  };
  static constexpr NumberType kType = NumberType::IQ4_NL;
  static constexpr std::string_view kName = "IQ4_NL";
  static constexpr int kBlockSize = 32;  // weights a block
  static constexpr std::array<int8_t, 16> kValues = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                     1,    13,   25,  38,  53,  69,  89,  113};

  static uint8_t nearest(float value);  // index of the nearest entry of kValues

  static void unpack(const Block& block, float* out);  // out: [kBlockSize]
  // x: [kBlockSize], finite; importance: the same, null for all alike.
  static void pack(const float* x, const float* importance, const ScaleSearches& searches, Block& block);
};
static_assert(sizeof(IQ4_NL::Block) == 18);

}  // namespace thimble
