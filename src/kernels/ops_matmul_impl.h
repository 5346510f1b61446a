// Matrix products with float weights: 16 partial sums for each (row, token), a register tile of 4 rows and 4
// tokens, of 6 rows where there are 32 registers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"
#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"

namespace thimble {

template <class Isa, class Q>
struct FloatMatmul {
  using Float = typename Isa::Float;
  static constexpr size_t kRows = Isa::kFloatColumns > 1 ? 6 : 4;
  static constexpr size_t kTokens = Isa::kFloatColumns;  // a tile
  static constexpr size_t kTokenBlock = 32;              // activations that stay in the second-level cache

  static void run(const MatmulTask& task) {
    for (size_t t = 0; t < task.tokens; t += kTokenBlock) {
      const size_t t_end = t + kTokenBlock < task.tokens ? t + kTokenBlock : task.tokens;
      size_t row = task.row_begin;
      for (; row + kRows <= task.row_end; row += kRows) rows<kRows>(task, row, t, t_end);
      for (; row + 2 <= task.row_end; row += 2) rows<2>(task, row, t, t_end);
      for (; row < task.row_end; ++row) rows<1>(task, row, t, t_end);
    }
  }

 private:
  template <size_t kR>
  static void rows(const MatmulTask& task, size_t row, size_t t, size_t t_end) {
    for (; t + kTokens <= t_end; t += kTokens) tile<kR, kTokens>(task, row, t);
    for (; t < t_end; ++t) tile<kR, 1>(task, row, t);
  }

  template <size_t kR, size_t kT>
  static void tile(const MatmulTask& task, size_t row, size_t token) {
    const std::byte* w = task.weights + row * task.weight_stride;
    const std::byte* x = task.x + token * task.x_stride;
    Float sums[kR][kT];
    for (auto& row_sums : sums) {
      for (Float& sum : row_sums) sum = Isa::zero();
    }
    const auto step = [&](auto load_w, auto load_x) {
      Float xs[kT];
      for (size_t t = 0; t < kT; ++t) xs[t] = load_x(x + t * task.x_stride);
      for (size_t r = 0; r < kR; ++r) {
        const Float ws = load_w(w + r * task.weight_stride);
        for (size_t t = 0; t < kT; ++t) sums[r][t] = Isa::fma(ws, xs[t], sums[r][t]);
      }
    };
    const auto load_x = [](const std::byte* p) { return Isa::load(p); };
    size_t i = 0;
    for (; i + 16 <= task.k; i += 16) {
      step(load_weights, load_x);
      w += 16 * sizeof(typename Q::Block);
      x += 16 * sizeof(float);
    }
    if (const size_t rest = task.k - i; rest > 0) {
      step([=](const std::byte* p) { return load_last_weights(p, rest); },
           [=](const std::byte* p) { return Isa::load_n(p, rest); });
    }
    for (size_t r = 0; r < kR; ++r) {
      for (size_t t = 0; t < kT; ++t) task.y[(token + t) * task.y_stride + row + r] = Isa::sum(sums[r][t]);
    }
  }

  static Float load_weights(const std::byte* p) {
    if constexpr (Q::kType == NumberType::F16) return Isa::load_f16(p);
    if constexpr (Q::kType == NumberType::BF16) return Isa::load_bf16(p);
    if constexpr (Q::kType == NumberType::F32) return Isa::load(p);
  }
  static Float load_last_weights(const std::byte* p, size_t n) {
    std::byte padded[16 * sizeof(typename Q::Block)] = {};
    std::memcpy(padded, p, n * sizeof(typename Q::Block));
    return load_weights(padded);
  }
};

}  // namespace thimble
