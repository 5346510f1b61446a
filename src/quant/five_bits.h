// How Q5_0 and Q5_1 store 32 five-bit levels: four low bits as in Q4_0, the fifth bit of weight i in bit i of qh.
#pragma once

#include <cstdint>

namespace thimble {

inline uint8_t load_five_bits(const uint8_t* qs, const uint8_t* qh, int i) {
  const uint8_t low = i < 16 ? qs[i] & 0xf : qs[i - 16] >> 4;
  const uint8_t fifth = qh[i / 8] >> (i % 8) & 1;
  return static_cast<uint8_t>(low | fifth << 4);
}

// Into bits that are zero.
inline void store_five_bits(uint8_t level, uint8_t* qs, uint8_t* qh, int i) {
  qs[i % 16] |= static_cast<uint8_t>((level & 0xf) << (i < 16 ? 0 : 4));
  qh[i / 8] |= static_cast<uint8_t>((level >> 4) << (i % 8));
}

}  // namespace thimble
