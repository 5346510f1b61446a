// The loop that all quantized products share: unpack a slab of a few panels of rows once, then meet it with all tokens,
// a few at a time. One token or many, the sums are formed in the same order. Partial sums wait in y between slabs. Only
// templates on the vector layer V here, so that no function is shared between instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/matmul_readers.h"
#include "kernels/matmul_readers_grid.h"
#include "kernels/matmul_readers_k.h"
#include "kernels/matmul_readers_ternary.h"
#include "kernels/matmul_scratch.h"

namespace thimble {

// One slab of V::kRows rows, unpacked.
template <class V>
struct alignas(64) MatmulPanel {
  typename V::Int lanes[kMatmulSlab / 4];
  typename V::Int scales[kMatmulSlab / 16];
  typename V::Int pairs[kMatmulSlab / 32];
  float d[kMatmulSlab / 32 * V::kRows];
  float m[kMatmulSlab / 32 * V::kRows];
};

// Lives in MatmulTask::scratch.
template <class V>
struct alignas(64) MatmulWorkspace {
  static constexpr size_t kMostBlockBytes = kMatmulSlab / Q8_0::kBlockSize * sizeof(Q8_0::Block);

  MatmulPanel<V> panels[V::kMaxPanels];
  // Of a tile's tokens. With a minimum: int16 pairs of the sums of neighbouring sub-blocks. Else: what the offset of
  // the lanes' bytes adds to the product of each sub-block, negated, as V's tiles want it.
  int32_t x_sums[V::kMaxTokens][kMatmulSlab / 16];
  std::byte row_tail[V::kRows * kMostBlockBytes];
};

// Where to prefetch: the weights in the order of the file, a constant distance ahead of their use. The loop itself
// jumps from row to row, which hardware prefetchers do not follow.
struct WeightStream {
  const std::byte* next;
  const std::byte* end;
};

// All of a slab's blocks for one or more panels and a few tokens.
struct MatmulTile {
  const std::byte* x;       // the slab's first activation of the tile's first token
  const std::byte* scales;  // and its first scale and scaled sum
  const std::byte* scaled_sums;
  size_t x_stride;  // from token to token, of all three
  size_t blocks;
  float* y;
  size_t y_stride;
  size_t rows;
  bool first;  // slab of these rows: y is not yet set
};

template <class V, class Q>
struct MatmulLoop {
  using Format = Reader<V, Q>;
  using Workspace = MatmulWorkspace<V>;
  static_assert(sizeof(Workspace) <= kMatmulScratchBytes);

  struct TileTable {
    void (*of[V::kMaxPanels][V::kMaxTokens])(const Workspace&, const MatmulTile&);  // by panels - 1 and tokens - 1
  };
  template <int kPanels, int kTokens>
  static constexpr void fill(TileTable& table) {
    using Tiles =
        typename V::template Tiles<Q::kBlockSize, Format::kSub, Format::kMinimum, Format::kSigned, Format::kLargest>;
    table.of[kPanels - 1][kTokens - 1] = &Tiles::template run<kPanels, kTokens>;
    if constexpr (kTokens > 1) fill<kPanels, kTokens - 1>(table);
    if constexpr (kTokens == V::kMaxTokens && kPanels > 1) fill<kPanels - 1, kTokens>(table);
  }
  static constexpr TileTable make_table() {
    TileTable table{};
    fill<V::kMaxPanels, V::kMaxTokens>(table);
    return table;
  }
  static constexpr TileTable kTiles = make_table();

  static void read_slab(RowBlocks rows, size_t blocks, WeightStream& stream, MatmulPanel<V>& panel) {
    constexpr int kSubs = Q::kBlockSize / Format::kSub;
    PanelBlock<V> out{panel.lanes, panel.scales, panel.pairs, panel.d, panel.m};
    for (size_t b = 0; b < blocks; ++b) {
      rows.ahead = stream.next < stream.end ? stream.next : rows.first;
      stream.next += V::kRows * sizeof(typename Q::Block);
      Format::read(rows, out);
      rows.first += sizeof(typename Q::Block);
      out.lanes += Q::kBlockSize / 4;
      out.scales += kSubs;
      out.pairs += kSubs / 2;
      out.d += V::kRows;
      out.m += V::kRows;
    }
  }

  // Fewer rows than a panel has: a copy in which the last row stands in for the missing ones.
  static RowBlocks pad_rows(RowBlocks rows, size_t count, size_t bytes, Workspace& work) {
    for (size_t r = 0; r < V::kRows; ++r) {
      __builtin_memcpy(work.row_tail + r * bytes, rows.first + (r < count ? r : count - 1) * rows.stride, bytes);
    }
    return {work.row_tail, bytes, nullptr};
  }

  static void read_panels(RowBlocks rows, size_t count, size_t blocks, WeightStream& stream, Workspace& work) {
    for (size_t row = 0; row < count; row += V::kRows) {
      RowBlocks panel{rows.first + row * rows.stride, rows.stride, nullptr};
      if (count - row < V::kRows) panel = pad_rows(panel, count - row, blocks * sizeof(typename Q::Block), work);
      read_slab(panel, blocks, stream, work.panels[row / V::kRows]);
    }
  }

  static void run_tokens(const MatmulTask& task, const ActivationLayout& layout, size_t row, size_t rows, size_t column,
                         size_t blocks, Workspace& work) {
    constexpr size_t kSumsBlock = Q::kBlockSize == 32 ? 32 : 16;
    const size_t panels = (rows + V::kRows - 1) / V::kRows;
    const size_t scale_offset = column / Q::kBlockSize * sizeof(float);
    size_t tiles = (task.tokens + V::kMaxTokens - 1) / V::kMaxTokens;
    for (size_t token = 0; token < task.tokens; --tiles) {
      const size_t count = (task.tokens - token + tiles - 1) / tiles;  // as equal as they can be
      const std::byte* records = task.x + token * task.x_stride;
      for (size_t t = 0; t < count; ++t) {
        const std::byte* sums = records + t * task.x_stride + layout.sums + column / kSumsBlock * sizeof(int16_t);
        V::template read_sums<Q::kBlockSize, Format::kSub, Format::kMinimum, Format::kOffset>(
            reinterpret_cast<const int16_t*>(sums), blocks, work.x_sums[t]);
      }
      kTiles.of[panels - 1][count - 1](
          work, {records + column, records + layout.scales + scale_offset, records + layout.scaled_sums + scale_offset,
                 task.x_stride, blocks, task.y + token * task.y_stride + row, task.y_stride, rows, column == 0});
      token += count;
    }
  }

  static void run(const MatmulTask& task) {
    if (task.tokens == 1 && V::template stream<Q>(task)) return;
    constexpr size_t kRows = V::kRows * V::kMaxPanels;
    constexpr ActivationType kActivations = Q::kBlockSize == 32 ? ActivationType::q8_32 : ActivationType::q8_256;
    const ActivationLayout layout = activation_layout(kActivations, task.k);
    Workspace& work = *reinterpret_cast<Workspace*>(task.scratch);
    WeightStream stream{task.weights + task.row_begin * task.weight_stride,
                        task.weights + task.row_end * task.weight_stride};
    for (size_t i = 0; i < kRows * task.weight_stride && stream.next < stream.end; i += 64, stream.next += 64) {
      __builtin_prefetch(stream.next, 0, 2);
    }
    for (size_t row = task.row_begin; row < task.row_end; row += kRows) {
      const size_t count = task.row_end - row < kRows ? task.row_end - row : kRows;
      const std::byte* weights = task.weights + row * task.weight_stride;
      for (size_t column = 0; column < task.k; column += kMatmulSlab) {
        const size_t blocks = (task.k - column < kMatmulSlab ? task.k - column : kMatmulSlab) / Q::kBlockSize;
        const std::byte* slab = weights + column / Q::kBlockSize * sizeof(typename Q::Block);
        read_panels({slab, task.weight_stride, nullptr}, count, blocks, stream, work);
        run_tokens(task, layout, row, count, column, blocks, work);
      }
    }
  }
};

template <class V, class... Q>
void fill_matmul(Kernels& table) {
  ((table.matmul[static_cast<size_t>(Q::kType)] = &MatmulLoop<V, Q>::run), ...);
}

template <class V>
void fill_quantized_matmul(Kernels& table) {
  fill_matmul<V, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4>(table);
  fill_matmul<V, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS>(table);
  fill_matmul<V, IQ3_S, IQ3_XXS, IQ2_S, IQ2_XS, IQ2_XXS, IQ1_M, IQ1_S, TQ2_0, TQ1_0>(table);
}

}  // namespace thimble
