// The loops of rounding with error feedback (kernels.h, RoundTask) and of sums of outer products, once for every instruction set.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/outer_tile.h"

namespace thimble {

template <class Isa>
struct Feedback {
  using Float = typename Isa::Float;
  using Mask = typename Isa::Mask;

  static void round_columns(const RoundTask& task) {
    if (task.grid_size == 0) return try_candidates<false>(task);
    try_candidates<true>(task);
  }

  static void fill(Kernels& table) {
    table.round_columns = round_columns;
    table.add_outer_products = OuterTile<Isa, OuterValues>::add;
  }

 private:
  struct OuterValues {
    using Task = OuterTask;
    using Column = Float;
    static Float column(Float loaded) { return loaded; }
    static Float set1(float a) { return Isa::set1(a); }
    static Float step(Float a, Float b, Float sum) { return Isa::fma(a, b, sum); }
  };

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
