// Block readers of the codebook formats (see matmul_readers.h): an index gives four or eight magnitudes, which take signs.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/matmul_readers.h"
#include "quant/grid_table.h"
#include "quant/iq1_m.h"
#include "quant/iq1_s.h"
#include "quant/iq2_s.h"
#include "quant/iq2_xs.h"
#include "quant/iq2_xxs.h"
#include "quant/iq3_s.h"
#include "quant/iq3_xxs.h"

namespace thimble {

// By a byte's two nibbles, exclusive or: the eighth sign where the seven others are given (see even_signs()).
constexpr std::array<int8_t, 16> kOddNibbles = {0, -128, -128, 0, -128, 0, 0, -128, -128, 0, 0, -128, 0, -128, -128, 0};
// IQ1's levels without delta, times 8.
constexpr Levels kIq1Levels = {-8, 0, 8};

// A codebook with a byte a weight: entries of eight and of four.
template <class Word, size_t kEntries>
constexpr std::array<Word, kEntries> in_bytes(const std::array<uint16_t, kEntries>& grid, const Levels& levels) {
  constexpr int kWeights = sizeof(Word);
  constexpr int kBits = 16 / kWeights;
  std::array<Word, kEntries> out{};
  for (size_t i = 0; i < kEntries; ++i) {
    for (int weight = 0; weight < kWeights; ++weight) {
      const auto level = static_cast<uint8_t>(levels[grid[i] >> (weight * kBits) & ((1 << kBits) - 1)]);
      out[i] |= static_cast<Word>(level) << (8 * weight);
    }
  }
  return out;
}
alignas(64) constexpr auto kIq2XxsBytes = in_bytes<uint64_t>(kIq2XxsGrid, kIq2Levels);
alignas(64) constexpr auto kIq2XsBytes = in_bytes<uint64_t>(kIq2XsGrid, kIq2Levels);
alignas(64) constexpr auto kIq2SBytes = in_bytes<uint64_t>(kIq2SGrid, kIq2Levels);
alignas(64) constexpr auto kIq1SBytes = in_bytes<uint64_t>(kIq1SGrid, kIq1Levels);
alignas(64) constexpr auto kIq3XxsBytes = in_bytes<uint32_t>(kIq3XxsGrid, kIq3XxsLevels);
alignas(64) constexpr auto kIq3SBytes = in_bytes<uint32_t>(kIq3SGrid, kIq3SLevels);

template <class V>
struct GridSteps {
  using Int = typename V::Int;

  // Bits kShift .. of each row's dword.
  template <int kShift>
  static Int field(Int a, int mask) {
    if constexpr (kShift == 0) return V::bit_and(a, V::splat32(mask));
    return V::bit_and(V::template shift_right<kShift>(a), V::splat32(mask));
  }
  template <int kShift>
  static Int field_shifted_up(Int a, int mask) {
    return V::bit_and(V::template shift_left<kShift>(a), V::splat32(mask));
  }

  // Eight and four weights a row, each row's entry of the codebook with its signs, of which as many are used up.
  static void place_eight(const uint64_t* codebook, Int index, Int& signs, Int* lanes) {
    V::load_eights(codebook, index, lanes);
    for (int i = 0; i < 2; ++i) {
      lanes[i] = V::negate(V::from_signed(lanes[i]), signs);
      signs = V::template shift_right<4>(signs);
    }
  }
  static void place_four(const uint32_t* codebook, Int index, Int& signs, Int* lanes) {
    *lanes = V::negate(V::from_signed(V::load_fours(codebook, index)), signs);
    signs = V::template shift_right<4>(signs);
  }
  // Eight weights and delta; `below` is negative in rows where that is.
  static void place_with_delta(Int index, Int below, Int* lanes) {
    V::load_eights(kIq1SBytes.data(), index, lanes);
    const Int delta = V::bit_or(V::template shift_right_signed<31>(below), V::splat8(1));
    for (int i = 0; i < 2; ++i) lanes[i] = V::from_signed(V::add8(lanes[i], delta));
  }

  // The 32 signs of which `sevens` has the lower seven of each byte.
  static Int complete_signs(Int sevens) {
    const Int nibbles = V::bit_and(V::bit_xor(sevens, V::template shift_right<4>(sevens)), V::splat8(0x0f));
    return V::bit_or(sevens, V::lookup(V::table(kOddNibbles), nibbles));
  }
  // From four times seven bits at the bottom of a dword.
  static Int even_signs(Int packed) {
    const Int lower = V::bit_or(field<0>(packed, 0x7f), field_shifted_up<1>(packed, 0x7f00));
    const Int upper = V::bit_or(field_shifted_up<2>(packed, 0x7f0000), field_shifted_up<3>(packed, 0x7f000000));
    return complete_signs(V::bit_or(lower, upper));
  }

  // 2 * s + 1
  static void store_odd_scale(Int* out, Int s) {
    V::store_scale(out, V::bit_or(V::template shift_left<1>(s), V::splat32(1)));
  }
  // Eight scales of which each byte has two, lower nibble first.
  static void store_nibble_scales(Int four_bytes, Int* scales) {
    for (int i = 0; i < 8; ++i) {
      store_odd_scale(scales + i, field<0>(four_bytes, 0x0f));
      four_bytes = V::template shift_right<4>(four_bytes);
    }
  }

  static void store_d(Int d, float unit, float* out) { V::store(out, V::scaled(unit, V::half_low(d))); }
};

template <class V>
struct Reader<V, IQ2_XXS> : SignedWeights<V, 32, 43> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 0.125f, out.d);
    for (int pair = 0; pair < 4; ++pair) {
      Int columns[4];
      V::load_columns(rows, offsetof(IQ2_XXS::Block, qs) + pair * 16, columns);
      read_sub(columns[0], columns[1], out.lanes + pair * 16, out.scales + pair * 2);
      read_sub(columns[2], columns[3], out.lanes + pair * 16 + 8, out.scales + pair * 2 + 1);
    }
  }

  static void read_sub(Int indices, Int rest, Int* lanes, Int* scale) {
    Steps::store_odd_scale(scale, V::template shift_right<28>(rest));
    Int signs = Steps::even_signs(rest);
    for (int i = 0; i < 4; ++i) {
      Steps::place_eight(kIq2XxsBytes.data(), Steps::template field<0>(indices, 0xff), signs, lanes + i * 2);
      indices = V::template shift_right<8>(indices);
    }
  }
};

template <class V>
struct Reader<V, IQ2_XS> : SignedWeights<V, 16, 43> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 0.125f, out.d);
    Steps::store_nibble_scales(V::load_dwords(rows, offsetof(IQ2_XS::Block, scales)), out.scales);
    Steps::store_nibble_scales(V::load_dwords(rows, offsetof(IQ2_XS::Block, scales) + 4), out.scales + 8);
    for (int pair = 0; pair < 4; ++pair) {
      Int columns[4];
      V::load_columns(rows, offsetof(IQ2_XS::Block, qs) + pair * 16, columns);
      read_32(columns[0], columns[1], out.lanes + pair * 16);
      read_32(columns[2], columns[3], out.lanes + pair * 16 + 8);
    }
  }

  // Two words a dword: nine bits of an index, and seven signs above them.
  static void read_32(Int first, Int second, Int* lanes) {
    const Int lower = V::bit_or(Steps::template field<9>(first, 0x7f), Steps::template field<17>(first, 0x7f00));
    const Int upper =
        V::bit_or(Steps::template field_shifted_up<7>(second, 0x7f0000), Steps::template field<1>(second, 0x7f000000));
    Int signs = Steps::complete_signs(V::bit_or(lower, upper));
    const Int words[2] = {first, second};
    for (int i = 0; i < 2; ++i) {
      const uint64_t* codebook = kIq2XsBytes.data();
      Steps::place_eight(codebook, Steps::template field<0>(words[i], 0x1ff), signs, lanes + i * 4);
      Steps::place_eight(codebook, Steps::template field<16>(words[i], 0x1ff), signs, lanes + i * 4 + 2);
    }
  }
};

template <class V>
struct Reader<V, IQ2_S> : SignedWeights<V, 16, 43> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 0.125f, out.d);
    Int tail[4];  // qh, scales
    V::load_columns(rows, offsetof(IQ2_S::Block, qh), tail);
    Steps::store_nibble_scales(tail[2], out.scales);
    Steps::store_nibble_scales(tail[3], out.scales + 8);
    for (int half = 0; half < 2; ++half) {
      Int indices[4];
      Int signs[4];
      V::load_columns(rows, offsetof(IQ2_S::Block, qs) + half * 16, indices);
      V::load_columns(rows, offsetof(IQ2_S::Block, signs) + half * 16, signs);
      Int high = tail[half];
      for (int i = 0; i < 4; ++i) {
        read_32(indices[i], high, signs[i], out.lanes + half * 32 + i * 8);
        high = V::template shift_right<8>(high);
      }
    }
  }

  static void read_32(Int indices, Int high, Int signs, Int* lanes) {
    high = V::template shift_left<8>(high);
    for (int i = 0; i < 4; ++i) {
      const Int index = V::bit_or(Steps::template field<0>(indices, 0xff), Steps::template field<0>(high, 0x300));
      Steps::place_eight(kIq2SBytes.data(), index, signs, lanes + i * 2);
      indices = V::template shift_right<8>(indices);
      high = V::template shift_right<2>(high);
    }
  }
};

template <class V>
struct Reader<V, IQ3_XXS> : SignedWeights<V, 32, 62> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 0.25f, out.d);
    for (int half = 0; half < 2; ++half) {
      Int rest[4];
      V::load_columns(rows, offsetof(IQ3_XXS::Block, signs_and_scales) + half * 16, rest);
      for (int pair = 0; pair < 2; ++pair) {  // of sub-blocks
        const int sub = half * 4 + pair * 2;
        Int indices[4];
        V::load_columns(rows, offsetof(IQ3_XXS::Block, qs) + sub * 8, indices);
        read_sub(indices, rest[pair * 2], out.lanes + sub * 8, out.scales + sub);
        read_sub(indices + 2, rest[pair * 2 + 1], out.lanes + sub * 8 + 8, out.scales + sub + 1);
      }
    }
  }

  static void read_sub(const Int* indices, Int rest, Int* lanes, Int* scale) {
    Steps::store_odd_scale(scale, V::template shift_right<28>(rest));
    Int signs = Steps::even_signs(rest);
    for (int half = 0; half < 2; ++half) {
      Int index = indices[half];
      for (int i = 0; i < 4; ++i) {
        Steps::place_four(kIq3XxsBytes.data(), Steps::template field<0>(index, 0xff), signs, lanes + half * 4 + i);
        index = V::template shift_right<8>(index);
      }
    }
  }
};

template <class V>
struct Reader<V, IQ3_S> : SignedWeights<V, 32, 15> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 1.0f, out.d);
    Steps::store_nibble_scales(V::load_dwords(rows, offsetof(IQ3_S::Block, scales)), out.scales);
    for (int half = 0; half < 2; ++half) {
      Int signs[4];
      V::load_columns(rows, offsetof(IQ3_S::Block, signs) + half * 16, signs);
      Int high = V::load_dwords(rows, offsetof(IQ3_S::Block, qh) + half * 4);
      for (int pair = 0; pair < 2; ++pair) {  // of sub-blocks
        Int indices[4];
        V::load_columns(rows, offsetof(IQ3_S::Block, qs) + half * 32 + pair * 16, indices);
        Int* lanes = out.lanes + half * 32 + pair * 16;
        read_sub(indices, high, signs[pair * 2], lanes);
        high = V::template shift_right<8>(high);
        read_sub(indices + 2, high, signs[pair * 2 + 1], lanes + 8);
        high = V::template shift_right<8>(high);
      }
    }
  }

  static void read_sub(const Int* indices, Int high, Int signs, Int* lanes) {
    high = V::template shift_left<8>(high);
    for (int half = 0; half < 2; ++half) {
      Int low = indices[half];
      for (int i = 0; i < 4; ++i) {
        const Int index = V::bit_or(Steps::template field<0>(low, 0xff), Steps::template field<0>(high, 0x100));
        Steps::place_four(kIq3SBytes.data(), index, signs, lanes + half * 4 + i);
        low = V::template shift_right<8>(low);
        high = V::template shift_right<1>(high);
      }
    }
  }
};

template <class V>
struct Reader<V, IQ1_S> : SignedWeights<V, 32, 9> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    Steps::store_d(V::load_dwords(rows, 0), 0.125f, out.d);
    Int high[4];  // two sub-blocks a dword
    V::load_columns(rows, offsetof(IQ1_S::Block, qh), high);
    for (int half = 0; half < 2; ++half) {
      Int indices[4];
      V::load_columns(rows, offsetof(IQ1_S::Block, qs) + half * 16, indices);
      for (int pair = 0; pair < 2; ++pair) {
        const int sub = half * 4 + pair * 2;
        const Int both = high[sub / 2];
        read_sub(indices[pair * 2], V::template shift_left<16>(both), out.lanes + sub * 8, out.scales + sub);
        read_sub(indices[pair * 2 + 1], both, out.lanes + sub * 8 + 8, out.scales + sub + 1);
      }
    }
  }

  // `high`: the word of qh in the upper half of the dword.
  static void read_sub(Int indices, Int high, Int* lanes, Int* scale) {
    const Int below = high;
    Steps::store_odd_scale(scale, Steps::template field<28>(high, 7));
    high = V::template shift_right<8>(high);
    for (int i = 0; i < 4; ++i) {
      const Int index = V::bit_or(Steps::template field<0>(indices, 0xff), Steps::template field<0>(high, 0x700));
      Steps::place_with_delta(index, below, lanes + i * 2);
      indices = V::template shift_right<8>(indices);
      high = V::template shift_right<3>(high);
    }
  }
};

template <class V>
struct Reader<V, IQ1_M> : SignedWeights<V, 16, 9> {
  using Steps = GridSteps<V>;
  using Int = typename V::Int;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    read_scales(V::load_dwords(rows, offsetof(IQ1_M::Block, scales)),
                V::load_dwords(rows, offsetof(IQ1_M::Block, scales) + 4), out);
    Int high[4];  // 64 weights a dword
    V::load_columns(rows, offsetof(IQ1_M::Block, qh), high);
    for (int half = 0; half < 2; ++half) {
      Int indices[4];
      V::load_columns(rows, offsetof(IQ1_M::Block, qs) + half * 16, indices);
      for (int i = 0; i < 4; ++i) {
        Int& nibbles = high[half * 2 + i / 2];
        read_32(indices[i], nibbles, out.lanes + half * 32 + i * 8);
        nibbles = V::template shift_right<16>(nibbles);
      }
    }
  }

  static void read_scales(Int lower, Int upper, const PanelBlock<V>& out) {
    const Int d =
        V::bit_or(V::bit_or(Steps::template field<12>(lower, 0x000f), Steps::template field<24>(lower, 0x00f0)),
                  V::bit_or(Steps::template field<4>(upper, 0x0f00), Steps::template field<16>(upper, 0xf000)));
    Steps::store_d(d, 0.125f, out.d);
    const Int words[4] = {lower, V::template shift_right<16>(lower), upper, V::template shift_right<16>(upper)};
    for (int i = 0; i < 4; ++i) {
      Steps::store_odd_scale(out.scales + i * 4, Steps::template field<0>(words[i], 7));
      Steps::store_odd_scale(out.scales + i * 4 + 1, Steps::template field<3>(words[i], 7));
      Steps::store_odd_scale(out.scales + i * 4 + 2, Steps::template field<6>(words[i], 7));
      Steps::store_odd_scale(out.scales + i * 4 + 3, Steps::template field<9>(words[i], 7));
    }
  }

  static void read_32(Int indices, Int nibbles, Int* lanes) {
    for (int i = 0; i < 4; ++i) {
      const Int high = V::bit_and(V::template shift_left<8>(nibbles), V::splat32(0x700));
      const Int index = V::bit_or(Steps::template field<0>(indices, 0xff), high);
      const Int below = V::template shift_left<28>(nibbles);
      Steps::place_with_delta(index, below, lanes + i * 2);
      indices = V::template shift_right<8>(indices);
      nibbles = V::template shift_right<4>(nibbles);
    }
  }
};

}  // namespace thimble
