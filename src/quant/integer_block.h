// What the codebook and the ternary formats have in common: a block of 256 weights is small integers, integer scales of 16 weights
// each, and one float. Their products are exact in a float, so that unpacking does not depend on the order of operations.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace thimble {

// What the digits of a codebook's entry stand for.
using Levels = std::array<int8_t, 16>;
inline constexpr Levels kIq2Levels = {8, 25, 43};
inline constexpr Levels kIq3XxsLevels = {4, 12, 20, 28, 36, 44, 52, 62};
inline constexpr Levels kIq3SLevels = {1, 3, 5, 7, 9, 11, 13, 15};
// 8 * (g + delta), g in -1..1, with delta = 1/8 and delta = -1/8.
inline constexpr Levels kIq1LevelsAbove = {-7, 1, 9};
inline constexpr Levels kIq1LevelsBelow = {-9, -1, 7};

// The signs of eight weights of which an even number is negative, from those of the first seven; a set bit is a minus.
inline uint8_t even_signs(uint32_t seven) {
  return static_cast<uint8_t>(seven | static_cast<uint32_t>(std::popcount(seven) & 1) << 7);
}

// Weight i is scale * scales[i / 16] * levels[i], with the block's own float scale.
struct IntegerBlock {
  std::array<int8_t, 256> levels;
  std::array<uint8_t, 16> scales;

  void scale_32(int sub, uint32_t scale) {  // of weights 32 * sub ..
    scales[2 * sub] = scales[2 * sub + 1] = static_cast<uint8_t>(scale);
  }
  // Weights 8 * at .. from an entry with two bits a weight.
  void place_eight(int at, uint16_t entry, const Levels& values, uint8_t signs) {
    for (int i = 0; i < 8; ++i) place(at * 8 + i, values[entry >> (2 * i) & 3], signs >> i & 1);
  }
  // Weights 4 * at .. from an entry with four bits a weight.
  void place_four(int at, uint16_t entry, const Levels& values, int signs) {
    for (int i = 0; i < 4; ++i) place(at * 4 + i, values[entry >> (4 * i) & 0xf], signs >> i & 1);
  }

 private:
  void place(int i, int level, int negative) { levels[i] = static_cast<int8_t>(negative != 0 ? -level : level); }
};

inline void unpack_integers(const IntegerBlock& block, float scale, float* out) {
  for (int i = 0; i < 256; ++i) out[i] = scale * static_cast<float>(block.scales[i / 16] * block.levels[i]);
}

}  // namespace thimble
