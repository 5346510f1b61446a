// The vector layer of the AVX-512 kernels: 16 rows, one 32-bit lane a row. Only for *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/matmul_readers.h"

namespace thimble {

struct Avx512Vnni {
  using Int = __m512i;
  static constexpr int kRows = 16;
  // Of one tile: 12 block sums and 12 totals fill the registers, and two panels share what is loaded of the
  // activations.
  static constexpr int kMaxPanels = 2;
  static constexpr int kMaxTokens = 6;
  static constexpr int kSignedOffset = 128;  // vpdpbusd multiplies unsigned weights by signed activations

  static __m128i load16(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

  static __m128i load_two(const uint64_t* low, const uint64_t* high) {
    const __m128 first = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(low)));
    return _mm_castps_si128(_mm_loadh_pi(first, reinterpret_cast<const __m64*>(high)));
  }

  // 16 bytes of each row: out[i] holds bytes 4 * i .. 4 * i + 3 of every row.
  static void load_columns(RowBlocks rows, size_t offset, Int (&out)[4]) {
    for (int i = 0; i < kRows / 4; ++i) prefetch(rows, offset + i * 64 / kRows);
    const std::byte* p0 = rows.first + offset;
    const std::byte* p4 = p0 + 4 * rows.stride;
    const std::byte* p8 = p4 + 4 * rows.stride;
    const std::byte* p12 = p8 + 4 * rows.stride;
    Int quad[4];  // quad[i]: rows i, i + 4, i + 8, i + 12
    for (int i = 0; i < 4; ++i) {
      const size_t row = i * rows.stride;
      quad[i] = _mm512_castsi128_si512(load16(p0 + row));
      quad[i] = _mm512_inserti32x4(quad[i], load16(p4 + row), 1);
      quad[i] = _mm512_inserti32x4(quad[i], load16(p8 + row), 2);
      quad[i] = _mm512_inserti32x4(quad[i], load16(p12 + row), 3);
    }
    const Int low01 = _mm512_unpacklo_epi32(quad[0], quad[1]);
    const Int low23 = _mm512_unpacklo_epi32(quad[2], quad[3]);
    const Int high01 = _mm512_unpackhi_epi32(quad[0], quad[1]);
    const Int high23 = _mm512_unpackhi_epi32(quad[2], quad[3]);
    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
  }

  // Four bytes of each row.
  static Int load_dwords(RowBlocks rows, size_t offset) {
    prefetch(rows, offset);
    const std::byte* p = rows.first + offset;
    Int out = _mm512_castsi128_si512(load_four_rows(p, rows.stride));
    out = _mm512_inserti32x4(out, load_four_rows(p + 4 * rows.stride, rows.stride), 1);
    out = _mm512_inserti32x4(out, load_four_rows(p + 8 * rows.stride, rows.stride), 2);
    return _mm512_inserti32x4(out, load_four_rows(p + 12 * rows.stride, rows.stride), 3);
  }

  static Int splat8(int value) { return _mm512_set1_epi8(static_cast<char>(value)); }
  static Int splat32(int value) { return _mm512_set1_epi32(value); }
  static Int bit_and(Int a, Int b) { return _mm512_and_si512(a, b); }
  static Int bit_or(Int a, Int b) { return _mm512_or_si512(a, b); }
  static Int bit_xor(Int a, Int b) { return _mm512_xor_si512(a, b); }
  static Int add8(Int a, Int b) { return _mm512_add_epi8(a, b); }
  static Int subtract8(Int a, Int b) { return _mm512_sub_epi8(a, b); }
  static Int subtract32(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  template <int kBits>
  static Int shift_left(Int a) {
    return _mm512_slli_epi32(a, kBits);
  }
  template <int kBits>
  static Int shift_right(Int a) {
    return _mm512_srli_epi32(a, kBits);
  }
  template <int kBits>
  static Int shift_right_signed(Int a) {
    return _mm512_srai_epi32(a, kBits);
  }
  static Int rotate_left_2(Int a) { return _mm512_rol_epi32(a, 2); }
  static Int rotate_right_1(Int a) { return _mm512_ror_epi32(a, 1); }

  static Int from_signed(Int weights) { return _mm512_xor_si512(weights, _mm512_set1_epi8(-128)); }
  static Int table(const std::array<int8_t, 16>& values) { return _mm512_broadcast_i32x4(load16(values.data())); }
  static Int levels(const std::array<int8_t, 16>& values) { return from_signed(table(values)); }  // of signed weights
  static Int lookup(Int table, Int index) { return _mm512_shuffle_epi8(table, index); }

  // Bits 4 * kGroup .. 4 * kGroup + 3 of each row to bit 4 of its four bytes.
  template <int kGroup>
  static Int spread_bits(Int bits) {
    const Int table = _mm512_setr_epi32(0x00000000, 0x00000010, 0x00001000, 0x00001010, 0x00100000, 0x00100010,
                                        0x00101000, 0x00101010, 0x10000000, 0x10000010, 0x10001000, 0x10001010,
                                        0x10100000, 0x10100010, 0x10101000, 0x10101010);
    return _mm512_permutexvar_epi32(_mm512_srli_epi32(bits, 4 * kGroup), table);
  }

  // The entry of a table at each row's index: lanes[0] has its lower four bytes, lanes[1] the upper four. Loads one by
  // one, which take less time than a gather.
  static void load_eights(const uint64_t* table, Int index, Int* lanes) {
    alignas(64) uint32_t at[kRows];
    _mm512_store_si512(at, index);
    const auto rows = [&](int row) {  // row, row + 1; row + 4, row + 5; and so on
      Int out = _mm512_castsi128_si512(load_two(table + at[row], table + at[row + 1]));
      out = _mm512_inserti32x4(out, load_two(table + at[row + 4], table + at[row + 5]), 1);
      out = _mm512_inserti32x4(out, load_two(table + at[row + 8], table + at[row + 9]), 2);
      return _mm512_castsi512_ps(_mm512_inserti32x4(out, load_two(table + at[row + 12], table + at[row + 13]), 3));
    };
    const __m512 first = rows(0);
    const __m512 second = rows(2);
    lanes[0] = _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0x88));
    lanes[1] = _mm512_castps_si512(_mm512_shuffle_ps(first, second, 0xdd));
  }
  static Int load_fours(const uint32_t* table, Int index) {
    alignas(64) uint32_t at[kRows];
    _mm512_store_si512(at, index);
    const auto rows = [&](int row) {
      return _mm_setr_epi32(entry(table, at[row]), entry(table, at[row + 1]), entry(table, at[row + 2]),
                            entry(table, at[row + 3]));
    };
    Int out = _mm512_castsi128_si512(rows(0));
    out = _mm512_inserti32x4(out, rows(4), 1);
    out = _mm512_inserti32x4(out, rows(8), 2);
    return _mm512_inserti32x4(out, rows(12), 3);
  }
  // Four signed weights a row, negated where their bit, 0 to 3, is set. 128 - w is -(128 + w) in a byte.
  static Int negate(Int weights, Int bits) {
    const Int table = _mm512_setr_epi32(0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff,
                                        0x00ffff00, 0x00ffffff, 0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff,
                                        0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff);
    const Int set = _mm512_permutexvar_epi32(bits, table);
    return subtract8(bit_xor(weights, set), set);
  }
  // What three times each byte carries out of it.
  static Int carry_of_triple(Int a) {
    const Int once = _mm512_maskz_mov_epi8(_mm512_cmpge_epu8_mask(a, splat8(86)), splat8(1));
    return _mm512_mask_mov_epi8(once, _mm512_cmpge_epu8_mask(a, splat8(171)), splat8(2));
  }

  // 2^(a - 128), for a in 0..255.
  static __m512 e8m0_half(Int a) {
    const Int small = _mm512_sllv_epi32(splat32(0x00200000), _mm512_min_epi32(a, splat32(1)));
    return _mm512_castsi512_ps(_mm512_max_epi32(shift_left<23>(subtract32(a, splat32(1))), small));
  }
  static __m512 scaled(float factor, __m512 a) { return _mm512_mul_ps(_mm512_set1_ps(factor), a); }
  static __m512 half_low(Int a) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a)); }
  static __m512 half_high(Int a) { return half_low(_mm512_srli_epi32(a, 16)); }
  static void store(float* out, __m512 a) { _mm512_storeu_ps(out, a); }
  static void store_scale(Int* out, Int scale) { *out = scale; }

  // One token's row of MatmulWorkspace::x_sums from the sums of its activation record.
  template <int kBlock, int kSub, bool kMinimum, int kOffset>
  static void read_sums(const int16_t* sums, size_t blocks, int32_t* out);

  template <int kBlock, int kSub, bool kMinimum, bool kSigned, int kLargest>
  struct Tiles;

  // The product with one token by the format's stream reader (matvec_avx512_vnni.h); false where it has none.
  template <class Q>
  static bool stream(const MatmulTask& task);

 private:
  static void prefetch(RowBlocks rows, size_t offset) { __builtin_prefetch(rows.ahead + offset * kRows, 0, 2); }
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
