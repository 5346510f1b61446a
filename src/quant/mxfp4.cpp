#include "quant/mxfp4.h"

#include <bit>

namespace thimble {

float MXFP4::scale(const Block& block) {
  // The two smallest are subnormal.
  const uint32_t bits = block.e < 2 ? 0x00200000u << block.e : (block.e - 1u) << 23;
  return std::bit_cast<float>(bits);
}

void MXFP4::unpack(const Block& block, float* out) {
  const float d = scale(block);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(kValues[block.qs[i] & 0xf]);
    out[i + 16] = d * static_cast<float>(kValues[block.qs[i] >> 4]);
  }
}

}  // namespace thimble
