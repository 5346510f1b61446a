// How Q5_0 and Q5_1 store 32 five-bit levels: four low bits as in Q4_0, the fifth bit of weight i in bit i of qh.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace thimble {

// All 32 levels at once, in steps that compilers turn into vectors.
inline void load_all_five_bits(const uint8_t* qs, const uint8_t* qh, uint8_t* levels) {
  for (size_t i = 0; i < 4; ++i) {
    // Eight weights share a byte: each meets its own bit of it.
    const uint64_t bits = 0x0101010101010101u * qh[i] & 0x8040201008040201u;
    std::memcpy(levels + 8 * i, &bits, sizeof bits);
  }
  for (size_t i = 0; i < 16; ++i) {
    const uint8_t low = qs[i] & 0xf, high = qs[i] >> 4;
    levels[i] = static_cast<uint8_t>((levels[i] != 0 ? 16 : 0) | low);
    levels[i + 16] = static_cast<uint8_t>((levels[i + 16] != 0 ? 16 : 0) | high);
  }
}

// Into bits that are zero.
inline void store_five_bits(uint8_t level, uint8_t* qs, uint8_t* qh, int i) {
  qs[i % 16] |= static_cast<uint8_t>((level & 0xf) << (i < 16 ? 0 : 4));
  qh[i / 8] |= static_cast<uint8_t>((level >> 4) << (i % 8));
}

}  // namespace thimble
