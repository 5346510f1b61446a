// The vector layer of the AVX2 kernels: 8 rows, one 32-bit lane a row. Only for *_avx2.cpp.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/matmul_readers.h"

namespace thimble {

struct Avx2 {
  using Int = __m256i;
  static constexpr int kRows = 8;
  static constexpr int kMaxPanels = 1;
  static constexpr int kMaxTokens = 4;     // of one tile: more would spill the 16 registers
  static constexpr int kSignedOffset = 0;  // vpmaddubsw meets magnitudes with activations that take the weights' signs

  // 16 bytes of each row: out[i] holds bytes 4 * i .. 4 * i + 3 of every row.
  static void load_columns(RowBlocks rows, size_t offset, Int (&out)[4]) {
    for (int i = 0; i < kRows / 4; ++i) prefetch(rows, offset + i * 64 / kRows);
    const std::byte* p0 = rows.first + offset;
    const std::byte* p4 = p0 + 4 * rows.stride;
    Int pair[4];  // pair[i]: rows i and i + 4
    for (int i = 0; i < 4; ++i) {
      const size_t row = i * rows.stride;
      pair[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(load16(p0 + row)), load16(p4 + row), 1);
    }
    const Int low01 = _mm256_unpacklo_epi32(pair[0], pair[1]);
    const Int low23 = _mm256_unpacklo_epi32(pair[2], pair[3]);
    const Int high01 = _mm256_unpackhi_epi32(pair[0], pair[1]);
    const Int high23 = _mm256_unpackhi_epi32(pair[2], pair[3]);
    out[0] = _mm256_unpacklo_epi64(low01, low23);
    out[1] = _mm256_unpackhi_epi64(low01, low23);
    out[2] = _mm256_unpacklo_epi64(high01, high23);
    out[3] = _mm256_unpackhi_epi64(high01, high23);
  }

  // Four bytes of each row.
  static Int load_dwords(RowBlocks rows, size_t offset) {
    prefetch(rows, offset);
    const std::byte* p = rows.first + offset;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_four_rows(p, rows.stride)),
                                   load_four_rows(p + 4 * rows.stride, rows.stride), 1);
  }

  static Int splat8(int value) { return _mm256_set1_epi8(static_cast<char>(value)); }
  static Int splat32(int value) { return _mm256_set1_epi32(value); }
  static Int bit_and(Int a, Int b) { return _mm256_and_si256(a, b); }
  static Int bit_or(Int a, Int b) { return _mm256_or_si256(a, b); }
  static Int bit_xor(Int a, Int b) { return _mm256_xor_si256(a, b); }
  static Int add8(Int a, Int b) { return _mm256_add_epi8(a, b); }
  static Int subtract8(Int a, Int b) { return _mm256_sub_epi8(a, b); }
  static Int subtract32(Int a, Int b) { return _mm256_sub_epi32(a, b); }
  template <int kBits>
  static Int shift_left(Int a) {
    return _mm256_slli_epi32(a, kBits);
  }
  template <int kBits>
  static Int shift_right(Int a) {
    return _mm256_srli_epi32(a, kBits);
  }
  template <int kBits>
  static Int shift_right_signed(Int a) {
    return _mm256_srai_epi32(a, kBits);
  }
  static Int rotate_left_2(Int a) { return bit_or(shift_left<2>(a), shift_right<30>(a)); }
  static Int rotate_right_1(Int a) { return bit_or(shift_right<1>(a), shift_left<31>(a)); }

  static Int from_signed(Int weights) { return weights; }
  static Int table(const std::array<int8_t, 16>& values) { return _mm256_broadcastsi128_si256(load16(values.data())); }
  static Int levels(const std::array<int8_t, 16>& values) { return table(values); }  // of signed weights
  static Int lookup(Int table, Int index) { return _mm256_shuffle_epi8(table, index); }

  // Bits 4 * kGroup .. 4 * kGroup + 3 of each row to bit 4 of its four bytes.
  template <int kGroup>
  static Int spread_bits(Int bits) {
    constexpr int kByte = kGroup / 2 * 0x01010101;
    const Int source = _mm256_setr_epi32(kByte, kByte + 0x04040404, kByte + 0x08080808, kByte + 0x0c0c0c0c, kByte,
                                         kByte + 0x04040404, kByte + 0x08080808, kByte + 0x0c0c0c0c);
    const Int bit = splat32(kGroup % 2 == 0 ? 0x08040201 : static_cast<int>(0x80402010));
    const Int set = _mm256_cmpeq_epi8(bit_and(_mm256_shuffle_epi8(bits, source), bit), bit);
    return bit_and(set, splat8(0x10));
  }

  // The entry of a table at each row's index: lanes[0] has its lower four bytes, lanes[1] the upper four. Loads one by
  // one, which take less time than a gather.
  static void load_eights(const uint64_t* table, Int index, Int* lanes) {
    alignas(32) uint32_t at[kRows];
    _mm256_store_si256(reinterpret_cast<__m256i*>(at), index);
    const auto rows = [&](int row) {  // row, row + 1; row + 4, row + 5
      return _mm256_castsi256_ps(
          _mm256_inserti128_si256(_mm256_castsi128_si256(load_two(table + at[row], table + at[row + 1])),
                                  load_two(table + at[row + 4], table + at[row + 5]), 1));
    };
    const __m256 first = rows(0);
    const __m256 second = rows(2);
    lanes[0] = _mm256_castps_si256(_mm256_shuffle_ps(first, second, 0x88));
    lanes[1] = _mm256_castps_si256(_mm256_shuffle_ps(first, second, 0xdd));
  }
  static Int load_fours(const uint32_t* table, Int index) {
    alignas(32) uint32_t at[kRows];
    _mm256_store_si256(reinterpret_cast<__m256i*>(at), index);
    const auto rows = [&](int row) {
      return _mm_setr_epi32(entry(table, at[row]), entry(table, at[row + 1]), entry(table, at[row + 2]),
                            entry(table, at[row + 3]));
    };
    return _mm256_inserti128_si256(_mm256_castsi128_si256(rows(0)), rows(4), 1);
  }
  // Four signed weights a row, negated where their bit, 0 to 3, is set.
  static Int negate(Int weights, Int bits) {
    const Int each = splat32(0x08040201);
    const Int first = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404, 0x08080808, 0x0c0c0c0c);
    const Int set = _mm256_cmpeq_epi8(bit_and(_mm256_shuffle_epi8(bits, first), each), each);
    return subtract8(bit_xor(weights, set), set);
  }
  // What three times each byte carries out of it.
  static Int carry_of_triple(Int a) {
    const Int once = _mm256_cmpeq_epi8(_mm256_max_epu8(a, splat8(86)), a);
    const Int twice = _mm256_cmpeq_epi8(_mm256_max_epu8(a, splat8(171)), a);
    return subtract8(_mm256_setzero_si256(), add8(once, twice));
  }

  // 2^(a - 128), for a in 0..255.
  static __m256 e8m0_half(Int a) {
    const Int small = _mm256_sllv_epi32(splat32(0x00200000), _mm256_min_epi32(a, splat32(1)));
    return _mm256_castsi256_ps(_mm256_max_epi32(shift_left<23>(subtract32(a, splat32(1))), small));
  }
  static __m256 scaled(float factor, __m256 a) { return _mm256_mul_ps(_mm256_set1_ps(factor), a); }
  static __m256 half_low(Int a) {
    const Int low = bit_and(a, splat32(0xffff));
    return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
  }
  static __m256 half_high(Int a) { return half_low(shift_right<16>(a)); }
  static void store(float* out, __m256 a) { _mm256_storeu_ps(out, a); }
  static void store_scale(Int* out, Int scale) {  // twice, as int16
    *out = bit_or(bit_and(scale, splat32(0xffff)), shift_left<16>(scale));
  }

  // One token's row of MatmulWorkspace::x_sums from the sums of its activation record.
  template <int kBlock, int kSub, bool kMinimum, int kOffset>
  static void read_sums(const int16_t* sums, size_t blocks, int32_t* out);

  template <int kBlock, int kSub, bool kMinimum, bool kSigned, int kLargest>
  struct Tiles;

  // No path of its own for one token.
  template <class Q>
  static bool stream(const MatmulTask&) {
    return false;
  }

 private:
  static void prefetch(RowBlocks rows, size_t offset) { __builtin_prefetch(rows.ahead + offset * kRows, 0, 2); }
  static __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static __m128i load_two(const uint64_t* low, const uint64_t* high) {
    const __m128 first = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(low)));
    return _mm_castps_si128(_mm_loadh_pi(first, reinterpret_cast<const __m64*>(high)));
  }
  static int entry(const uint32_t* table, uint32_t index) { return static_cast<int>(table[index]); }
  static __m128i load_four_rows(const std::byte* p, size_t stride) {
    __m128i out = _mm_loadu_si32(p);
    out = _mm_insert_epi32(out, dword(p + stride), 1);
    out = _mm_insert_epi32(out, dword(p + 2 * stride), 2);
    return _mm_insert_epi32(out, dword(p + 3 * stride), 3);
  }
  static int dword(const std::byte* p) {
    int out;
    __builtin_memcpy(&out, p, sizeof out);
    return out;
  }
};

}  // namespace thimble
