// Attention with an online softmax (Milakov and Gimelshein, arXiv 1805.02867; in chunks as FlashAttention, arXiv
// 2205.14135): for each chunk of positions, scores, then weights relative to the largest score so far, then weighted
// values. A block of query rows, one a (token, head), shares the work of unpacking a chunk.
#pragma once

#include <cassert>
#include <cstddef>

#include "kernels/attention_keys_impl.h"
#include "kernels/attention_scratch.h"
#include "kernels/attention_values_impl.h"
#include "kernels/vec_math.h"

namespace thimble {

template <class Isa>
struct Attention {
  using Float = typename Isa::Float;
  using Keys = AttentionKeys<Isa>;
  using Values = AttentionValues<Isa>;

  static void run(const AttentionTask& task) {
    const AttentionScratch<Isa> scratch(task.scratch, task.head_dim);
    const size_t rows = task.tokens * task.heads;
    for (size_t row = 0; row < rows; row += kQueryRows) {
      Attention(task, scratch, row, rows - row < kQueryRows ? rows - row : kQueryRows).run_block();
    }
  }

  static void fill(Kernels& table) { table.attention = run; }

 private:
  const AttentionTask& task_;
  const AttentionScratch<Isa>& scratch_;
  const size_t first_row_;
  const size_t rows_;
  const float* queries_[kQueryRows];
  float* outputs_[kQueryRows];
  size_t lowest_[kQueryRows];  // positions that the row sees: lowest_..highest_
  size_t highest_[kQueryRows];

  Attention(const AttentionTask& task, const AttentionScratch<Isa>& scratch, size_t first_row, size_t rows)
      : task_(task), scratch_(scratch), first_row_(first_row), rows_(rows) {}

  void run_block() {
    for (size_t r = 0; r < rows_; ++r) start_row(r);
    // Both ends of what a row sees grow with the row.
    size_t begin = 0, end = 0;
    for (size_t chunk = lowest_[0] / kChunk; chunk <= highest_[rows_ - 1] / kChunk; ++chunk) {
      const size_t position = chunk * kChunk;
      while (highest_[begin] < position) ++begin;
      while (end < rows_ && lowest_[end] < position + kChunk) ++end;
      if (begin < end) add_chunk(position, begin, end);
    }
    for (size_t r = 0; r < rows_; ++r) finish_row(r);
  }

  void start_row(size_t r) {
    const size_t token = (first_row_ + r) / task_.heads, head = (first_row_ + r) % task_.heads;
    const size_t position = task_.first_position + token;
    size_t before = position, after = 0;  // how far the token sees
    if (task_.bidirectional) after = task_.last_position - position;
    if (task_.window != 0) {
      const size_t reach = task_.bidirectional ? task_.window / 2 : task_.window - 1;
      if (reach < before) before = reach;
      if (reach < after) after = reach;
    }
    lowest_[r] = position - before > task_.lowest_position ? position - before : task_.lowest_position;
    highest_[r] = position + after;
    assert(lowest_[r] <= position && position <= highest_[r]);
    queries_[r] = task_.q + token * task_.q_stride + head * task_.head_dim;
    outputs_[r] = task_.out + token * task_.out_stride + head * task_.head_dim;
    for (size_t i = 0; i < task_.head_dim; ++i) outputs_[r][i] = 0.0f;
    scratch_.maxima[r] = -__builtin_inff();
    scratch_.sums[r] = 0.0f;
    Keys::prepare_query(task_.k_type, queries_[r], task_.head_dim, r, scratch_);
  }

  void finish_row(size_t r) {
    const float inverse = 1.0f / scratch_.sums[r];
    for (size_t i = 0; i < task_.head_dim; ++i) outputs_[r][i] *= inverse;
  }

  // The part of the chunk at `position` that row r sees.
  VisibleRange visible(size_t r, size_t position) const {
    return {lowest_[r] > position ? lowest_[r] - position : 0,
            highest_[r] - position < kChunk ? highest_[r] - position + 1 : kChunk};
  }

  void add_chunk(size_t position, size_t begin, size_t end) {
    const KeyChunk keys = Keys::unpack(task_.k_type, task_.k, task_.capacity, task_.head_dim, position, scratch_);
    Keys::score(task_.k_type, keys, queries_, begin, end, task_.head_dim, scratch_);
    for (size_t r = begin; r < end; ++r) weigh(r, visible(r, position));
    const VisibleRange any = {visible(begin, position).begin, visible(end - 1, position).end};
    for (size_t dim = 0; dim < task_.head_dim; dim += kPanel) {
      const size_t n = task_.head_dim - dim < kPanel ? task_.head_dim - dim : kPanel;
      Values::unpack(task_.v_type, task_.v, task_.capacity, task_.head_dim, position, any, dim, n, scratch_);
      size_t r = begin;
      for (; r + 4 <= end; r += 4) add_values<4>(r, position, dim, n);
      if (end - r == 3) add_values<3>(r, position, dim, n);
      if (end - r == 2) add_values<2>(r, position, dim, n);
      if (end - r == 1) add_values<1>(r, position, dim, n);
    }
  }

  // Scores of the chunk to weights relative to the largest score so far; what came before is corrected by the returned
  // ratio.
  void weigh(size_t r, VisibleRange range) {
    float* scores = scratch_.scores + r * kChunk;
    const Float scale = Isa::set1(task_.scale), hidden = Isa::set1(-__builtin_inff());
    const size_t first = range.begin / 16, last = (range.end - 1) / 16;
    Float largest = Isa::set1(scratch_.maxima[r]);
    Float masked[kChunkTiles];
    for (size_t t = first; t <= last; ++t) {
      Float s = Isa::mul(Isa::load(scores + 16 * t), scale);
      if (task_.softcap != 0.0f) {
        s = Isa::mul(Isa::set1(task_.softcap), VecMath<Isa>::tanh(Isa::div(s, Isa::set1(task_.softcap))));
      }
      masked[t] = Isa::select(lanes(range, t), s, hidden);
      largest = Isa::max(largest, masked[t]);
    }
    const float maximum = Isa::max_of(largest);
    Float sum = Isa::zero();
    for (size_t t = first; t <= last; ++t) {
      const Float weights = VecMath<Isa>::exp(Isa::sub(masked[t], Isa::set1(maximum)));
      Isa::store(scores + 16 * t, weights);
      sum = Isa::add(sum, weights);
    }
    const float correction = maximum == scratch_.maxima[r] ? 1.0f : exp1(scratch_.maxima[r] - maximum);
    scratch_.maxima[r] = maximum;
    scratch_.sums[r] = Isa::fma1(scratch_.sums[r], correction, Isa::sum(sum));
    scratch_.corrections[r] = correction;
  }

  static auto lanes(VisibleRange range, size_t tile) {
    const size_t start = 16 * tile;
    return Isa::lanes(range.begin > start ? range.begin - start : 0, range.end < start + 16 ? range.end - start : 16);
  }

  static float exp1(float x) {
    float lanes[16];
    Isa::store(lanes, VecMath<Isa>::exp(Isa::set1(x)));
    return lanes[0];
  }

  // Positions that all kRows rows see go through the register tile; the few others, at the diagonal and at the edge of
  // a window, row by row: a value is never read for a row that does not see it.
  template <int kRows>
  void add_values(size_t r, size_t position, size_t dim, size_t n) {
    const VisibleRange oldest = visible(r, position), newest = visible(r + kRows - 1, position);
    const VisibleRange common = {newest.begin, oldest.end};
    const float* scores = scratch_.scores + r * kChunk;
    float* out[kRows];
    for (int i = 0; i < kRows; ++i) out[i] = outputs_[r + i] + dim;
    if (oldest.begin == newest.begin && oldest.end == newest.end) {
      Values::template accumulate<kRows>(scores, scratch_.corrections + r, common, n, scratch_, out);
      return;
    }
    float ones[kRows];
    for (float& one : ones) one = 1.0f;
    const bool shared = common.begin < common.end;
    for (int i = 0; i < kRows; ++i) {
      const VisibleRange own = visible(r + i, position);
      const VisibleRange before = {own.begin, shared ? common.begin : own.end};
      Values::template accumulate<1>(scores + i * kChunk, scratch_.corrections + r + i, before, n, scratch_, out + i);
    }
    if (!shared) return;
    Values::template accumulate<kRows>(scores, ones, common, n, scratch_, out);
    for (int i = 0; i < kRows; ++i) {
      const VisibleRange after = {common.end, visible(r + i, position).end};
      Values::template accumulate<1>(scores + i * kChunk, ones, after, n, scratch_, out + i);
    }
  }
};

}  // namespace thimble
