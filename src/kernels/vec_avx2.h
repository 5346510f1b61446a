// Vectors of 16 lanes in two 256-bit registers; vec_scalar.h describes the operations. Included by *_avx2.cpp only.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace thimble {

struct Avx2Isa {
  struct Float {
    __m256 low, high;
  };
  struct Int {
    __m256i low, high;
  };
  using Bytes = Int;
  struct Mask {
    __m256 low, high;
  };
  static constexpr int kFloatColumns = 1;
  static constexpr int kByteColumns = 1;
  static constexpr int kWideOffset = 0;

  static Float zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Float set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static Float load(const void* p) {
    const auto* floats = static_cast<const float*>(p);
    return {_mm256_loadu_ps(floats), _mm256_loadu_ps(floats + 8)};
  }
  static void store(float* p, Float x) {
    _mm256_storeu_ps(p, x.low);
    _mm256_storeu_ps(p + 8, x.high);
  }
  static Float load_n(const void* p, size_t n) {
    alignas(32) float lanes[16] = {};
    std::memcpy(lanes, p, n * sizeof(float));
    return load(lanes);
  }
  static void store_n(float* p, Float x, size_t n) {
    alignas(32) float lanes[16];
    store(lanes, x);
    std::memcpy(p, lanes, n * sizeof(float));
  }

  static Float add(Float a, Float b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static Float sub(Float a, Float b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static Float mul(Float a, Float b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static Float div(Float a, Float b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static Float fma(Float a, Float b, Float c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static Float max(Float a, Float b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static Float min(Float a, Float b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
  static float sqrt1(float x) { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))); }

  static float sum(Float x) {
    const __m256 x8 = _mm256_add_ps(x.low, x.high);
    const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
    const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
    return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
  }
  static float max_of(Float x) {
    const __m256 x8 = _mm256_max_ps(x.low, x.high);
    const __m128 x4 = _mm_max_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
    const __m128 x2 = _mm_max_ps(x4, _mm_movehl_ps(x4, x4));
    return _mm_cvtss_f32(_mm_max_ss(x2, _mm_movehdup_ps(x2)));
  }
  static Float scale2(Float p, Float n) { return {scale2(p.low, n.low), scale2(p.high, n.high)}; }

  static Mask lanes(size_t begin, size_t end) { return mask(((1u << end) - 1) & ~((1u << begin) - 1)); }
  static Mask mask(uint32_t bits) {
    const __m256i all = _mm256_set1_epi32(static_cast<int>(bits));
    const __m256i low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128), high = _mm256_slli_epi32(low, 8);
    return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, low), low)),
            _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(all, high), high))};
  }
  static uint32_t bits(Mask m) {
    return static_cast<uint32_t>(_mm256_movemask_ps(m.low) | (_mm256_movemask_ps(m.high) << 8));
  }
  static Mask less(Float a, Float b) {
    return {_mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ)};
  }
  static Mask equal(Float a, Float b) {
    return {_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ), _mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ)};
  }
  static Float select(Mask m, Float set, Float clear) {
    return {_mm256_blendv_ps(clear.low, set.low, m.low), _mm256_blendv_ps(clear.high, set.high, m.high)};
  }

  template <int kDistance>
  static Float swap(Float x) {
    if constexpr (kDistance == 8) return {x.high, x.low};
    if constexpr (kDistance == 4) {
      return {_mm256_permute2f128_ps(x.low, x.low, 1), _mm256_permute2f128_ps(x.high, x.high, 1)};
    }
    if constexpr (kDistance == 2) return {_mm256_permute_ps(x.low, 0x4e), _mm256_permute_ps(x.high, 0x4e)};
    if constexpr (kDistance == 1) return {_mm256_permute_ps(x.low, 0xb1), _mm256_permute_ps(x.high, 0xb1)};
  }
  static void load_pairs(const float* p, Float& first, Float& second) {
    split_pairs(p, first.low, second.low);
    split_pairs(p + 16, first.high, second.high);
  }
  static void store_pairs(float* p, Float first, Float second) {
    join_pairs(p, first.low, second.low);
    join_pairs(p + 16, first.high, second.high);
  }

  static Int set1_int(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static Int bits_of(Float x) { return {_mm256_castps_si256(x.low), _mm256_castps_si256(x.high)}; }
  static Float float_of_bits(Int x) { return {_mm256_castsi256_ps(x.low), _mm256_castsi256_ps(x.high)}; }
  static Int bit_and(Int a, Int b) { return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)}; }
  static Int bit_or(Int a, Int b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
  template <int kBits>
  static Int shift_right(Int x) {
    return {_mm256_srli_epi32(x.low, kBits), _mm256_srli_epi32(x.high, kBits)};
  }
  template <int kBits>
  static Int shift_left(Int x) {
    return {_mm256_slli_epi32(x.low, kBits), _mm256_slli_epi32(x.high, kBits)};
  }
  static Int sub_int(Int a, Int b) { return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)}; }
  static Int max_int(Int a, Int b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
  static Float to_float(Int x) { return {_mm256_cvtepi32_ps(x.low), _mm256_cvtepi32_ps(x.high)}; }
  static Int truncate(Float x) { return {_mm256_cvttps_epi32(x.low), _mm256_cvttps_epi32(x.high)}; }
  static int32_t max_of_int(Int x) {
    const __m256i x8 = _mm256_max_epi32(x.low, x.high);
    const __m128i x4 = _mm_max_epi32(_mm256_castsi256_si128(x8), _mm256_extracti128_si256(x8, 1));
    const __m128i x2 = _mm_max_epi32(x4, _mm_shuffle_epi32(x4, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(x2, _mm_shuffle_epi32(x2, 0xb1)));
  }
  static void store_low_bytes(uint8_t* p, Int x) {
    alignas(32) int32_t lanes[16];
    store_bytes(lanes, x);
    for (int i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(lanes[i]);
  }
  static Int load_u8(const void* p) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
    return {_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8))};
  }
  static Int load_i8(const void* p) {
    const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(p));
    return {_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))};
  }

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
  static Float load_f16(const void* p) {
    const auto* halves = static_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
  }
  static Float load_bf16(const void* p) {
    const auto* halves = static_cast<const __m128i*>(p);
    return {widen_bf16(_mm_loadu_si128(halves)), widen_bf16(_mm_loadu_si128(halves + 1))};
  }

  static Bytes load_bytes(const void* p) {
    const auto* bytes = static_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(bytes), _mm256_loadu_si256(bytes + 1)};
  }
  static void store_bytes(void* p, Bytes x) {
    auto* bytes = static_cast<__m256i*>(p);
    _mm256_storeu_si256(bytes, x.low);
    _mm256_storeu_si256(bytes + 1, x.high);
  }
  static Bytes and_bytes(Bytes a, uint8_t b) {
    const __m256i all = _mm256_set1_epi8(static_cast<char>(b));
    return {_mm256_and_si256(a.low, all), _mm256_and_si256(a.high, all)};
  }
  static Bytes or_bytes(Bytes a, Bytes b) { return bit_or(a, b); }
  template <int kBits>
  static Bytes shift_bytes_right(Bytes a) {
    return {_mm256_srli_epi16(a.low, kBits), _mm256_srli_epi16(a.high, kBits)};
  }
  template <int kBits>
  static Bytes shift_bytes_left(Bytes a) {
    return {_mm256_slli_epi16(a.low, kBits), _mm256_slli_epi16(a.high, kBits)};
  }
  template <bool kWide>
  static Int dot4(Int acc, Bytes k, Int q) {
    return {dot4<kWide>(acc.low, k.low, q.low), dot4<kWide>(acc.high, k.high, q.high)};
  }

 private:
  static __m256 scale2(__m256 p, __m256 n) {
    const __m256i exponent = _mm256_cvttps_epi32(n);
    const __m256i half = _mm256_srai_epi32(exponent, 1);
    return _mm256_mul_ps(_mm256_mul_ps(p, power_of_2(half)), power_of_2(_mm256_sub_epi32(exponent, half)));
  }
  static __m256 power_of_2(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
  static void split_pairs(const float* p, __m256& first, __m256& second) {
    const __m256 low = _mm256_loadu_ps(p), high = _mm256_loadu_ps(p + 8);
    const __m256 even = _mm256_shuffle_ps(low, high, 0x88), odd = _mm256_shuffle_ps(low, high, 0xdd);
    first = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(even), 0xd8));
    second = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(odd), 0xd8));
  }
  static void join_pairs(float* p, __m256 first, __m256 second) {
    const __m256 low = _mm256_unpacklo_ps(first, second), high = _mm256_unpackhi_ps(first, second);
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(low, high, 0x31));
  }
  static __m256 widen_bf16(__m128i halves) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  // Pairs of products fit 16 bits: 31 * 127 * 2, and with signed bytes (the sign moved to q) 128 * 127 * 2.
  template <bool kWide>
  static __m256i dot4(__m256i acc, __m256i k, __m256i q) {
    __m256i pairs;
    if constexpr (kWide) {
      const __m256i value = _mm256_xor_si256(k, _mm256_set1_epi8(static_cast<char>(0x80)));
      pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(value), _mm256_sign_epi8(q, value));
    } else {
      pairs = _mm256_maddubs_epi16(k, q);
    }
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

}  // namespace thimble
