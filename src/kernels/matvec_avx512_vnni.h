// One token's matrix product for the AVX-512 kernels: blocks are multiplied as they lie in the file, four rows abreast, and the
// file is called in ahead of them in its own order. What is left of 64 or 256 weights is a register of partial sums; four rows'
// registers make one, kept until sixteen rows have theirs. Then a lane stands for a row, and the floats are added as
// matmul_loop.h adds them. Only for *_avx512_vnni.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/matmul_scratch.h"
#include "kernels/matvec_streams_avx512_vnni.h"
#include "kernels/matvec_streams_grid_avx512_vnni.h"
#include "kernels/matvec_streams_ternary_avx512_vnni.h"

namespace thimble {

// A unit is a block of 256 or two of 32.
struct alignas(64) Avx512MatvecWorkspace {
  static constexpr size_t kRows = 16;
  static constexpr size_t kUnits = 32;  // of a row at a time

  __m512i quads[kUnits][kRows / 4];  // 32-bit lane 4 * i + r: the sum of lanes 4 * i .. 4 * i + 3 of row r of four
  uint32_t d_m[kUnits][2][kRows];    // d, and above it m or dmin, of the one or two blocks
  std::byte values[kUnits * 256];    // activations in the order of a chunk's weights
};
static_assert(sizeof(Avx512MatvecWorkspace) <= kMatmulScratchBytes);

template <class Q>
struct Avx512Matvec {
  using V = Avx512Vnni;
  using Format = Reader<V, Q>;
  using Stream = Avx512Stream<Q>;
  using Head = typename Stream::Head;
  using Block = typename Q::Block;
  using Workspace = Avx512MatvecWorkspace;
  static constexpr size_t kRows = Workspace::kRows;
  static constexpr bool kPairs = Q::kBlockSize == 32;
  static constexpr size_t kUnitBlocks = kPairs ? 2 : 1;
  static constexpr size_t kUnitWeights = kUnitBlocks * Q::kBlockSize;
  static constexpr size_t kUnitBytes = kUnitBlocks * sizeof(Block);
  // Magnitudes, with signs that the activations take, instead of bytes with an offset.
  static constexpr bool kSigns = requires(Head head) { head.signs; };
  static constexpr int offset() {
    if constexpr (requires { Stream::kOffset; }) {
      return Stream::kOffset;
    } else {
      return kSigns ? 0 : Format::kOffset;
    }
  }
  static constexpr int kOffset = offset();
  // How far ahead of its use the file is called into the second-level cache: nearer waits for memory, farther gains nothing.
  static constexpr size_t kAhead = 16384;

  struct Activations {
    const std::byte* values;
    const std::byte* scales;
    const std::byte* scaled_sums;
    const std::byte* sums;
  };

  static __m512i pair_sums(const std::byte* a, const std::byte* b, const std::byte* x) {
    return _mm512_dpbusd_epi32(_mm512_setzero_si512(), Stream::weights(a, b), Stream::load64(x));
  }

  // Sixteen scales: sums += scale * product of the 64 weights of a group. Without scales: the product alone.
  template <int kGroup>
  static __m512i add_group(__m512i sums, const std::byte* block, const Head& head, const std::byte* x) {
    // Sums of two products fit 16 bits.
    static_assert((Format::kLargest + (Format::kSigned ? kOffset : 0)) * 127 * 2 <= INT16_MAX);
    const __m512i weights = Stream::template weights<kGroup>(block, head);
    __m512i values = Stream::load64(x + kGroup * 64);
    if constexpr (kSigns) values = _mm512_mask_sub_epi8(values, head.signs[kGroup], _mm512_setzero_si512(), values);
    if constexpr (Format::kSub == 256) return _mm512_dpbusd_epi32(sums, weights, values);
    // Word i holds the scale of weights 2 * i and 2 * i + 1 of the group.
    const __m512i word = _mm512_set_epi64(0x0003000300030003, 0x0003000300030003, 0x0002000200020002,
                                          0x0002000200020002, 0x0001000100010001, 0x0001000100010001, 0, 0);
    const __m512i scale = _mm512_permutexvar_epi16(_mm512_add_epi16(word, _mm512_set1_epi16(kGroup * 4)),
                                                   _mm512_castsi256_si512(head.scales));
    return _mm512_dpwssd_epi32(sums, _mm512_maddubs_epi16(weights, values), scale);
  }
  // Eight scales: the low and the high nibbles of 64 bytes, whose activations are laid out beside them, are a chunk.
  static constexpr bool kChunks = requires { Stream::kRun; };
  template <int kChunk>
  static __m512i add_chunk(__m512i sums, const std::byte* block, const Head& head, const std::byte* x) {
    const auto weights = Stream::template weights<kChunk>(block, head);
    const __m512i zero = _mm512_setzero_si512();
    const __m512i low = _mm512_dpbusd_epi32(zero, weights.low, Stream::load64(x + kChunk * 128));
    if constexpr (Stream::kRun == 32) {  // other sub-blocks in the high nibbles: sums of four products fit 16 bits
      static_assert(Format::kLargest * 127 * 4 <= INT16_MAX);
      const __m512i high = _mm512_dpbusd_epi32(zero, weights.high, Stream::load64(x + kChunk * 128 + 64));
      return _mm512_dpwssd_epi32(sums, _mm512_packs_epi32(low, high), Stream::template spread_scales<kChunk>(head));
    } else {  // the same ones
      const __m512i both = _mm512_dpbusd_epi32(low, weights.high, Stream::load64(x + kChunk * 128 + 64));
      const __m512i sub = _mm512_set_epi64(0x0000000300000003, 0x0000000300000003, 0x0000000200000002,
                                           0x0000000200000002, 0x0000000100000001, 0x0000000100000001, 0, 0);
      const __m512i scale = _mm512_permutexvar_epi32(_mm512_add_epi32(sub, _mm512_set1_epi32(kChunk * 4)),
                                                     _mm512_castsi256_si512(_mm256_srai_epi32(head.scales, 16)));
      return _mm512_add_epi32(sums, _mm512_mullo_epi32(both, scale));
    }
  }

  // The activations of a slab with the first half of each 128 those of the low nibbles.
  static void lay_out_activations(const std::byte* values, size_t count, std::byte* out) {
    constexpr size_t kRun = Stream::kRun;
    for (size_t i = 0; i < count; i += 128) {
      for (size_t run = 0; run < 128 / kRun; ++run) {
        __builtin_memcpy(out + i + run % 2 * 64 + run / 2 * kRun, values + i + run * kRun, kRun);
      }
    }
  }

  static __m512i products(const std::byte* block, const Head& head, const std::byte* x) {
    __m512i sums = _mm512_setzero_si512();
    if constexpr (kChunks) {
      sums = add_chunk<0>(sums, block, head, x);
      return add_chunk<1>(sums, block, head, x);
    } else {
      sums = add_group<0>(sums, block, head, x);
      sums = add_group<1>(sums, block, head, x);
      sums = add_group<2>(sums, block, head, x);
      return add_group<3>(sums, block, head, x);
    }
  }

  static __m512i block_sums(const std::byte* block, const std::byte* x, const std::byte* x_sums) {
    Head head;
    Stream::read_head(block, head);
    const __m512i sums = products(block, head, x);
    const __m256i of_16 = Stream::load32(x_sums);
    if constexpr (Format::kMinimum) {
      const __m256i folded = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
      return _mm512_inserti64x4(_mm512_castsi256_si512(folded), _mm256_madd_epi16(head.minima, of_16), 1);
    } else if constexpr (kOffset != 0) {
      const __m256i offset = _mm256_mullo_epi32(_mm256_madd_epi16(head.scales, of_16), _mm256_set1_epi32(kOffset));
      return _mm512_sub_epi32(sums, _mm512_zextsi256_si512(offset));
    } else {
      return sums;
    }
  }

  // Four lanes of each of four rows to one lane a row.
  static __m512i quad(const __m512i (&rows)[4]) {
    const __m512i a =
        _mm512_add_epi32(_mm512_unpacklo_epi32(rows[0], rows[1]), _mm512_unpackhi_epi32(rows[0], rows[1]));
    const __m512i b =
        _mm512_add_epi32(_mm512_unpacklo_epi32(rows[2], rows[3]), _mm512_unpackhi_epi32(rows[2], rows[3]));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  }

  // Rows `first` .. first + 3 of sixteen.
  static void read_rows(const std::byte* const (&rows)[4], size_t first, size_t blocks, const std::byte* ahead,
                        const Activations& x, Workspace& work) {
    for (size_t b = 0, u = 0; b < blocks; b += kUnitBlocks, ++u) {
      for (size_t byte = 0; byte < 4 * kUnitBytes; byte += 64) __builtin_prefetch(ahead + byte, 0, 2);
      ahead += 4 * kUnitBytes;
      __m512i sums[4];
#pragma GCC unroll 4
      for (size_t r = 0; r < 4; ++r) {
        const std::byte* block = rows[r] + b * sizeof(Block);
        work.d_m[u][0][first + r] = Stream::d_m(block);
        if constexpr (kPairs) {
          const std::byte* second = b + 1 < blocks ? block + sizeof(Block) : block;  // an odd block's twin is not used
          work.d_m[u][1][first + r] = Stream::d_m(second);
          sums[r] = pair_sums(block, second, x.values + u * kUnitWeights);
        } else {
          sums[r] = block_sums(block, x.values + u * kUnitWeights, x.sums + u * kUnitWeights / 16 * sizeof(int16_t));
        }
      }
      work.quads[u][first / 4] = quad(sums);
    }
  }

  // Lane r of `first` is the sum of row r's lower eight lanes, of `second` that of the upper eight.
  struct RowSums {
    __m512i first;
    __m512i second;
  };
  static RowSums add_quads(const __m512i (&quads)[4]) {
    __m512i halves[2];
    for (int i = 0; i < 2; ++i) {
      halves[i] = _mm512_add_epi32(_mm512_shuffle_i32x4(quads[2 * i], quads[2 * i + 1], 0x88),
                                   _mm512_shuffle_i32x4(quads[2 * i], quads[2 * i + 1], 0xdd));
    }
    return {_mm512_shuffle_i32x4(halves[0], halves[1], 0x88), _mm512_shuffle_i32x4(halves[0], halves[1], 0xdd)};
  }

  template <class T>
  static T at(const std::byte* p, size_t index) {
    T value;
    __builtin_memcpy(&value, p + index * sizeof(T), sizeof value);
    return value;
  }

  static __m512 add_block_of_32(__m512 total, __m512i sums, const uint32_t* d_m, const Activations& x, size_t block) {
    if constexpr (kOffset != 0) {
      sums = _mm512_sub_epi32(sums, _mm512_set1_epi32(kOffset * at<int16_t>(x.sums, block)));
    }
    const __m512i both = _mm512_load_si512(d_m);
    const __m512 scale = _mm512_mul_ps(Stream::d(both), _mm512_set1_ps(at<float>(x.scales, block)));
    total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), scale, total);
    if constexpr (Format::kMinimum) {
      total = _mm512_fmadd_ps(V::half_high(both), _mm512_set1_ps(at<float>(x.scaled_sums, block)), total);
    }
    return total;
  }

  static __m512 add_block_of_256(__m512 total, RowSums sums, const uint32_t* d_m, const Activations& x, size_t block) {
    const __m512i both = _mm512_load_si512(d_m);
    const __m512 x_scale = _mm512_set1_ps(at<float>(x.scales, block));
    const __m512i products = Format::kMinimum ? sums.first : _mm512_add_epi32(sums.first, sums.second);
    total = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products), _mm512_mul_ps(Stream::d(both), x_scale), total);
    if constexpr (Format::kMinimum) {
      total = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(sums.second), _mm512_mul_ps(V::half_high(both), x_scale), total);
    }
    return total;
  }

  static __m512 add_units(__m512 total, size_t blocks, const Activations& x, const Workspace& work) {
    for (size_t b = 0, u = 0; b < blocks; b += kUnitBlocks, ++u) {
      const RowSums sums = add_quads(work.quads[u]);
      if constexpr (kPairs) {
        total = add_block_of_32(total, sums.first, work.d_m[u][0], x, b);
        if (b + 1 < blocks) total = add_block_of_32(total, sums.second, work.d_m[u][1], x, b + 1);
      } else {
        total = add_block_of_256(total, sums, work.d_m[u][0], x, b);
      }
    }
    return total;
  }

  static void run(const MatmulTask& task) {
    constexpr ActivationType kActivations = kPairs ? ActivationType::q8_32 : ActivationType::q8_256;
    constexpr size_t kSumsBlock = kPairs ? 32 : 16;
    constexpr size_t kSlab = Workspace::kUnits * kUnitWeights;
    const ActivationLayout layout = activation_layout(kActivations, task.k);
    Workspace& work = *reinterpret_cast<Workspace*>(task.scratch);
    for (size_t row = task.row_begin; row < task.row_end; row += kRows) {
      const size_t count = task.row_end - row < kRows ? task.row_end - row : kRows;
      __m512 total = _mm512_setzero_ps();
      for (size_t column = 0; column < task.k; column += kSlab) {
        const size_t blocks = (task.k - column < kSlab ? task.k - column : kSlab) / Q::kBlockSize;
        const size_t block = column / Q::kBlockSize;
        const std::byte* values = task.x + column;
        if constexpr (kChunks) {
          if (row == task.row_begin || task.k > kSlab) lay_out_activations(values, blocks * Q::kBlockSize, work.values);
          values = work.values;
        }
        const Activations x{values, task.x + layout.scales + block * sizeof(float),
                            task.x + layout.scaled_sums + block * sizeof(float),
                            task.x + layout.sums + column / kSumsBlock * sizeof(int16_t)};
        for (size_t first = 0; first < count; first += 4) {
          const std::byte* rows[4];
          for (size_t r = 0; r < 4; ++r) {
            // In place of rows that are missing, the last one.
            const size_t index = row + (first + r < count ? first + r : count - 1);
            rows[r] = task.weights + index * task.weight_stride + block * sizeof(Block);
          }
          read_rows(rows, first, blocks, rows[0] + kAhead, x, work);
        }
        total = add_units(total, blocks, x, work);
      }
      const auto mask = static_cast<__mmask16>((1u << count) - 1);
      _mm512_mask_storeu_ps(task.y + row, mask, total);
    }
  }
};

template <class Q>
bool Avx512Vnni::stream(const MatmulTask& task) {
  if constexpr (requires { sizeof(Avx512Stream<Q>); }) {
    Avx512Matvec<Q>::run(task);
    return true;
  }
  return false;
}

}  // namespace thimble
