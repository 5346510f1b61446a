// Adds the weighted values of one chunk to the outputs of a block of query rows, position after position.
#pragma once

#include <cstddef>

#include "kernels/attention_scratch.h"
#include "kernels/cache_impl.h"
#include "kernels/cache_layout.h"

namespace thimble {

// The positions of a chunk that a row sees: [begin, end) from the chunk's start.
struct VisibleRange {
  size_t begin, end;
};

template <class Isa>
struct AttentionValues {
  using Float = typename Isa::Float;
  using Scratch = AttentionScratch<Isa>;

  // Dimensions [dim, dim + n) of the values at chunk positions [visible.begin, visible.end) to scratch.values, padded
  // with zeros to a multiple of 16.
  static void unpack(NumberType type, const std::byte* v, size_t capacity, size_t head_dim, size_t position,
                     VisibleRange visible, size_t dim, size_t n, const Scratch& scratch) {
    with_cache_format<Isa>(type, [&]<class Q>() {
      const size_t row_bytes = head_dim / Q::kBlockSize * sizeof(typename Q::Block);
      size_t slot = (position + visible.begin) % capacity;
      for (size_t i = visible.begin; i < visible.end; ++i) {
        float* out = scratch.values + i * kPanel;
        CacheCodec<Isa>::template unpack_value<Q>(v + slot * row_bytes, dim, n, out);
        slot = slot + 1 == capacity ? 0 : slot + 1;
        for (size_t j = n; j % 16 != 0; ++j) out[j] = 0.0f;
      }
    });
  }

  // out[r] = out[r] * correction[r] + sum over the visible positions of scores[r] * value, for kRows rows that see the
  // same positions. out: one pointer a row, at the panel's first dimension.
  template <int kRows>
  static void accumulate(const float* scores, const float* corrections, VisibleRange visible, size_t n,
                         const Scratch& scratch, float* const* out) {
    size_t dim = 0;
    for (; dim + 16 * Isa::kFloatColumns <= n; dim += 16 * Isa::kFloatColumns) {
      columns<kRows, Isa::kFloatColumns>(scores, corrections, visible, dim, n, scratch, out);
    }
    for (; dim < n; dim += 16) columns<kRows, 1>(scores, corrections, visible, dim, n, scratch, out);
  }

 private:
  template <int kRows, int kColumns>
  static void columns(const float* scores, const float* corrections, VisibleRange visible, size_t dim, size_t n,
                      const Scratch& scratch, float* const* out) {
    Float sums[kRows][kColumns];
    const size_t last = n - dim;  // less than 16 only in a last, single column
    for (int r = 0; r < kRows; ++r) {
      const Float correction = Isa::set1(corrections[r]);
      for (int c = 0; c < kColumns; ++c) {
        const float* from = out[r] + dim + 16 * c;
        sums[r][c] = Isa::mul(last < 16 ? Isa::load_n(from, last) : Isa::load(from), correction);
      }
    }
    const float* values = scratch.values + dim;
    for (size_t i = visible.begin; i < visible.end; ++i) {
      Float value[kColumns];
      for (int c = 0; c < kColumns; ++c) value[c] = Isa::load(values + i * kPanel + 16 * c);
      for (int r = 0; r < kRows; ++r) {
        const Float weight = Isa::set1(scores[r * kChunk + i]);
        for (int c = 0; c < kColumns; ++c) sums[r][c] = Isa::fma(weight, value[c], sums[r][c]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kColumns; ++c) {
        float* to = out[r] + dim + 16 * c;
        last < 16 ? Isa::store_n(to, sums[r][c], last) : Isa::store(to, sums[r][c]);
      }
    }
  }
};

}  // namespace thimble
