#include "model/backward_attention.h"

#include <algorithm>

namespace thimble {
namespace {

constexpr size_t kQueries = 32;  // of a tile

// out[column][row] = in[row][column]
void transpose(const float* in, size_t in_stride, size_t rows, size_t columns, float* out, size_t out_stride) {
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) out[column * out_stride + row] = in[row * in_stride + column];
  }
}

// One query head of one sequence.
class HeadBackward {
 public:
  HeadBackward(const Kernels& kernels, const Hyperparameters& h, const AttentionGradientsTask& task,
               const Sequence& sequence, size_t head, std::byte* scratch)
      : kernels_(kernels), h_(h), task_(task), tokens_(sequence.end - sequence.begin), width_(h.key_length) {
    const size_t kv_head = head / (h.head_count / h.head_count_kv), first = sequence.begin;
    query_ = task.query + first * h.query_width() + head * width_;
    key_ = task.key + first * h.key_width() + kv_head * width_;
    value_ = task.value + first * h.value_width() + kv_head * width_;
    d_out_ = task.d_attention + first * h.attention_width() + head * width_;
    d_query_ = task.d_query + first * h.query_width() + head * width_;
    d_key_ = task.d_head_keys + (head * task.tokens + first) * width_;
    d_value_ = task.d_head_values + (head * task.tokens + first) * width_;
    auto* next = reinterpret_cast<float*>(scratch);
    const auto take = [&next](size_t floats) { return std::exchange(next, next + floats); };
    keys_t_ = take(width_ * tokens_);
    values_t_ = take(width_ * tokens_);
    queries_t_ = take(width_ * kQueries);
    d_out_t_ = take(width_ * kQueries);
    p_ = take(kQueries * tokens_);
    ds_ = take(kQueries * tokens_);
    ds_t_ = take(kQueries * tokens_);
  }

  void run() const {
    transpose(key_, h_.key_width(), tokens_, width_, keys_t_, tokens_);
    transpose(value_, h_.value_width(), tokens_, width_, values_t_, tokens_);
    std::fill_n(d_key_, tokens_ * width_, 0.0f);
    std::fill_n(d_value_, tokens_ * width_, 0.0f);
    for (size_t token = 0; token < tokens_; token += kQueries) run_tile(token, std::min(kQueries, tokens_ - token));
  }

 private:
  size_t first_key(size_t token) const {
    return task_.window != 0 && token >= task_.window ? token - task_.window + 1 : 0;
  }

  void multiply(const float* a, size_t a_stride, const float* b, size_t b_stride, size_t depth, size_t rows,
                size_t columns, float* c, size_t c_stride) const {
    kernels_.add_outer_products({a, a_stride, b, b_stride, depth, rows, columns, c, c_stride});
  }

  void run_tile(size_t token, size_t queries) const {
    const size_t first = first_key(token), keys = token + queries - first;
    transpose(query_ + token * h_.query_width(), h_.query_width(), queries, width_, queries_t_, kQueries);
    transpose(d_out_ + token * h_.attention_width(), h_.attention_width(), queries, width_, d_out_t_, kQueries);
    std::fill_n(p_, queries * keys, 0.0f);
    std::fill_n(ds_, queries * keys, 0.0f);
    multiply(queries_t_, kQueries, keys_t_ + first, tokens_, width_, queries, keys, p_, keys);
    multiply(d_out_t_, kQueries, values_t_ + first, tokens_, width_, queries, keys, ds_, keys);
    for (size_t q = 0; q < queries; ++q) finish_row(token + q, first, keys, p_ + q * keys, ds_ + q * keys);
    transpose(ds_, keys, queries, keys, ds_t_, kQueries);
    float* d_query = d_query_ + token * h_.query_width();
    for (size_t q = 0; q < queries; ++q) std::fill_n(d_query + q * h_.query_width(), width_, 0.0f);
    multiply(ds_t_, kQueries, key_ + first * h_.key_width(), h_.key_width(), keys, queries, width_, d_query,
             h_.query_width());
    multiply(ds_, keys, query_ + token * h_.query_width(), h_.query_width(), queries, keys, width_,
             d_key_ + first * width_, width_);
    multiply(p_, keys, d_out_ + token * h_.attention_width(), h_.attention_width(), queries, keys, width_,
             d_value_ + first * width_, width_);
  }

  // One query's row: scores to probabilities, and the gradients of these to the scores' before their scale.
  void finish_row(size_t token, size_t first, size_t keys, float* p, float* ds) const {
    const size_t begin = first_key(token) - first, end = token + 1 - first, count = end - begin;
    float* const scores = p + begin;
    kernels_.scale(h_.attention_scale, count, scores);
    float* capped = nullptr;
    if (h_.attention_softcap > 0) {
      kernels_.softcap(h_.attention_softcap, count, scores);
      capped = ds_t_;  // free until the tile's rows are done
      std::copy_n(scores, count, capped);
    }
    const float sum = kernels_.exp_less(scores, kernels_.largest(scores, count), count, scores);
    kernels_.scale(1.0f / sum, count, scores);
    kernels_.softmax_gradient(scores, count, h_.attention_scale, ds + begin);
    if (capped != nullptr) kernels_.softcap_gradient(h_.attention_softcap, capped, count, ds + begin);
    for (float* row : {p, ds}) {
      std::fill_n(row, begin, 0.0f);
      std::fill_n(row + end, keys - end, 0.0f);
    }
  }

  const Kernels& kernels_;
  const Hyperparameters& h_;
  const AttentionGradientsTask& task_;
  const size_t tokens_;
  const size_t width_;
  const float *query_, *key_, *value_, *d_out_;
  float *d_query_, *d_key_, *d_value_;
  float *keys_t_, *values_t_, *queries_t_, *d_out_t_;  // [width_][...]
  float *p_, *ds_, *ds_t_;                             // [kQueries][keys], the last the other way
};

}  // namespace

size_t attention_gradient_bytes(const Hyperparameters& h, size_t tokens) {
  const size_t bytes = (2 * h.key_length * (tokens + kQueries) + 3 * kQueries * tokens) * sizeof(float);
  return (bytes + 63) / 64 * 64;
}

void run_attention_gradients(Worker& worker, const Kernels& kernels, const Hyperparameters& h,
                             std::span<const Sequence> sequences, const AttentionGradientsTask& task) {
  const size_t heads = h.head_count, group = heads / h.head_count_kv, width = h.key_length;
  worker.for_each_piece(heads * sequences.size(), 1, [&](size_t piece, size_t) {
    HeadBackward(kernels, h, task, sequences[piece / heads], piece % heads,
                 task.scratch + worker.index() * task.scratch_stride)
        .run();
  });
  // The heads of a group in order.
  worker.for_each_piece(task.tokens, 16, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) {
      for (size_t kv_head = 0; kv_head < h.head_count_kv; ++kv_head) {
        const auto sum = [&](const float* parts, float* out) {
          const auto part = [&](size_t i) { return parts + ((kv_head * group + i) * task.tokens + token) * width; };
          std::copy_n(part(0), width, out);
          for (size_t i = 1; i < group; ++i) kernels.add(part(i), width, out);
        };
        sum(task.d_head_keys, task.d_key + token * h.key_width() + kv_head * width);
        sum(task.d_head_values, task.d_value + token * h.value_width() + kv_head * width);
      }
    }
  });
}

}  // namespace thimble
