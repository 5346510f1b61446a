// The loops of rounding with error feedback (kernels.h, RoundTask) and of sums of outer products, once for every instruction set.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"

namespace thimble {

template <class Isa>
struct Feedback {
  using Float = typename Isa::Float;
  using Mask = typename Isa::Mask;

  static void round_columns(const RoundTask& task) {
    if (task.grid_size == 0) return try_candidates<false>(task);
    try_candidates<true>(task);
  }

  static void add_outer_products(const OuterTask& task) {
    size_t row = 0;
    for (; row + kRows <= task.rows; row += kRows) outer_rows<kRows>(task, row);
    for (; row < task.rows; ++row) outer_rows<1>(task, row);
  }

  static void fill(Kernels& table) {
    table.round_columns = round_columns;
    table.add_outer_products = add_outer_products;
  }

 private:
  // A register tile of 16 accumulators where there are 32 registers, else of as many as 16 hold.
  static constexpr size_t kVectors = Isa::kFloatColumns > 1 ? 2 : 1;
  static constexpr size_t kRows = Isa::kFloatColumns > 1 ? 8 : 4;

  template <size_t kR>
  static void outer_rows(const OuterTask& task, size_t row) {
    size_t column = 0;
    for (; column + 16 * kVectors <= task.columns; column += 16 * kVectors) outer_tile<kR, kVectors>(task, row, column);
    for (; column + 16 <= task.columns; column += 16) outer_tile<kR, 1>(task, row, column);
    if (column < task.columns) outer_tile<kR, 1, true>(task, row, column);
  }

  // kRest: of the last columns, fewer than 16.
  template <size_t kR, size_t kV, bool kRest = false>
  static void outer_tile(const OuterTask& task, size_t row, size_t column) {
    const size_t rest = task.columns - column;
    const auto load = [rest](const float* p) {
      if constexpr (kRest) return Isa::load_n(p, rest);
      return Isa::load(p);
    };
    Float sums[kR][kV];
    for (auto& row_sums : sums) {
      for (Float& sum : row_sums) sum = Isa::zero();
    }
    const float* a = task.a + row;
    const float* b = task.b + column;
    for (size_t i = 0; i < task.depth; ++i, a += task.a_stride, b += task.b_stride) {
      Float bs[kV];
      for (size_t v = 0; v < kV; ++v) bs[v] = load(b + 16 * v);
      for (size_t r = 0; r < kR; ++r) {
        const Float as = Isa::set1(a[r]);
        for (size_t v = 0; v < kV; ++v) sums[r][v] = Isa::fma(as, bs[v], sums[r][v]);
      }
    }
    for (size_t r = 0; r < kR; ++r) {
      float* c = task.c + (row + r) * task.c_stride + column;
      for (size_t v = 0; v < kV; ++v) {
        const Float sum = Isa::add(load(c + 16 * v), sums[r][v]);
        if constexpr (kRest) {
          Isa::store_n(c, sum, rest);
        } else {
          Isa::store(c + 16 * v, sum);
        }
      }
    }
  }

  template <bool kGrid>
  static void try_candidates(const RoundTask& task) {
    alignas(64) float target[kRoundColumns][16], level[kRoundColumns][16], value[kRoundColumns][16];
    Float best = Isa::load(task.loss);
    Float choice = Isa::set1(-1);
    for (size_t candidate = 0; candidate < task.candidates; ++candidate) {
      for (size_t c = 0; c < task.columns; ++c) Isa::store(target[c], Isa::load(task.target + c * task.stride));
      const Float loss = round<kGrid>(task, candidate, target, level, value);
      const Mask better = Isa::less(loss, best);
      if (Isa::bits(better) == 0) continue;
      best = Isa::select(better, loss, best);
      choice = Isa::select(better, Isa::set1(static_cast<float>(candidate)), choice);
      for (size_t c = 0; c < task.columns; ++c) {
        keep(better, level[c], task.level + c * task.stride);
        keep(better, value[c], task.value + c * task.stride);
      }
    }
    Isa::store(task.loss, best);
    Isa::store(task.choice, choice);
  }

  static void keep(Mask better, const float* from, float* to) {
    Isa::store(to, Isa::select(better, Isa::load(from), Isa::load(to)));
  }

  // One candidate's levels and values, and what they cost.
  template <bool kGrid>
  static Float round(const RoundTask& task, size_t candidate, float (*target)[16], float (*level)[16],
                     float (*value)[16]) {
    const Float scale = Isa::load(task.scales + 16 * candidate), offset = Isa::load(task.offsets + 16 * candidate);
    const Float one = Isa::set1(1);
    const Float inverse = Isa::select(Isa::equal(scale, Isa::zero()), Isa::zero(), Isa::div(one, scale));
    Float loss = Isa::zero();
    for (size_t c = 0; c < task.columns; ++c) {
      const Float t = Isa::load(target[c]);
      const Float q = nearest<kGrid>(task, Isa::mul(Isa::sub(t, offset), inverse));
      const Float v = Isa::add(Isa::mul(scale, q), offset);
      Isa::store(level[c], q);
      Isa::store(value[c], v);
      const Float rest = Isa::sub(t, v);
      loss = Isa::fma(Isa::mul(rest, Isa::set1(task.cost[c])), rest, loss);
      const Float error = Isa::sub(Isa::load(task.weight + c * task.stride), v);
      const float* feedback = task.feedback + c * task.feedback_stride;
      for (size_t j = c + 1; j < task.columns; ++j)
        Isa::store(target[j], Isa::fma(error, Isa::set1(feedback[j]), Isa::load(target[j])));
    }
    return loss;
  }

  template <bool kGrid>
  static Float nearest(const RoundTask& task, Float x) {
    if constexpr (kGrid) {
      Float q = Isa::set1(task.grid[0]);
      for (size_t i = 1; i < task.grid_size; ++i) {
        const Float middle = Isa::set1((task.grid[i - 1] + task.grid[i]) * 0.5f);
        q = Isa::select(Isa::less(middle, x), Isa::set1(task.grid[i]), q);
      }
      return q;
    } else {
      // Adding and taking away 1.5 * 2^23 rounds to the nearest integer, to even at the half.
      const Float magic = Isa::set1(12582912.0f);
      const Float inside = Isa::max(Isa::min(x, Isa::set1(task.high)), Isa::set1(task.low));
      return Isa::sub(Isa::add(inside, magic), magic);
    }
  }
};

}  // namespace thimble
