// Stream readers of the codebook formats (see matvec_streams_avx512_vnni.h). A codebook of 16-bit entries is looked up 32 indices
// at a time by vpermi2w, 64 entries each, and bytes are made of the entries' digits in the order of the row. Only for
// *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>

#include "kernels/matmul_readers_grid.h"
#include "kernels/matvec_streams_avx512_vnni.h"

namespace thimble {

// A whole block.
struct Avx512GridHead {
  __m256i scales;      // of 16 weights each, int16
  __m512i weights[4];  // magnitudes of 64 weights each
  __mmask64 signs[4];  // set where a weight is negative
};

// The same for formats whose weights are bytes with an offset.
struct Avx512DeltaHead {
  __m256i scales;
  __m512i weights[4];
};

struct Avx512GridSteps : Avx512StreamSteps {
  using Head = Avx512GridHead;
  // Of the most; d is the first field, and its unit an eighth.
  static uint32_t d_m(const std::byte* block) { return word(block); }
  static __m512 d(__m512i d_m) { return scaled(0.125f, half_low(d_m)); }

  template <int kGroup, class AnyHead>
  static __m512i weights(const std::byte*, const AnyHead& head) {
    return head.weights[kGroup];
  }

  // The entries at 32 indices of 16 bits.
  template <int kEntries>
  static __m512i entries(const uint16_t* grid, __m512i index) {
    if constexpr (kEntries == 64) {
      return _mm512_permutex2var_epi16(load64(grid), index, load64(grid + 32));
    } else {
      const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16(kEntries / 2));
      return _mm512_mask_blend_epi16(upper, entries<kEntries / 2>(grid, index),
                                     entries<kEntries / 2>(grid + kEntries / 2, index));
    }
  }

  static __m512i low_nibbles(__m512i a) { return _mm512_and_si512(a, splat8(0x0f)); }
  static __m512i high_nibbles(__m512i a) { return low_nibbles(_mm512_srli_epi16(a, 4)); }
  static __m512i widen(const void* bytes) { return _mm512_cvtepu8_epi16(load32(bytes)); }

  // 256 weights by 32 indices of entries of eight. `low` and `high` give the level of a nibble's lower and higher digit.
  template <int kEntries>
  static void place_eights(const uint16_t* grid, __m512i index, __m512i low, __m512i high, __m512i (&out)[4]) {
    // So that the interleaving below, which works on 16 bytes apart, leaves the weights in order.
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i entry = entries<kEntries>(grid, _mm512_permutexvar_epi32(order, index));
    const __m512i lower = low_nibbles(entry);
    const __m512i upper = high_nibbles(entry);
    const __m512i digits[4] = {lookup(low, lower), lookup(high, lower), lookup(low, upper), lookup(high, upper)};
    const __m512i first[2] = {_mm512_unpacklo_epi8(digits[0], digits[1]), _mm512_unpackhi_epi8(digits[0], digits[1])};
    const __m512i last[2] = {_mm512_unpacklo_epi8(digits[2], digits[3]), _mm512_unpackhi_epi8(digits[2], digits[3])};
    for (int i = 0; i < 2; ++i) {
      out[2 * i] = _mm512_unpacklo_epi16(first[i], last[i]);
      out[2 * i + 1] = _mm512_unpackhi_epi16(first[i], last[i]);
    }
  }
  // The same from a codebook in bytes that is too large for that: entries loaded one by one.
  static void load_eights_in_order(const uint64_t* codebook, __m512i index, __m512i (&out)[4]) {
    alignas(64) uint16_t at[32];
    _mm512_store_si512(at, index);
    for (int i = 0; i < 4; ++i) {
      const auto two = [&](int first) {
        return load_two(codebook + at[8 * i + first], codebook + at[8 * i + first + 1]);
      };
      __m512i eight = _mm512_castsi128_si512(two(0));
      eight = _mm512_inserti32x4(eight, two(2), 1);
      eight = _mm512_inserti32x4(eight, two(4), 2);
      out[i] = _mm512_inserti32x4(eight, two(6), 3);
    }
  }

  template <int kEntries>
  static void place_iq2(const uint16_t* grid, __m512i index, __m512i (&out)[4]) {
    place_eights<kEntries>(grid, index, table(kLowDigits), table(kHighDigits), out);
  }

  // 128 weights by 32 indices of entries of four.
  template <int kEntries>
  static void place_fours(const uint16_t* grid, __m512i index, __m512i levels, __m512i* out) {
    const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    const __m512i entry = entries<kEntries>(grid, _mm512_permutexvar_epi64(order, index));
    const __m512i lower = lookup(levels, low_nibbles(entry));
    const __m512i upper = lookup(levels, high_nibbles(entry));
    out[0] = _mm512_unpacklo_epi8(lower, upper);
    out[1] = _mm512_unpackhi_epi8(lower, upper);
  }

  static void load_signs(const void* bytes, __mmask64 (&signs)[4]) {
    uint64_t bits[4];
    std::memcpy(bits, bytes, sizeof bits);
    for (int i = 0; i < 4; ++i) signs[i] = _cvtu64_mask64(bits[i]);
  }

  // 2 * s + 1 of sixteen s.
  static __m256i odd_scales(__m128i bytes) {
    const __m256i s = _mm256_cvtepu8_epi16(bytes);
    return _mm256_add_epi16(_mm256_add_epi16(s, s), _mm256_set1_epi16(1));
  }
  // The nibbles of eight bytes.
  static __m128i nibbles_of_8(__m128i packed) {
    const __m128i four = _mm_set1_epi8(0x0f);
    return _mm_unpacklo_epi8(_mm_and_si128(packed, four), _mm_and_si128(_mm_srli_epi16(packed, 4), four));
  }

  // Each of eight words four times.
  static __m512i four_times(__m128i words) {
    const __m512i first =
        _mm512_set_epi64(0x0908090809080908, 0x0100010001000100, 0x0908090809080908, 0x0100010001000100,
                         0x0908090809080908, 0x0100010001000100, 0x0908090809080908, 0x0100010001000100);
    return _mm512_shuffle_epi8(_mm512_cvtepu16_epi64(words), first);
  }
  static __m512i counts(int first, int second, int third, int fourth) {
    return _mm512_set1_epi64(first | second << 16 | static_cast<int64_t>(third) << 32 |
                             static_cast<int64_t>(fourth) << 48);
  }

  // Eight dwords: the signs of 32 weights each in 28 bits, and a scale above them.
  static void read_signs_and_scales(__m256i rest, Avx512GridHead& head) {
    alignas(32) std::byte signs[32];
    const __m512i complete = GridSteps<Avx512Vnni>::even_signs(_mm512_castsi256_si512(rest));
    _mm256_store_si256(reinterpret_cast<__m256i*>(signs), _mm512_castsi512_si256(complete));
    load_signs(signs, head.signs);
    const __m256i odd = _mm256_or_si256(_mm256_slli_epi32(_mm256_srli_epi32(rest, 28), 1), _mm256_set1_epi32(1));
    head.scales = _mm256_or_si256(odd, _mm256_slli_epi32(odd, 16));
  }

 private:
  // IQ2's levels by a nibble's lower and higher two bits.
  static constexpr std::array<int8_t, 16> kLowDigits = {8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0, 8, 25, 43, 0};
  static constexpr std::array<int8_t, 16> kHighDigits = {8, 8, 8, 8, 25, 25, 25, 25, 43, 43, 43, 43, 0, 0, 0, 0};
};

template <>
struct Avx512Stream<IQ2_XXS> : Avx512GridSteps {
  static void read_head(const std::byte* block, Head& head) {
    // Indices from the even dwords, signs and scales from the odd ones.
    const __m512i split = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    const __m512i both = _mm512_permutexvar_epi32(split, load64(block + offsetof(IQ2_XXS::Block, qs)));
    place_iq2<256>(kIq2XxsGrid.data(), _mm512_cvtepu8_epi16(_mm512_castsi512_si256(both)), head.weights);
    read_signs_and_scales(_mm512_extracti64x4_epi64(both, 1), head);
  }
};

template <>
struct Avx512Stream<IQ2_XS> : Avx512GridSteps {
  static void read_head(const std::byte* block, Head& head) {
    const __m512i words = load64(block + offsetof(IQ2_XS::Block, qs));
    place_iq2<512>(kIq2XsGrid.data(), _mm512_and_si512(words, _mm512_set1_epi16(0x1ff)), head.weights);
    alignas(32) std::byte signs[32];
    const __m512i complete = GridSteps<Avx512Vnni>::complete_signs(_mm512_srli_epi16(words, 9));
    _mm256_store_si256(reinterpret_cast<__m256i*>(signs), _mm512_cvtepi16_epi8(complete));
    load_signs(signs, head.signs);
    head.scales = odd_scales(
        nibbles_of_8(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(block + offsetof(IQ2_XS::Block, scales)))));
  }
};

template <>
struct Avx512Stream<IQ2_S> : Avx512GridSteps {
  static void read_head(const std::byte* block, Head& head) {
    const __m128i tail = load16(block + offsetof(IQ2_S::Block, qh));  // qh, scales
    const __m512i high = _mm512_sllv_epi16(four_times(_mm_cvtepu8_epi16(tail)), counts(8, 6, 4, 2));
    const __m512i index =
        _mm512_or_si512(widen(block + offsetof(IQ2_S::Block, qs)), _mm512_and_si512(high, _mm512_set1_epi16(0x300)));
    place_iq2<1024>(kIq2SGrid.data(), index, head.weights);
    load_signs(block + offsetof(IQ2_S::Block, signs), head.signs);
    head.scales = odd_scales(nibbles_of_8(_mm_srli_si128(tail, 8)));
  }
};

template <>
struct Avx512Stream<IQ3_XXS> : Avx512GridSteps {
  static void read_head(const std::byte* block, Head& head) {
    const std::byte* qs = block + offsetof(IQ3_XXS::Block, qs);
    place_fours<256>(kIq3XxsGrid.data(), widen(qs), table(kIq3XxsLevels), head.weights);
    place_fours<256>(kIq3XxsGrid.data(), widen(qs + 32), table(kIq3XxsLevels), head.weights + 2);
    read_signs_and_scales(load32(block + offsetof(IQ3_XXS::Block, signs_and_scales)), head);
  }
  static __m512 d(__m512i d_m) { return scaled(0.25f, half_low(d_m)); }
};

template <>
struct Avx512Stream<IQ3_S> : Avx512GridSteps {
  static void read_head(const std::byte* block, Head& head) {
    const std::byte* qs = block + offsetof(IQ3_S::Block, qs);
    for (int half = 0; half < 2; ++half) {
      const __mmask32 high = _cvtu32_mask32(dword(block + offsetof(IQ3_S::Block, qh) + half * 4));
      const __m512i low = widen(qs + half * 32);
      place_fours<512>(kIq3SGrid.data(), _mm512_mask_add_epi16(low, high, low, _mm512_set1_epi16(0x100)),
                       table(kIq3SLevels), head.weights + 2 * half);
    }
    load_signs(block + offsetof(IQ3_S::Block, signs), head.signs);
    const __m128i four = _mm_cvtsi32_si128(static_cast<int>(dword(block + offsetof(IQ3_S::Block, scales))));
    const __m128i eight = nibbles_of_8(four);
    head.scales = odd_scales(_mm_unpacklo_epi8(eight, eight));
  }
  static __m512 d(__m512i d_m) { return half_low(d_m); }
};

// What IQ1_S and IQ1_M share: bytes are 8 * (g + delta) + 9.
struct Avx512DeltaSteps : Avx512GridSteps {
  using Head = Avx512DeltaHead;
  static constexpr int kOffset = 9;

  // `above`: the eights of weights with a positive delta.
  static void place_iq1(__m512i index, __mmask32 above, __m512i (&out)[4]) {
    load_eights_in_order(kIq1SBytes.data(), index, out);
    const uint32_t bits = _cvtmask32_u32(above);
    for (int i = 0; i < 4; ++i) {
      const __m512i delta = _mm512_mask_mov_epi64(splat8(8), static_cast<__mmask8>(bits >> (8 * i)), splat8(10));
      out[i] = _mm512_add_epi8(out[i], delta);
    }
  }
};

template <>
struct Avx512Stream<IQ1_S> : Avx512DeltaSteps {
  static void read_head(const std::byte* block, Head& head) {
    const __m128i qh = load16(block + offsetof(IQ1_S::Block, qh));
    const __m512i words = four_times(qh);
    const __m512i high = _mm512_and_si512(_mm512_srlv_epi16(words, counts(0, 3, 6, 9)), _mm512_set1_epi16(7));
    const __m512i index = _mm512_or_si512(widen(block + offsetof(IQ1_S::Block, qs)), _mm512_slli_epi16(high, 8));
    place_iq1(index, _knot_mask32(_mm512_movepi16_mask(words)), head.weights);
    const __m128i s = _mm_and_si128(_mm_srli_epi16(qh, 12), _mm_set1_epi16(7));
    const __m128i eight = _mm_packus_epi16(s, s);
    head.scales = odd_scales(_mm_unpacklo_epi8(eight, eight));
  }
};

template <>
struct Avx512Stream<IQ1_M> : Avx512DeltaSteps {
  static void read_head(const std::byte* block, Head& head) {
    const __m128i qh = load16(block + offsetof(IQ1_M::Block, qh));
    const __m256i nibbles =
        _mm256_inserti128_si256(_mm256_castsi128_si256(nibbles_of_8(qh)), nibbles_of_8(_mm_srli_si128(qh, 8)), 1);
    const __m512i words = _mm512_cvtepu8_epi16(nibbles);
    const __m512i high = _mm512_slli_epi16(_mm512_and_si512(words, _mm512_set1_epi16(7)), 8);
    place_iq1(_mm512_or_si512(widen(block + offsetof(IQ1_M::Block, qs)), high),
              _mm512_testn_epi16_mask(words, _mm512_set1_epi16(8)), head.weights);
    const __m512i s = _mm512_srlv_epi16(
        four_times(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(block + offsetof(IQ1_M::Block, scales)))),
        counts(0, 3, 6, 9));
    const __m256i sixteen = _mm256_and_si256(_mm512_castsi512_si256(s), _mm256_set1_epi16(7));
    head.scales = _mm256_add_epi16(_mm256_add_epi16(sixteen, sixteen), _mm256_set1_epi16(1));
  }
  static uint32_t d_m(const std::byte* block) {
    uint64_t words;
    std::memcpy(&words, block + offsetof(IQ1_M::Block, scales), sizeof words);
    return static_cast<uint32_t>((words >> 12 & 0xf) | (words >> 24 & 0xf0) | (words >> 36 & 0xf00) |
                                 (words >> 48 & 0xf000));
  }
};

}  // namespace thimble
