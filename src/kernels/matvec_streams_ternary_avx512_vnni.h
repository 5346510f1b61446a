// Stream readers of the ternary formats (see matvec_streams_avx512_vnni.h). Only for *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>

#include "kernels/matmul_readers_ternary.h"
#include "kernels/matvec_streams_avx512_vnni.h"

namespace thimble {

template <>
struct Avx512Stream<TQ2_0> : Avx512StreamSteps {
  static void read_head(const std::byte*, Avx512BlockHead& head) { head.scales = _mm256_set1_epi16(1); }
  template <int kGroup>
  static __m512i weights(const std::byte* block, const Avx512BlockHead&) {
    return two_bits<kGroup>(block + offsetof(TQ2_0::Block, qs));
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(TQ2_0::Block, d)); }
};

template <>
struct Avx512Stream<TQ1_0> : Avx512StreamSteps {
  static void read_head(const std::byte*, Avx512BlockHead& head) { head.scales = _mm256_set1_epi16(1); }
  // A digit moves to the top of its fraction by multiplication with a power of three.
  template <int kGroup>
  static __m512i weights(const std::byte* block, const Avx512BlockHead&) {
    const __m256i a = load32(block + offsetof(TQ1_0::Block, qs));
    const __m128i b = load16(block + offsetof(TQ1_0::Block, qs) + 32);
    if constexpr (kGroup < 2) {
      return digits(_mm512_broadcast_i64x4(a), kGroup == 0 ? powers(1, 1, 3, 3) : powers(9, 9, 27, 27));
    } else if constexpr (kGroup == 2) {
      return digits(_mm512_inserti64x4(_mm512_castsi256_si512(a), _mm256_broadcastsi128_si256(b), 1),
                    powers(81, 81, 1, 3));
    } else {
      const __m128i c = _mm_set1_epi32(static_cast<int>(dword(block + offsetof(TQ1_0::Block, qh))));
      const __m128i of_c = _mm_setr_epi32(0x00010001, 0x00030003, 0x00090009, 0x001b001b);
      return digits(_mm512_inserti32x4(_mm512_broadcast_i32x4(b), c, 3),
                    _mm512_inserti32x4(powers(9, 27, 81, 0), of_c, 3));
    }
  }
  static uint32_t d_m(const std::byte* block) { return word(block + offsetof(TQ1_0::Block, d)); }

 private:
  // Of each 16 bytes, as 16-bit numbers.
  static __m512i powers(int first, int second, int third, int fourth) {
    const auto of = [](int power) { return power * 0x0001000100010001; };
    return _mm512_setr_epi64(of(first), of(first), of(second), of(second), of(third), of(third), of(fourth),
                             of(fourth));
  }
  static __m512i digits(__m512i fractions, __m512i power) {
    const __m512i even = _mm512_mullo_epi16(fractions, power);
    const __m512i odd = _mm512_slli_epi16(_mm512_mullo_epi16(_mm512_srli_epi16(fractions, 8), power), 8);
    return carry_of_triple(_mm512_mask_mov_epi8(even, 0xaaaaaaaaaaaaaaaa, odd));
  }
};

}  // namespace thimble
