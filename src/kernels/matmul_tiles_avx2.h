// Tiles of 8 rows by up to 4 tokens for the AVX2 kernels. vpmaddubsw saturates at 16 bits, so that products are added
// up in 16 bits only as far as the largest weight allows, then widened by vpmaddwd, which multiplies by the sub-block's
// scale on the way. Only for *_avx2.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/matmul_loop.h"
#include "kernels/matmul_vector_avx2.h"

namespace thimble {

struct Avx2TileParts {
  using V = Avx2;
  using Workspace = MatmulWorkspace<V>;

  static __m256i row_mask(size_t rows) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(rows)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  static __m256i splat4(const void* p) {
    int four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }

  static __m256 splat_float(const std::byte* floats, size_t i) {
    return _mm256_castsi256_ps(splat4(floats + i * sizeof(float)));
  }

  template <int kTokens>
  static void load_totals(const MatmulTile& tile, __m256 (&totals)[kTokens]) {
    for (int t = 0; t < kTokens; ++t) {
      totals[t] =
          tile.first ? _mm256_setzero_ps() : _mm256_maskload_ps(tile.y + t * tile.y_stride, row_mask(tile.rows));
    }
  }

  template <int kTokens>
  static void store_totals(const MatmulTile& tile, const __m256 (&totals)[kTokens]) {
    for (int t = 0; t < kTokens; ++t) _mm256_maskstore_ps(tile.y + t * tile.y_stride, row_mask(tile.rows), totals[t]);
  }

  // How many times two products fit 16 bits.
  static constexpr int groups_before_widening(int largest, int groups) {
    const int fit = 32767 / (2 * largest * 127);
    int run = groups;
    while (run > fit) run /= 2;
    return run;
  }

  // sums[t] += scale * the products of kGroups * 4 columns; scale: int16 pairs.
  template <int kTokens, int kGroups, bool kSigned, int kLargest>
  static void add_products(const __m256i* lanes, const std::byte* x, size_t x_stride, __m256i scale,
                           __m256i (&sums)[kTokens]) {
    constexpr int kRun = groups_before_widening(kLargest, kGroups);
    for (int first = 0; first < kGroups; first += kRun) {
      __m256i narrow[kTokens];
      for (int t = 0; t < kTokens; ++t) narrow[t] = _mm256_setzero_si256();
      for (int g = first; g < first + kRun; ++g) {
        const __m256i weights = lanes[g];
        const __m256i magnitudes = kSigned ? _mm256_abs_epi8(weights) : weights;
        for (int t = 0; t < kTokens; ++t) {
          __m256i four = splat4(x + t * x_stride + g * 4);
          if constexpr (kSigned) four = _mm256_sign_epi8(four, weights);
          narrow[t] = _mm256_add_epi16(narrow[t], _mm256_maddubs_epi16(magnitudes, four));
        }
      }
      for (int t = 0; t < kTokens; ++t) sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(narrow[t], scale));
    }
  }

  template <int kTokens>
  static void add_scaled(const __m256i (&sums)[kTokens], const MatmulTile& tile, size_t b, __m256 d,
                         __m256 (&totals)[kTokens]) {
    for (int t = 0; t < kTokens; ++t) {
      const __m256 scale = _mm256_mul_ps(d, splat_float(tile.scales + t * tile.x_stride, b));
      totals[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[t]), scale, totals[t]);
    }
  }
};

template <int kBlock, int kSub, bool kMinimum, bool kSigned, int kLargest>
struct Avx2::Tiles : Avx2TileParts {
  template <int kPanels, int kTokens>
  static void run(const Workspace& work, const MatmulTile& tile) {
    if constexpr (kBlock == 32) {
      run_32<kTokens>(work, tile);
    } else {
      run_256<kTokens>(work, tile);
    }
  }

  template <int kTokens>
  static void run_32(const Workspace& work, const MatmulTile& tile) {
    const MatmulPanel<V>& panel = work.panels[0];
    __m256 totals[kTokens];
    load_totals(tile, totals);
    const std::byte* x = tile.x;
    for (size_t b = 0; b < tile.blocks; ++b, x += 32) {
      __m256i sums[kTokens];
      for (int t = 0; t < kTokens; ++t) {
        sums[t] = kMinimum ? _mm256_setzero_si256() : _mm256_set1_epi32(work.x_sums[t][b]);
      }
      add_products<kTokens, 8, kSigned, kLargest>(panel.lanes + b * 8, x, tile.x_stride, _mm256_set1_epi16(1), sums);
      add_scaled<kTokens>(sums, tile, b, _mm256_load_ps(panel.d + b * kRows), totals);
      if constexpr (kMinimum) {
        const __m256 m = _mm256_load_ps(panel.m + b * kRows);
        for (int t = 0; t < kTokens; ++t) {
          totals[t] = _mm256_fmadd_ps(m, splat_float(tile.scaled_sums + t * tile.x_stride, b), totals[t]);
        }
      }
    }
    store_totals(tile, totals);
  }

  template <int kTokens>
  static void run_256(const Workspace& work, const MatmulTile& tile) {
    constexpr int kSubs = kBlock / kSub;
    const MatmulPanel<V>& panel = work.panels[0];
    __m256 totals[kTokens];
    load_totals(tile, totals);
    const std::byte* x = tile.x;
    for (size_t b = 0; b < tile.blocks; ++b) {
      __m256i sums[kTokens];
      for (int t = 0; t < kTokens; ++t) sums[t] = _mm256_setzero_si256();
      for (int s = 0; s < kSubs; ++s, x += kSub) {
        const __m256i scale = panel.scales[b * kSubs + s];
        if constexpr (!kMinimum && !kSigned) {
          for (int t = 0; t < kTokens; ++t) {
            const __m256i offset = _mm256_set1_epi32(work.x_sums[t][b * kSubs + s]);
            sums[t] = _mm256_add_epi32(sums[t], _mm256_madd_epi16(offset, scale));
          }
        }
        add_products<kTokens, kSub / 4, kSigned, kLargest>(panel.lanes + b * (kBlock / 4) + s * (kSub / 4), x,
                                                           tile.x_stride, scale, sums);
      }
      add_scaled<kTokens>(sums, tile, b, _mm256_load_ps(panel.d + b * kRows), totals);
      if constexpr (kMinimum) subtract_minima<kTokens, kSubs / 2>(panel, work.x_sums, tile, b, totals);
    }
    store_totals(tile, totals);
  }

  template <int kTokens, int kPairs>
  static void subtract_minima(const MatmulPanel<V>& panel, const int32_t (*x_sums)[kMatmulSlab / 16],
                              const MatmulTile& tile, size_t b, __m256 (&totals)[kTokens]) {
    const __m256 dmin = _mm256_load_ps(panel.m + b * kRows);
    for (int t = 0; t < kTokens; ++t) {
      __m256i sums = _mm256_setzero_si256();
      for (int p = 0; p < kPairs; ++p) {
        const __m256i pair = _mm256_set1_epi32(x_sums[t][b * kPairs + p]);
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(panel.pairs[b * kPairs + p], pair));
      }
      const __m256 scale = _mm256_mul_ps(dmin, splat_float(tile.scales + t * tile.x_stride, b));
      totals[t] = _mm256_fnmadd_ps(_mm256_cvtepi32_ps(sums), scale, totals[t]);
    }
  }
};

template <int kBlock, int kSub, bool kMinimum, int kOffset>
void Avx2::read_sums(const int16_t* sums, size_t blocks, int32_t* out) {
  if constexpr (kBlock == 32 && !kMinimum) {
    for (size_t b = 0; b < blocks; ++b) out[b] = -kOffset * sums[b];
  } else if constexpr (kBlock == 256 && kMinimum && kSub == 16) {
    __builtin_memcpy(out, sums, blocks * 16 * sizeof(int16_t));
  } else if constexpr (kBlock == 256 && kMinimum) {
    const auto of_32 = [&](size_t sub) { return sums[2 * sub] + sums[2 * sub + 1]; };
    for (size_t pair = 0; pair < blocks * 4; ++pair)
      out[pair] = (of_32(2 * pair) & 0xffff) | of_32(2 * pair + 1) * 0x10000;
  } else if constexpr (kBlock == 256 && kOffset != 0) {
    // -kOffset * sum in two parts that fit 16 bits, to be added by vpmaddwd.
    constexpr int kLower = kOffset / 2;
    constexpr int kUpper = kOffset - kLower;
    static_assert(kUpper * kSub * 127 < 32768);
    for (size_t sub = 0; sub < blocks * (kBlock / kSub); ++sub) {
      int sum = 0;
      for (size_t i = 0; i < kSub / 16; ++i) sum += sums[sub * (kSub / 16) + i];
      out[sub] = (-kLower * sum & 0xffff) | -kUpper * sum * 0x10000;
    }
  }
}

}  // namespace thimble
