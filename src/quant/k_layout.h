// The bit layouts that the K formats share. A block of 256 weights keeps 32 weights side by side in a run of 32 bytes;
// the next 32 weights are in the next bits of the same bytes.
#pragma once

#include <array>
#include <cstdint>

namespace thimble::k_layout {

// Q2_K, Q3_K: two bits of weight i; Q6_K: its two high bits.
inline uint8_t two_bits(const uint8_t* bytes, int i) { return bytes[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3; }
inline void store_two_bits(uint8_t* bytes, int i, uint8_t level) {
  bytes[i / 128 * 32 + i % 32] |= static_cast<uint8_t>((level & 3) << (i / 32 % 4 * 2));
}

// Q4_K, Q5_K: four bits of weight i.
inline uint8_t four_bits(const uint8_t* bytes, int i) { return bytes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 0xf; }
inline void store_four_bits(uint8_t* bytes, int i, uint8_t level) {
  bytes[i / 64 * 32 + i % 32] |= static_cast<uint8_t>((level & 0xf) << (i / 32 % 2 * 4));
}

// Q3_K, Q5_K: the top bit of weight i.
inline uint8_t one_bit(const uint8_t* bytes, int i) { return bytes[i % 32] >> (i / 32) & 1; }
inline void store_one_bit(uint8_t* bytes, int i, uint8_t bit) {
  bytes[i % 32] |= static_cast<uint8_t>(bit << (i / 32));
}

// Q4_K, Q5_K: eight 6-bit scales and eight 6-bit minima in 12 bytes. Bytes 0..3 hold scales 0..3 in their low six bits
// and bytes 4..7 minima 0..3; bytes 8..11 hold the low nibbles of scales (low half) and minima (high half) 4..7, whose
// two high bits are the top bits of bytes 0..3 and 4..7.
struct ScalesAndMinima {
  std::array<uint8_t, 8> scales;
  std::array<uint8_t, 8> minima;
};

inline ScalesAndMinima load_scales_and_minima(const uint8_t* packed) {
  ScalesAndMinima out;
  for (int i = 0; i < 4; ++i) {
    out.scales[i] = packed[i] & 0x3f;
    out.minima[i] = packed[i + 4] & 0x3f;
    out.scales[i + 4] = static_cast<uint8_t>((packed[i + 8] & 0xf) | (packed[i] >> 6 << 4));
    out.minima[i + 4] = static_cast<uint8_t>(packed[i + 8] >> 4 | (packed[i + 4] >> 6 << 4));
  }
  return out;
}

inline void store_scales_and_minima(const uint8_t* scales, const uint8_t* minima, uint8_t* packed) {
  for (int i = 0; i < 4; ++i) {
    packed[i] = static_cast<uint8_t>(scales[i] | scales[i + 4] >> 4 << 6);
    packed[i + 4] = static_cast<uint8_t>(minima[i] | minima[i + 4] >> 4 << 6);
    packed[i + 8] = static_cast<uint8_t>((scales[i + 4] & 0xf) | (minima[i + 4] & 0xf) << 4);
  }
}

// Q3_K: sixteen 6-bit scales in 12 bytes. The low nibbles are those of bytes 0..7 (low halves first), the two high bits
// those of bytes 8..11 (lowest pairs first).
inline uint8_t load_six_bit_scale(const uint8_t* packed, int i) {
  const int low = packed[i % 8] >> (i / 8 * 4) & 0xf;
  const int high = packed[8 + i % 4] >> (i / 4 * 2) & 3;
  return static_cast<uint8_t>(low | high << 4);
}
inline void store_six_bit_scale(uint8_t* packed, int i, uint8_t scale) {
  packed[i % 8] |= static_cast<uint8_t>((scale & 0xf) << (i / 8 * 4));
  packed[8 + i % 4] |= static_cast<uint8_t>((scale >> 4) << (i / 4 * 2));
}

}  // namespace thimble::k_layout
