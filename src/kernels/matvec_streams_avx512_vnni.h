// Stream readers: what the AVX-512 matrix-vector product asks of each number format. Weights come a byte each: weight + kOffset, at
// most kLargest, or, where the bytes are signed, as from_signed has them; 64 in the order of the row, or a chunk of 128. Only for
// *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/matmul_readers.h"
#include "kernels/matmul_readers_k.h"
#include "kernels/matmul_vector_avx512_vnni.h"

namespace thimble {

// What the readers of a block carry from one part of it to the next.
struct Avx512BlockHead {
  __m256i scales;  // of 16 weights each, int16
  __m256i minima;  // likewise
  __m128i bytes;   // eight scales of 32 weights each, uint8; then as many minima
  __m512i high;    // the bytes of the weights' high bits, twice
};

struct Avx512StreamSteps : Avx512Vnni {
  using Head = Avx512BlockHead;
  // A block's scale from what the stream's d_m() gave.
  static __m512 d(__m512i d_m) { return half_low(d_m); }

  static __m256i load32(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static __m512i load64(const void* p) { return _mm512_loadu_si512(p); }
  static __m512i twice(const void* p) { return _mm512_broadcast_i64x4(load32(p)); }
  // 16-bit shifts of the lower and of the upper 32 bytes.
  static __m512i shifts(int low, int high) {
    return _mm512_inserti64x4(_mm512_set1_epi16(static_cast<short>(low)), _mm256_set1_epi16(static_cast<short>(high)),
                              1);
  }
  static uint32_t dword(const void* p) {
    uint32_t out;
    std::memcpy(&out, p, sizeof out);
    return out;
  }
  static uint16_t word(const void* p) {
    uint16_t out;
    std::memcpy(&out, p, sizeof out);
    return out;
  }

  // Two blocks' 16 packed bytes to 64 nibbles.
  static __m512i nibbles(const void* a, const void* b) {
    const __m512i packed = _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(load16(a)), 0xff00, load16(b));
    return split_nibbles(packed);
  }
  // Every second 16 bytes are high nibbles.
  static __m512i split_nibbles(__m512i packed) {
    const __m512i counts =
        _mm512_set_epi64(0x0004000400040004, 0x0004000400040004, 0, 0, 0x0004000400040004, 0x0004000400040004, 0, 0);
    return _mm512_and_si512(_mm512_srlv_epi16(packed, counts), splat8(0x0f));
  }
  static __m512i add_fifth_bits(__m512i weights, const void* a, const void* b) {
    const __mmask64 fifth = dword(a) | static_cast<uint64_t>(dword(b)) << 32;
    return _mm512_mask_add_epi8(weights, fifth, weights, splat8(0x10));
  }

  // The low two bits of a group of 64 weights, of which a byte of `packed` holds four, 32 weights apart.
  template <int kGroup>
  static __m512i two_bits(const std::byte* packed) {
    constexpr int kShift = kGroup % 2 * 4;
    return _mm512_and_si512(_mm512_srlv_epi16(twice(packed + kGroup / 2 * 32), shifts(kShift, kShift + 2)), splat8(3));
  }
  // Adds `value` to the weights of the lower 32 bytes whose byte of `high` has bit kLower, and of the upper ones, kUpper.
  template <int kLower, int kUpper>
  static __m512i add_high_bit(__m512i weights, __m512i high, int value) {
    const __m512i bit = _mm512_inserti64x4(splat8(1 << kLower), _mm256_set1_epi8(static_cast<char>(1 << kUpper)), 1);
    return _mm512_mask_add_epi8(weights, _mm512_test_epi8_mask(high, bit), weights, splat8(value));
  }

  // 128 weights: the low and the high nibbles of 64 packed bytes.
  struct Chunk {
    __m512i low;
    __m512i high;
  };
  static Chunk split_bytes(__m512i packed) {
    return {_mm512_and_si512(packed, splat8(0x0f)), _mm512_and_si512(_mm512_srli_epi16(packed, 4), splat8(0x0f))};
  }

  // The head that Q4_K and Q5_K share: eight 6-bit scales and minima in 12 bytes.
  static void read_k_head(const void* block, Avx512BlockHead& head) {
    const __m128i bytes = load16(block);  // d, dmin; then A, B, C, four bytes each
    const __m128i ab = _mm_srlv_epi32(_mm_shuffle_epi32(bytes, 0xa5), _mm_setr_epi32(0, 2, 0, 2));
    const __m128i c = _mm_srlv_epi32(_mm_shuffle_epi32(bytes, 0xff), _mm_setr_epi32(0, 0, 0, 4));
    const __m128i both = _mm_or_si128(_mm_and_si128(ab, _mm_setr_epi32(0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030)),
                                      _mm_and_si128(c, _mm_setr_epi32(0, 0x0f0f0f0f, 0, 0x0f0f0f0f)));
    head.bytes = both;
    head.minima = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(both, both));
  }

  // Of four sub-blocks, the scale beside each of the sums that _mm512_packs_epi32 makes of a chunk's low and high nibbles.
  template <int kChunk>
  static __m512i spread_scales(const Avx512BlockHead& head) {
    const auto word = [](int scale) { return static_cast<int64_t>(0x8000800080008000u | scale * 0x0001000100010001u); };
    constexpr int kFirst = kChunk * 4;
    const __m512i index = _mm512_setr_epi64(word(kFirst), word(kFirst + 1), word(kFirst), word(kFirst + 1),
                                            word(kFirst + 2), word(kFirst + 3), word(kFirst + 2), word(kFirst + 3));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(head.bytes), index);
  }
};

template <class Q>
struct Avx512Stream;

// ---- blocks of 32: two at a time --------------------------------------------------------------------------------------

template <>
struct Avx512Stream<Q4_0> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return nibbles(a + offsetof(Q4_0::Block, qs), b + offsetof(Q4_0::Block, qs));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(Q4_0::Block, d)); }
};

template <>
struct Avx512Stream<Q4_1> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return nibbles(a + offsetof(Q4_1::Block, qs), b + offsetof(Q4_1::Block, qs));
  }
  static uint32_t d_m(const std::byte* block) { return dword(block + offsetof(Q4_1::Block, d)); }
};

template <>
struct Avx512Stream<Q5_0> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return add_fifth_bits(nibbles(a + offsetof(Q5_0::Block, qs), b + offsetof(Q5_0::Block, qs)),
                          a + offsetof(Q5_0::Block, qh), b + offsetof(Q5_0::Block, qh));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(Q5_0::Block, d)); }
};

template <>
struct Avx512Stream<Q5_1> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return add_fifth_bits(nibbles(a + offsetof(Q5_1::Block, qs), b + offsetof(Q5_1::Block, qs)),
                          a + offsetof(Q5_1::Block, qh), b + offsetof(Q5_1::Block, qh));
  }
  static uint32_t d_m(const std::byte* block) { return dword(block + offsetof(Q5_1::Block, d)); }
};

template <>
struct Avx512Stream<Q8_0> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return from_signed(_mm512_inserti64x4(_mm512_castsi256_si512(load32(a + offsetof(Q8_0::Block, qs))),
                                          load32(b + offsetof(Q8_0::Block, qs)), 1));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(Q8_0::Block, d)); }
};

template <>
struct Avx512Stream<MXFP4> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return lookup(table(kMxfp4Bytes), nibbles(a + offsetof(MXFP4::Block, qs), b + offsetof(MXFP4::Block, qs)));
  }
  static uint32_t d_m(const std::byte* block) { return static_cast<uint32_t>(block[offsetof(MXFP4::Block, e)]); }
  static __m512 d(__m512i d_m) { return e8m0_half(d_m); }
};

template <>
struct Avx512Stream<IQ4_NL> : Avx512StreamSteps {
  static __m512i weights(const std::byte* a, const std::byte* b) {
    return lookup(levels(IQ4_NL::kValues), nibbles(a + offsetof(IQ4_NL::Block, qs), b + offsetof(IQ4_NL::Block, qs)));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(IQ4_NL::Block, d)); }
};

// ---- blocks of 256: two chunks of 128 where a scale is 32 weights', else four groups of 64 -----------------------------

template <>
struct Avx512Stream<Q4_K> : Avx512StreamSteps {
  static constexpr int kRun = 32;
  static void read_head(const std::byte* block, Avx512BlockHead& head) { read_k_head(block, head); }
  template <int kChunk>
  static Chunk weights(const std::byte* block, const Avx512BlockHead&) {
    return split_bytes(load64(block + offsetof(Q4_K::Block, qs) + kChunk * 64));
  }
  static uint32_t d_m(const std::byte* block) { return dword(block + offsetof(Q4_K::Block, d)); }
};

template <>
struct Avx512Stream<Q5_K> : Avx512StreamSteps {
  static constexpr int kRun = 32;
  static void read_head(const std::byte* block, Avx512BlockHead& head) {
    read_k_head(block, head);
    head.high = twice(block + offsetof(Q5_K::Block, qh));
  }
  template <int kChunk>
  static Chunk weights(const std::byte* block, const Avx512BlockHead& head) {
    const Chunk four = split_bytes(load64(block + offsetof(Q5_K::Block, qs) + kChunk * 64));
    return {add_high_bit<4 * kChunk, 4 * kChunk + 2>(four.low, head.high, 0x10),
            add_high_bit<4 * kChunk + 1, 4 * kChunk + 3>(four.high, head.high, 0x10)};
  }
  static uint32_t d_m(const std::byte* block) { return dword(block + offsetof(Q5_K::Block, d)); }
};

template <>
struct Avx512Stream<Q6_K> : Avx512StreamSteps {
  static void read_head(const std::byte* block, Avx512BlockHead& head) {
    head.scales = _mm256_cvtepi8_epi16(load16(block + offsetof(Q6_K::Block, scales)));
  }
  template <int kGroup>
  static __m512i weights(const std::byte* block, const Avx512BlockHead&) {
    const __m512i ql = load64(block + offsetof(Q6_K::Block, ql) + kGroup / 2 * 64);
    const __m512i qh = twice(block + offsetof(Q6_K::Block, qh) + kGroup / 2 * 32);
    const __m512i low = kGroup % 2 == 0 ? ql : _mm512_srli_epi16(ql, 4);
    const __m512i high = kGroup % 2 == 0 ? _mm512_sllv_epi16(qh, shifts(4, 2)) : _mm512_srlv_epi16(qh, shifts(0, 2));
    return _mm512_or_si512(_mm512_and_si512(low, splat8(0x0f)), _mm512_and_si512(high, splat8(0x30)));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(Q6_K::Block, d)); }
};

template <>
struct Avx512Stream<Q3_K> : Avx512StreamSteps {
  static void read_head(const std::byte* block, Avx512BlockHead& head) {
    // 6-bit scales, less 32: low nibbles of 0..7 and 8..15 in eight bytes, the two high bits in the last four.
    const __m128i bytes = load16(block + offsetof(Q3_K::Block, scales) - 4);  // ends where the scales do
    const __m128i low = _mm_srlv_epi32(_mm_shuffle_epi32(bytes, 0x99), _mm_setr_epi32(0, 0, 4, 4));
    const __m128i last = _mm_shuffle_epi32(bytes, 0xff);
    const __m128i bits = _mm_and_si128(_mm_srlv_epi32(last, _mm_setr_epi32(0, 2, 4, 6)), _mm_set1_epi8(3));
    const __m128i scales = _mm_or_si128(_mm_and_si128(low, _mm_set1_epi8(0x0f)), _mm_slli_epi16(bits, 4));
    head.scales = _mm256_sub_epi16(_mm256_cvtepu8_epi16(scales), _mm256_set1_epi16(32));
    head.high = twice(block + offsetof(Q3_K::Block, hmask));
  }
  template <int kGroup>
  static __m512i weights(const std::byte* block, const Avx512BlockHead& head) {
    return add_high_bit<2 * kGroup, 2 * kGroup + 1>(two_bits<kGroup>(block + offsetof(Q3_K::Block, qs)), head.high, 4);
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(Q3_K::Block, d)); }
};

template <>
struct Avx512Stream<Q2_K> : Avx512StreamSteps {
  static void read_head(const std::byte* block, Avx512BlockHead& head) {
    const __m128i both = load16(block + offsetof(Q2_K::Block, scales));
    const __m128i four = _mm_set1_epi8(0x0f);
    head.scales = _mm256_cvtepu8_epi16(_mm_and_si128(both, four));
    head.minima = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(both, 4), four));
  }
  template <int kGroup>
  static __m512i weights(const std::byte* block, const Avx512BlockHead&) {
    return two_bits<kGroup>(block + offsetof(Q2_K::Block, qs));
  }
  static uint32_t d_m(const std::byte* block) { return dword(block + offsetof(Q2_K::Block, d)); }
};

template <>
struct Avx512Stream<IQ4_XS> : Avx512StreamSteps {
  static constexpr int kRun = 16;
  static void read_head(const std::byte* block, Avx512BlockHead& head) {
    // Low nibbles of eight scales in four bytes, two high bits of each in sixteen.
    const __m128i counts = _mm_setr_epi16(0, 4, 8, 12, 0, 4, 8, 12);
    const uint64_t four = dword(block + offsetof(IQ4_XS::Block, scales_l));
    const __m128i low_words = _mm_set_epi64x(static_cast<int64_t>((four >> 16) * 0x0001000100010001),
                                             static_cast<int64_t>((four & 0xffff) * 0x0001000100010001));
    const __m128i low = _mm_and_si128(_mm_srlv_epi16(low_words, counts), _mm_set1_epi16(0x0f));
    const __m128i high_bits =
        _mm_srlv_epi16(_mm_set1_epi16(static_cast<short>(word(block + offsetof(IQ4_XS::Block, scales_h)))),
                       _mm_setr_epi16(0, 2, 4, 6, 8, 10, 12, 14));
    const __m128i high = _mm_slli_epi16(_mm_and_si128(high_bits, _mm_set1_epi16(3)), 4);
    const __m128i scales = _mm_sub_epi16(_mm_or_si128(low, high), _mm_set1_epi16(32));
    head.scales = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi16(scales, scales)),
                                          _mm_unpackhi_epi16(scales, scales), 1);
  }
  template <int kChunk>
  static Chunk weights(const std::byte* block, const Avx512BlockHead&) {
    const Chunk index = split_bytes(load64(block + offsetof(IQ4_XS::Block, qs) + kChunk * 64));
    const __m512i table = levels(IQ4_NL::kValues);
    return {lookup(table, index.low), lookup(table, index.high)};
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(IQ4_XS::Block, d)); }
};

}  // namespace thimble
