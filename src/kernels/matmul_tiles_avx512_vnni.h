// Tiles of one or two panels of 16 rows by up to 6 tokens for the AVX-512 kernels: a register holds one token's sums
// for the 16 rows of a panel. Only for *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/matmul_loop.h"
#include "kernels/matmul_vector_avx512_vnni.h"

namespace thimble {

struct Avx512VnniTileParts {
  using V = Avx512Vnni;
  using Workspace = MatmulWorkspace<V>;

  // The same part of several tokens' records. One register points at three of them, which is what an x86 address can
  // reach.
  template <int kTokens>
  struct TokenPointers {
    TokenPointers(const std::byte* first, size_t from_token_to_token) : stride(from_token_to_token) {
      for (int i = 0; i < (kTokens + 2) / 3; ++i) p[i] = first + 3 * i * stride;
    }
    const std::byte* at(int token) const { return p[token / 3] + token % 3 * stride; }
    void advance(size_t bytes) {
      for (const std::byte*& pointer : p) pointer += bytes;
    }
    const std::byte* p[(kTokens + 2) / 3];
    size_t stride;
  };

  static __mmask16 row_mask(size_t rows, int panel) {
    const size_t left = rows - panel * V::kRows;
    return left >= 16 ? 0xffff : static_cast<__mmask16>((1u << left) - 1);
  }

  static __m512i splat4(const std::byte* p) {
    int four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static __m512 splat_float(const std::byte* p) { return _mm512_castsi512_ps(splat4(p)); }

  template <int kPanels, int kTokens>
  static void load_totals(const MatmulTile& tile, __m512 (&totals)[kPanels][kTokens]) {
    for (int p = 0; p < kPanels; ++p) {
      const __mmask16 mask = tile.first ? 0 : row_mask(tile.rows, p);
      for (int t = 0; t < kTokens; ++t)
        totals[p][t] = _mm512_maskz_loadu_ps(mask, tile.y + t * tile.y_stride + p * V::kRows);
    }
  }

  template <int kPanels, int kTokens>
  static void store_totals(const MatmulTile& tile, const __m512 (&totals)[kPanels][kTokens]) {
    for (int p = 0; p < kPanels; ++p) {
      const __mmask16 mask = row_mask(tile.rows, p);
      for (int t = 0; t < kTokens; ++t)
        _mm512_mask_storeu_ps(tile.y + t * tile.y_stride + p * V::kRows, mask, totals[p][t]);
    }
  }

  // sums[panel][token] += the products of kGroups * 4 columns, from lane group `group` on.
  template <int kGroups, int kPanels, int kTokens>
  static void add_products(const Workspace& work, size_t group, const TokenPointers<kTokens>& x,
                           __m512i (&sums)[kPanels][kTokens]) {
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) {
      __m512i weights[kPanels];
      for (int p = 0; p < kPanels; ++p) weights[p] = work.panels[p].lanes[group + g];
#pragma GCC unroll 6
      for (int t = 0; t < kTokens; ++t) {
        __m512i four = splat4(x.at(t) + g * 4);
        asm(""
            : "+v"(four));  // in a register: vpdpbusd with a broadcast operand runs at a quarter of the speed on Zen 5
        for (int p = 0; p < kPanels; ++p) sums[p][t] = _mm512_dpbusd_epi32(sums[p][t], weights[p], four);
      }
    }
  }

  // totals += d * x_d * sums
  template <int kPanels, int kTokens>
  static void add_scaled(const Workspace& work, size_t b, const TokenPointers<kTokens>& x_scales,
                         const __m512i (&sums)[kPanels][kTokens], __m512 (&totals)[kPanels][kTokens]) {
    for (int p = 0; p < kPanels; ++p) {
      const __m512 d = _mm512_load_ps(work.panels[p].d + b * V::kRows);
      for (int t = 0; t < kTokens; ++t) {
        const __m512 scale = _mm512_mul_ps(d, splat_float(x_scales.at(t)));
        totals[p][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[p][t]), scale, totals[p][t]);
      }
    }
  }
};

template <int kBlock, int kSub, bool kMinimum, bool kSigned, int kLargest>
struct Avx512Vnni::Tiles : Avx512VnniTileParts {
  // kSigned and kLargest do not matter here: one instance for all formats of a shape.
  template <int kPanels, int kTokens>
  static void run(const Workspace& work, const MatmulTile& tile) {
    if constexpr (kLargest != 0) {
      Avx512Vnni::Tiles<kBlock, kSub, kMinimum, false, 0>::template run<kPanels, kTokens>(work, tile);
    } else {
      __m512 totals[kPanels][kTokens];
      load_totals(tile, totals);
      if constexpr (kBlock == 32) {
        add_blocks_of_32(work, tile, totals);
      } else {
        add_blocks_of_256(work, tile, totals);
      }
      store_totals(tile, totals);
    }
  }

  template <int kPanels, int kTokens>
  static void add_blocks_of_32(const Workspace& work, const MatmulTile& tile, __m512 (&totals)[kPanels][kTokens]) {
    TokenPointers<kTokens> x(tile.x, tile.x_stride);
    TokenPointers<kTokens> x_scales(tile.scales, tile.x_stride);
    TokenPointers<kTokens> x_scaled_sums(tile.scaled_sums, tile.x_stride);
    for (size_t b = 0; b < tile.blocks; ++b) {
      __m512i sums[kPanels][kTokens];
      for (int t = 0; t < kTokens; ++t) {
        const __m512i start = kMinimum ? _mm512_setzero_si512() : _mm512_set1_epi32(work.x_sums[t][b]);
        for (int p = 0; p < kPanels; ++p) sums[p][t] = start;
      }
      add_products<8>(work, b * 8, x, sums);
      x.advance(32);
      add_scaled(work, b, x_scales, sums, totals);
      x_scales.advance(sizeof(float));
      if constexpr (kMinimum) {
        for (int p = 0; p < kPanels; ++p) {
          const __m512 m = _mm512_load_ps(work.panels[p].m + b * kRows);
          for (int t = 0; t < kTokens; ++t)
            totals[p][t] = _mm512_fmadd_ps(m, splat_float(x_scaled_sums.at(t)), totals[p][t]);
        }
        x_scaled_sums.advance(sizeof(float));
      }
    }
  }

  template <int kPanels, int kTokens>
  static void add_blocks_of_256(const Workspace& work, const MatmulTile& tile, __m512 (&totals)[kPanels][kTokens]) {
    constexpr int kSubs = kBlock / kSub;
    constexpr int kRun = kSub < 32 ? kSub : 32;  // as much as is worth unrolling
    TokenPointers<kTokens> x(tile.x, tile.x_stride);
    TokenPointers<kTokens> x_scales(tile.scales, tile.x_stride);
    for (size_t b = 0; b < tile.blocks; ++b) {
      __m512i block_sums[kPanels][kTokens];
      for (auto& of_panel : block_sums) {
        for (__m512i& sum : of_panel) sum = _mm512_setzero_si512();
      }
      for (size_t sub = b * kSubs; sub < (b + 1) * kSubs; ++sub) {
        __m512i sums[kPanels][kTokens];
        for (int t = 0; t < kTokens; ++t) {
          const __m512i start = kMinimum ? _mm512_setzero_si512() : _mm512_set1_epi32(work.x_sums[t][sub]);
          for (int p = 0; p < kPanels; ++p) sums[p][t] = start;
        }
        for (size_t first = 0; first < kSub; first += kRun) {
          add_products<kRun / 4>(work, (sub * kSub + first) / 4, x, sums);
          x.advance(kRun);
        }
        for (int p = 0; p < kPanels; ++p) {
          const __m512i scale = work.panels[p].scales[sub];
          for (int t = 0; t < kTokens; ++t) {
            block_sums[p][t] = _mm512_add_epi32(block_sums[p][t], _mm512_mullo_epi32(sums[p][t], scale));
          }
        }
      }
      add_scaled(work, b, x_scales, block_sums, totals);
      if constexpr (kMinimum) subtract_minima(work, b, x_scales, totals);
      x_scales.advance(sizeof(float));
    }
  }

  template <int kPanels, int kTokens>
  static void subtract_minima(const Workspace& work, size_t b, const TokenPointers<kTokens>& x_scales,
                              __m512 (&totals)[kPanels][kTokens]) {
    constexpr int kPairs = kBlock / kSub / 2;
    for (int p = 0; p < kPanels; ++p) {
      const __m512 dmin = _mm512_load_ps(work.panels[p].m + b * kRows);
      for (int t = 0; t < kTokens; ++t) {
        __m512i sums = _mm512_setzero_si512();
        for (size_t pair = b * kPairs; pair < (b + 1) * kPairs; ++pair) {
          sums = _mm512_dpwssd_epi32(sums, work.panels[p].pairs[pair], _mm512_set1_epi32(work.x_sums[t][pair]));
        }
        const __m512 scale = _mm512_mul_ps(dmin, splat_float(x_scales.at(t)));
        totals[p][t] = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(sums), scale, totals[p][t]);
      }
    }
  }
};

template <int kBlock, int kSub, bool kMinimum, int kOffset>
void Avx512Vnni::read_sums(const int16_t* sums, size_t blocks, int32_t* out) {
  if constexpr (kBlock == 32 && !kMinimum) {
    for (size_t b = 0; b < blocks; b += 16) {
      const __mmask16 mask = blocks - b >= 16 ? 0xffff : static_cast<__mmask16>((1u << (blocks - b)) - 1);
      const __m512i wide = _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, sums + b));
      _mm512_storeu_si512(out + b, _mm512_mullo_epi32(wide, _mm512_set1_epi32(-kOffset)));
    }
  }
  if constexpr (kBlock == 256) {
    for (size_t b = 0; b < blocks; ++b) {
      const __m256i of_16 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sums + b * 16));
      const __m256i of_32 = _mm256_madd_epi16(of_16, _mm256_set1_epi16(1));
      if constexpr (kMinimum && kSub == 16) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + b * 8), of_16);
      } else if constexpr (kMinimum) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + b * 4), _mm256_cvtepi32_epi16(of_32));
      } else if constexpr (kSub == 16) {
        const __m512i wide = _mm512_cvtepi16_epi32(of_16);
        _mm512_storeu_si512(out + b * 16, _mm512_mullo_epi32(wide, _mm512_set1_epi32(-kOffset)));
      } else if constexpr (kSub == 256) {
        out[b] = -kOffset * _mm512_reduce_add_epi32(_mm512_zextsi256_si512(of_32));
      } else {
        const __m256i scaled = _mm256_mullo_epi32(of_32, _mm256_set1_epi32(-kOffset));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + b * 8), scaled);
      }
    }
  }
}

}  // namespace thimble
