// Vectors of 16 lanes in one 512-bit register; vec_scalar.h describes the operations. Included by *_avx512_vnni.cpp
// only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace thimble {

struct Avx512Isa {
  using Float = __m512;
  using Int = __m512i;
  using Bytes = __m512i;
  using Mask = __mmask16;
  static constexpr int kFloatColumns = 4;
  static constexpr int kByteColumns = 2;
  static constexpr int kWideOffset = 128;

  static Float zero() { return _mm512_setzero_ps(); }
  static Float set1(float x) { return _mm512_set1_ps(x); }
  static Float load(const void* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float load_n(const void* p, size_t n) { return _mm512_maskz_loadu_ps(lanes(0, n), p); }
  static void store_n(float* p, Float x, size_t n) { _mm512_mask_storeu_ps(p, lanes(0, n), x); }

  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  static float sqrt1(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

  static float sum(Float x) {
    const __m256 x8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
    const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
    return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
  }
  static float max_of(Float x) {
    const __m256 x8 = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 x4 = _mm_max_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
    const __m128 x2 = _mm_max_ps(x4, _mm_movehl_ps(x4, x4));
    return _mm_cvtss_f32(_mm_max_ss(x2, _mm_movehdup_ps(x2)));
  }
  static Float scale2(Float p, Float n) { return _mm512_scalef_ps(p, n); }

  static Mask lanes(size_t begin, size_t end) { return static_cast<Mask>(((1u << end) - 1) & ~((1u << begin) - 1)); }
  static Mask mask(uint32_t bits) { return static_cast<Mask>(bits); }
  static uint32_t bits(Mask m) { return m; }
  static Mask less(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
  static Mask equal(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static Float select(Mask m, Float set, Float clear) { return _mm512_mask_blend_ps(m, clear, set); }

  template <int kDistance>
  static Float swap(Float x) {
    if constexpr (kDistance == 8) return _mm512_shuffle_f32x4(x, x, 0x4e);
    if constexpr (kDistance == 4) return _mm512_shuffle_f32x4(x, x, 0xb1);
    if constexpr (kDistance == 2) return _mm512_permute_ps(x, 0x4e);
    if constexpr (kDistance == 1) return _mm512_permute_ps(x, 0xb1);
  }
  static void load_pairs(const float* p, Float& first, Float& second) {
    const Int even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const Int odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    const Float low = load(p), high = load(p + 16);
    first = _mm512_permutex2var_ps(low, even, high);
    second = _mm512_permutex2var_ps(low, odd, high);
  }
  static void store_pairs(float* p, Float first, Float second) {
    const Int low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const Int high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store(p, _mm512_permutex2var_ps(first, low, second));
    store(p + 16, _mm512_permutex2var_ps(first, high, second));
  }

  static Int set1_int(int32_t x) { return _mm512_set1_epi32(x); }
  static Int bits_of(Float x) { return _mm512_castps_si512(x); }
  static Float float_of_bits(Int x) { return _mm512_castsi512_ps(x); }
  static Int bit_and(Int a, Int b) { return _mm512_and_si512(a, b); }
  static Int bit_or(Int a, Int b) { return _mm512_or_si512(a, b); }
  template <int kBits>
  static Int shift_right(Int x) {
    return _mm512_srli_epi32(x, kBits);
  }
  template <int kBits>
  static Int shift_left(Int x) {
    return _mm512_slli_epi32(x, kBits);
  }
  static Int sub_int(Int a, Int b) { return _mm512_sub_epi32(a, b); }
  static Int max_int(Int a, Int b) { return _mm512_max_epi32(a, b); }
  static Float to_float(Int x) { return _mm512_cvtepi32_ps(x); }
  static Int truncate(Float x) { return _mm512_cvttps_epi32(x); }
  static int32_t max_of_int(Int x) { return _mm512_reduce_max_epi32(x); }
  static void store_low_bytes(uint8_t* p, Int x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
  static Int load_u8(const void* p) { return _mm512_cvtepu8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))); }
  static Int load_i8(const void* p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128(static_cast<const __m128i*>(p))); }

  static float from_f16(uint16_t x) { return _cvtsh_ss(x); }
  static uint16_t to_f16(float x) {
    return static_cast<uint16_t>(_mm_cvtsi128_si32(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT)));
  }
  static float from_bf16(uint16_t x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x) << 16); }
  static uint16_t to_bf16(float x) {
    const uint32_t bits = __builtin_bit_cast(uint32_t, x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
  }
  static Float load_f16(const void* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p))); }
  static Float load_bf16(const void* p) {
    const Int wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }

  static Bytes load_bytes(const void* p) { return _mm512_loadu_si512(p); }
  static void store_bytes(void* p, Bytes x) { _mm512_storeu_si512(p, x); }
  static Bytes and_bytes(Bytes a, uint8_t b) { return _mm512_and_si512(a, _mm512_set1_epi8(static_cast<char>(b))); }
  static Bytes or_bytes(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  template <int kBits>
  static Bytes shift_bytes_right(Bytes a) {
    return _mm512_srli_epi16(a, kBits);
  }
  template <int kBits>
  static Bytes shift_bytes_left(Bytes a) {
    return _mm512_slli_epi16(a, kBits);
  }
  template <bool kWide>
  static Int dot4(Int acc, Bytes k, Int q) {
    return _mm512_dpbusd_epi32(acc, k, q);
  }
};

}  // namespace thimble
