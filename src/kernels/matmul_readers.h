// Block readers: one a number format. A reader takes one block of each of V::kRows neighbouring rows, straight from the
// file's layout, and lays the weights out for the loops of matmul_tiles_*.h:
//   lanes   [block_size / 4][rows][4]: one byte a weight, the bytes of a row's four neighbouring weights together;
//   d, m    [rows]: the block's scale, and its minimum (m of Q4_1 and Q5_1, dmin of the K formats) where kMinimum;
//   scales  [sub-blocks][rows]: integer scales, stored by V::store_scale;
//   pairs   [sub-blocks / 2][rows][2]: int16 minima of neighbouring sub-blocks where kMinimum.
// A byte of `lanes` is weight + kOffset, at most kLargest; or, where kSigned, the weight as V::from_signed has it, whose
// magnitude is at most kLargest. Sums within a block fit 32 bits whatever the bits of a file: the largest are 62 million
// times (31 * 62 * 127 * 256 of IQ3_XXS; with the offset of from_signed, 31 * 190 * 127 * 256).
// V is the vector layer of one instruction set; only templates on V here, so that no function is shared between units.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "quant/iq4_nl.h"
#include "quant/mxfp4.h"
#include "quant/q4_0.h"
#include "quant/q4_1.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q8_0.h"

namespace thimble {

// Where one block of each row goes.
template <class V>
struct PanelBlock {
  typename V::Int* lanes;
  typename V::Int* scales;
  typename V::Int* pairs;
  float* d;
  float* m;
};

// The same block of neighbouring rows.
struct RowBlocks {
  const std::byte* first;  // of row 0
  size_t stride;           // bytes from row to row
  const std::byte* ahead;  // as many bytes as the blocks have, to be prefetched: each load does its share
};

template <class V, class Q>
struct Reader;

// What the readers of signed weights have in common.
template <class V, int kSubBlock, int kMagnitude>
struct SignedWeights {
  static constexpr int kSub = kSubBlock;
  static constexpr int kOffset = V::kSignedOffset;
  static constexpr int kLargest = kMagnitude;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = true;
};

template <class V>
struct ReaderSteps {
  using Int = typename V::Int;

  // 16 packed bytes a row: low nibbles to low[0..3], high ones to high[0..3].
  static void split_nibbles(const Int (&packed)[4], Int* low, Int* high) {
    const Int mask = V::splat8(0x0f);
    for (int i = 0; i < 4; ++i) {
      low[i] = V::bit_and(packed[i], mask);
      high[i] = V::bit_and(V::template shift_right<4>(packed[i]), mask);
    }
  }

  static void split_levels(const Int (&packed)[4], Int levels, Int* low, Int* high) {
    split_nibbles(packed, low, high);
    for (int i = 0; i < 4; ++i) {
      low[i] = V::lookup(levels, low[i]);
      high[i] = V::lookup(levels, high[i]);
    }
  }

  // Q2_K's 64 bytes of two bits a weight, each with four weights that are 32 apart.
  static void read_two_bits(RowBlocks rows, size_t offset, Int* lanes) {
    const Int two = V::splat8(0x03);
    for (int part = 0; part < 4; ++part) {
      Int packed[4];
      V::load_columns(rows, offset + part * 16, packed);
      for (int quarter = 0; quarter < 4; ++quarter) {
        Int* of_quarter = lanes + part / 2 * 32 + quarter * 8 + part % 2 * 4;
        for (int i = 0; i < 4; ++i) {
          of_quarter[i] = V::bit_and(packed[i], two);
          packed[i] = V::template shift_right<2>(packed[i]);
        }
      }
    }
  }

  // The fifth bits of a block of 32: bit i of each row's dword belongs to weight i.
  static void add_fifth_bits(Int bits, Int* lanes) {
    lanes[0] = V::bit_or(lanes[0], V::template spread_bits<0>(bits));
    lanes[1] = V::bit_or(lanes[1], V::template spread_bits<1>(bits));
    lanes[2] = V::bit_or(lanes[2], V::template spread_bits<2>(bits));
    lanes[3] = V::bit_or(lanes[3], V::template spread_bits<3>(bits));
    lanes[4] = V::bit_or(lanes[4], V::template spread_bits<4>(bits));
    lanes[5] = V::bit_or(lanes[5], V::template spread_bits<5>(bits));
    lanes[6] = V::bit_or(lanes[6], V::template spread_bits<6>(bits));
    lanes[7] = V::bit_or(lanes[7], V::template spread_bits<7>(bits));
  }

  static void store_unsigned_scales(Int four, Int* scales) {
    const Int mask = V::splat32(0xff);
    V::store_scale(scales + 0, V::bit_and(four, mask));
    V::store_scale(scales + 1, V::bit_and(V::template shift_right<8>(four), mask));
    V::store_scale(scales + 2, V::bit_and(V::template shift_right<16>(four), mask));
    V::store_scale(scales + 3, V::template shift_right<24>(four));
  }

  static void store_signed_scales(Int four, Int* scales) {
    V::store_scale(scales + 0, V::template shift_right_signed<24>(V::template shift_left<24>(four)));
    V::store_scale(scales + 1, V::template shift_right_signed<24>(V::template shift_left<16>(four)));
    V::store_scale(scales + 2, V::template shift_right_signed<24>(V::template shift_left<8>(four)));
    V::store_scale(scales + 3, V::template shift_right_signed<24>(four));
  }

  // Four unsigned bytes a row to two dwords of two int16.
  static void store_pairs(Int four, Int* pairs) {
    const Int low = V::splat32(0xff);
    const Int high = V::splat32(0xff0000);
    const Int upper = V::template shift_right<16>(four);
    pairs[0] = V::bit_or(V::bit_and(four, low), V::bit_and(V::template shift_left<8>(four), high));
    pairs[1] = V::bit_or(V::bit_and(upper, low), V::bit_and(V::template shift_left<8>(upper), high));
  }

  // The head that Q4_K and Q5_K share: d, dmin, and eight 6-bit scales and minima in 12 bytes.
  static void read_k_head(RowBlocks rows, const PanelBlock<V>& out) {
    Int head[4];
    V::load_columns(rows, 0, head);
    V::store(out.d, V::half_low(head[0]));
    V::store(out.m, V::half_high(head[0]));
    const Int six = V::splat8(0x3f);
    const Int four = V::splat8(0x0f);
    const Int two = V::splat8(0x30);
    store_unsigned_scales(V::bit_and(head[1], six), out.scales);
    store_unsigned_scales(V::bit_or(V::bit_and(head[3], four), V::bit_and(V::template shift_right<2>(head[1]), two)),
                          out.scales + 4);
    store_pairs(V::bit_and(head[2], six), out.pairs);
    store_pairs(V::bit_or(V::bit_and(V::template shift_right<4>(head[3]), four),
                          V::bit_and(V::template shift_right<2>(head[2]), two)),
                out.pairs + 2);
  }
};

template <class V>
struct Reader<V, Q4_0> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 8;
  static constexpr int kLargest = 15;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(Q4_0::Block, qs), packed);
    ReaderSteps<V>::split_nibbles(packed, out.lanes, out.lanes + 4);
    V::store(out.d, V::half_low(V::load_dwords(rows, 0)));
  }
};

template <class V>
struct Reader<V, Q4_1> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 0;
  static constexpr int kLargest = 15;
  static constexpr bool kMinimum = true;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(Q4_1::Block, qs), packed);
    ReaderSteps<V>::split_nibbles(packed, out.lanes, out.lanes + 4);
    const typename V::Int d_m = V::load_dwords(rows, 0);
    V::store(out.d, V::half_low(d_m));
    V::store(out.m, V::half_high(d_m));
  }
};

template <class V>
struct Reader<V, Q5_0> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 16;
  static constexpr int kLargest = 31;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(Q5_0::Block, qs), packed);
    ReaderSteps<V>::split_nibbles(packed, out.lanes, out.lanes + 4);
    ReaderSteps<V>::add_fifth_bits(V::load_dwords(rows, offsetof(Q5_0::Block, qh)), out.lanes);
    V::store(out.d, V::half_low(V::load_dwords(rows, 0)));
  }
};

template <class V>
struct Reader<V, Q5_1> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 0;
  static constexpr int kLargest = 31;
  static constexpr bool kMinimum = true;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(Q5_1::Block, qs), packed);
    ReaderSteps<V>::split_nibbles(packed, out.lanes, out.lanes + 4);
    ReaderSteps<V>::add_fifth_bits(V::load_dwords(rows, offsetof(Q5_1::Block, qh)), out.lanes);
    const typename V::Int d_m = V::load_dwords(rows, 0);
    V::store(out.d, V::half_low(d_m));
    V::store(out.m, V::half_high(d_m));
  }
};

template <class V>
struct Reader<V, Q8_0> : SignedWeights<V, 32, 128> {
  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    for (int half = 0; half < 2; ++half) {
      typename V::Int weights[4];
      V::load_columns(rows, offsetof(Q8_0::Block, qs) + half * 16, weights);
      for (int i = 0; i < 4; ++i) out.lanes[half * 4 + i] = V::from_signed(weights[i]);
    }
    V::store(out.d, V::half_low(V::load_dwords(rows, 0)));
  }
};

template <class V>
struct Reader<V, IQ4_NL> : SignedWeights<V, 32, 127> {
  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(IQ4_NL::Block, qs), packed);
    ReaderSteps<V>::split_levels(packed, V::levels(IQ4_NL::kValues), out.lanes, out.lanes + 4);
    V::store(out.d, V::half_low(V::load_dwords(rows, 0)));
  }
};

// MXFP4's values as bytes without a sign.
inline constexpr int kMxfp4Offset = 12;
constexpr std::array<int8_t, 16> kMxfp4Bytes = [] {
  std::array<int8_t, 16> bytes = MXFP4::kValues;
  for (int8_t& byte : bytes) byte = static_cast<int8_t>(byte + kMxfp4Offset);
  return bytes;
}();

template <class V>
struct Reader<V, MXFP4> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = kMxfp4Offset;
  static constexpr int kLargest = 2 * kMxfp4Offset;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int packed[4];
    V::load_columns(rows, offsetof(MXFP4::Block, qs), packed);
    ReaderSteps<V>::split_levels(packed, V::table(kMxfp4Bytes), out.lanes, out.lanes + 4);
    V::store(out.d, V::e8m0_half(V::bit_and(V::load_dwords(rows, 0), V::splat32(0xff))));
  }
};

}  // namespace thimble
