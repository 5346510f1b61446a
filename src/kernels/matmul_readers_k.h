// Block readers of the formats with blocks of 256 (see matmul_readers.h).
#pragma once

#include <cstddef>

#include "kernels/matmul_readers.h"
#include "quant/iq4_xs.h"
#include "quant/q2_k.h"
#include "quant/q3_k.h"
#include "quant/q4_k.h"
#include "quant/q5_k.h"
#include "quant/q6_k.h"

namespace thimble {

template <class V>
struct Reader<V, Q4_K> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 0;
  static constexpr int kLargest = 15;
  static constexpr bool kMinimum = true;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    ReaderSteps<V>::read_k_head(rows, out);
    for (int chunk = 0; chunk < 8; ++chunk) {  // 32 packed bytes are the low and the high nibbles of two sub-blocks
      typename V::Int packed[4];
      V::load_columns(rows, offsetof(Q4_K::Block, qs) + chunk * 16, packed);
      typename V::Int* lanes = out.lanes + chunk / 2 * 16 + chunk % 2 * 4;
      ReaderSteps<V>::split_nibbles(packed, lanes, lanes + 8);
    }
  }
};

template <class V>
struct Reader<V, Q5_K> {
  static constexpr int kSub = 32;
  static constexpr int kOffset = 0;
  static constexpr int kLargest = 31;
  static constexpr bool kMinimum = true;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    ReaderSteps<V>::read_k_head(rows, out);
    const typename V::Int fifth = V::splat8(0x10);
    for (int half = 0; half < 2; ++half) {
      typename V::Int high[4];
      V::load_columns(rows, offsetof(Q5_K::Block, qh) + half * 16, high);
      for (int pair = 0; pair < 4;
           ++pair) {  // of sub-blocks, whose fifth bits are bits 2 * pair and 2 * pair + 1 of qh
        typename V::Int packed[4];
        V::load_columns(rows, offsetof(Q5_K::Block, qs) + pair * 32 + half * 16, packed);
        typename V::Int* lanes = out.lanes + pair * 16 + half * 4;
        ReaderSteps<V>::split_nibbles(packed, lanes, lanes + 8);
        for (int i = 0; i < 4; ++i) {
          lanes[i] = V::bit_or(lanes[i], V::bit_and(V::template shift_left<4>(high[i]), fifth));
          lanes[8 + i] = V::bit_or(lanes[8 + i], V::bit_and(V::template shift_left<3>(high[i]), fifth));
          high[i] = V::template shift_right<2>(high[i]);
        }
      }
    }
  }
};

template <class V>
struct Reader<V, Q6_K> {
  static constexpr int kSub = 16;
  static constexpr int kOffset = 32;
  static constexpr int kLargest = 63;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int scales[4];
    V::load_columns(rows, offsetof(Q6_K::Block, scales), scales);
    for (int i = 0; i < 4; ++i) ReaderSteps<V>::store_signed_scales(scales[i], out.scales + i * 4);
    V::store(out.d, V::half_high(V::load_dwords(rows, offsetof(Q6_K::Block, d) - 2)));

    const typename V::Int top = V::splat8(0x30);
    for (int part = 0; part < 4; ++part) {  // 16 weights of each quarter of each half
      const int half = part / 2;
      const int chunk = part % 2;
      typename V::Int packed[4];
      typename V::Int high[4];
      V::load_columns(rows, offsetof(Q6_K::Block, qh) + half * 32 + chunk * 16, high);
      typename V::Int* lanes = out.lanes + half * 32 + chunk * 4;
      V::load_columns(rows, offsetof(Q6_K::Block, ql) + half * 64 + chunk * 16, packed);
      ReaderSteps<V>::split_nibbles(packed, lanes, lanes + 16);
      V::load_columns(rows, offsetof(Q6_K::Block, ql) + half * 64 + 32 + chunk * 16, packed);
      ReaderSteps<V>::split_nibbles(packed, lanes + 8, lanes + 24);
      for (int i = 0; i < 4; ++i) {
        lanes[i] = V::bit_or(lanes[i], V::bit_and(V::template shift_left<4>(high[i]), top));
        lanes[8 + i] = V::bit_or(lanes[8 + i], V::bit_and(V::template shift_left<2>(high[i]), top));
        lanes[16 + i] = V::bit_or(lanes[16 + i], V::bit_and(high[i], top));
        lanes[24 + i] = V::bit_or(lanes[24 + i], V::bit_and(V::template shift_right<2>(high[i]), top));
      }
    }
  }
};

template <class V>
struct Reader<V, Q3_K> {
  static constexpr int kSub = 16;
  static constexpr int kOffset = 4;
  static constexpr int kLargest = 7;
  static constexpr bool kMinimum = false;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    read_scales(rows, out.scales);
    V::store(out.d, V::half_high(V::load_dwords(rows, offsetof(Q3_K::Block, d) - 2)));

    const typename V::Int two = V::splat8(0x03);
    const typename V::Int third = V::splat8(0x04);
    for (int chunk = 0; chunk < 2; ++chunk) {
      typename V::Int high[4];
      V::load_columns(rows, offsetof(Q3_K::Block, hmask) + chunk * 16, high);
      for (int i = 0; i < 4; ++i) high[i] = V::rotate_left_2(high[i]);  // sub-block 0's bit where the third bit goes
      for (int half = 0; half < 2; ++half) {
        typename V::Int packed[4];
        V::load_columns(rows, offsetof(Q3_K::Block, qs) + half * 32 + chunk * 16, packed);
        for (int quarter = 0; quarter < 4; ++quarter) {
          typename V::Int* lanes = out.lanes + half * 32 + quarter * 8 + chunk * 4;
          for (int i = 0; i < 4; ++i) {
            lanes[i] = V::bit_or(V::bit_and(packed[i], two), V::bit_and(high[i], third));
            packed[i] = V::template shift_right<2>(packed[i]);
            high[i] = V::rotate_right_1(high[i]);
          }
        }
      }
    }
  }

  // 6-bit scales, less 32: low nibbles of 0..7 and 8..15 in eight bytes, the two high bits in the last four.
  static void read_scales(RowBlocks rows, typename V::Int* scales) {
    typename V::Int head[4];  // the 16 bytes end where the scales do
    V::load_columns(rows, offsetof(Q3_K::Block, scales) - 4, head);
    const typename V::Int four = V::splat8(0x0f);
    const typename V::Int two = V::splat8(0x30);
    const typename V::Int bits[4] = {
        V::bit_or(V::bit_and(head[1], four), V::bit_and(V::template shift_left<4>(head[3]), two)),
        V::bit_or(V::bit_and(head[2], four), V::bit_and(V::template shift_left<2>(head[3]), two)),
        V::bit_or(V::bit_and(V::template shift_right<4>(head[1]), four), V::bit_and(head[3], two)),
        V::bit_or(V::bit_and(V::template shift_right<4>(head[2]), four),
                  V::bit_and(V::template shift_right<2>(head[3]), two))};
    for (int i = 0; i < 4; ++i)
      ReaderSteps<V>::store_signed_scales(V::subtract8(bits[i], V::splat8(32)), scales + i * 4);
  }
};

template <class V>
struct Reader<V, Q2_K> {
  static constexpr int kSub = 16;
  static constexpr int kOffset = 0;
  static constexpr int kLargest = 3;
  static constexpr bool kMinimum = true;
  static constexpr bool kSigned = false;

  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int head[4];
    typename V::Int scales[4];
    typename V::Int minima[4];
    V::load_columns(rows, offsetof(Q2_K::Block, scales), head);
    ReaderSteps<V>::split_nibbles(head, scales, minima);
    for (int i = 0; i < 4; ++i) {
      ReaderSteps<V>::store_unsigned_scales(scales[i], out.scales + i * 4);
      ReaderSteps<V>::store_pairs(minima[i], out.pairs + i * 2);
    }
    const typename V::Int d_dmin = V::load_dwords(rows, offsetof(Q2_K::Block, d));
    V::store(out.d, V::half_low(d_dmin));
    V::store(out.m, V::half_high(d_dmin));

    ReaderSteps<V>::read_two_bits(rows, offsetof(Q2_K::Block, qs), out.lanes);
  }
};

template <class V>
struct Reader<V, IQ4_XS> : SignedWeights<V, 32, 127> {
  static void read(RowBlocks rows, const PanelBlock<V>& out) {
    typename V::Int head[4];
    V::load_columns(rows, 0, head);
    V::store(out.d, V::half_low(head[0]));
    typename V::Int low = head[1];
    typename V::Int high = V::template shift_right<12>(head[0]);  // scales_h, two bits a sub-block, now from bit 4
    for (int sub = 0; sub < 8; ++sub) {
      const typename V::Int scale = V::bit_or(V::bit_and(low, V::splat32(0x0f)), V::bit_and(high, V::splat32(0x30)));
      V::store_scale(out.scales + sub, V::subtract32(scale, V::splat32(32)));
      low = V::template shift_right<4>(low);
      high = V::template shift_right<2>(high);

      typename V::Int packed[4];
      V::load_columns(rows, offsetof(IQ4_XS::Block, qs) + sub * 16, packed);
      ReaderSteps<V>::split_levels(packed, V::levels(IQ4_NL::kValues), out.lanes + sub * 8, out.lanes + sub * 8 + 4);
    }
  }
};

}  // namespace thimble
