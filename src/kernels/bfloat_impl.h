// Products of floats rounded to bfloat16, two at a time: the definition that vdpbf16ps has on all processors that have it,
//   sum = fma(x[1], w[1], sum), then sum = fma(x[0], w[0], sum)
// (the products are exact, so each step rounds once), which other instruction sets repeat bit for bit but for values below 2^-126,
// where vdpbf16ps has zeros. A pair is 32 bits, its first value the lower half.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/outer_tile.h"

namespace thimble {

template <class Isa>
struct Bfloat {
  using Float = typename Isa::Float;
  using Int = typename Isa::Int;

  static void fill(Kernels& table) {
    table.pair_rows = pair_rows;
    table.pair_record = pair_record;
    table.matmul_pairs = matmul_pairs;
    table.add_outer_pairs = OuterTile<Isa, OuterValues>::add;
  }

 private:
  static constexpr size_t kRows = Isa::kFloatColumns > 1 ? 6 : 4;
  static constexpr size_t kTokens = Isa::kFloatColumns;
  static constexpr size_t kTokenBlock = 64;  // records that stay in the second-level cache

  static Int load_pairs(const uint32_t* p) { return Isa::bits_of(Isa::load(p)); }

  static Float dot(Int w, Int x, Float sum) {
    if constexpr (requires { Isa::dot_pairs(w, x, sum); }) {
      return Isa::dot_pairs(w, x, sum);
    } else {
      const Int high = Isa::set1_int(static_cast<int32_t>(0xffff0000u));
      const auto first = [](Int pair) { return Isa::float_of_bits(Isa::template shift_left<16>(pair)); };
      const auto second = [high](Int pair) { return Isa::float_of_bits(Isa::bit_and(pair, high)); };
      return Isa::fma(first(w), first(x), Isa::fma(second(w), second(x), sum));
    }
  }

  // To the nearest, to even between two; what is no number stays none.
  static Int rounded(Float x) {
    const Int bits = Isa::bits_of(x), one = Isa::set1_int(1);
    const Int odd = Isa::bit_and(Isa::template shift_right<16>(bits), one);
    return Isa::sub_int(Isa::sub_int(bits, Isa::set1_int(-0x7fff)), Isa::sub_int(Isa::set1_int(0), odd));
  }
  static Float pair(Float low, Float high) {
    const Int upper = Isa::bit_and(rounded(high), Isa::set1_int(static_cast<int32_t>(0xffff0000u)));
    return Isa::float_of_bits(Isa::bit_or(upper, Isa::template shift_right<16>(rounded(low))));
  }

  static void pair_rows(const float* low, const float* high, size_t n, uint32_t* out) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) store(out + i, pair(Isa::load(low + i), Isa::load(high + i)));
    if (i < n) store_n(out + i, pair(Isa::load_n(low + i, n - i), Isa::load_n(high + i, n - i)), n - i);
  }

  static void pair_record(const float* x, size_t k, uint32_t* out) {
    size_t i = 0;
    for (; i + 32 <= k; i += 32, out += 16) store(out, pair(Isa::load(x + i), Isa::load(x + i + 16)));
    if (i == k) return;
    const size_t rest = k - i;
    const Float low = rest < 16 ? Isa::load_n(x + i, rest) : Isa::load(x + i);
    store(out, pair(low, rest > 16 ? Isa::load_n(x + i + 16, rest - 16) : Isa::zero()));
  }

  static void store(uint32_t* p, Float pairs) { Isa::store(reinterpret_cast<float*>(p), pairs); }
  static void store_n(uint32_t* p, Float pairs, size_t n) { Isa::store_n(reinterpret_cast<float*>(p), pairs, n); }

  static void matmul_pairs(const PairMatmulTask& task) {
    for (size_t t = 0; t < task.tokens; t += kTokenBlock) {
      const size_t t_end = t + kTokenBlock < task.tokens ? t + kTokenBlock : task.tokens;
      size_t row = 0;
      for (; row + kRows <= task.rows; row += kRows) matmul_rows<kRows>(task, row, t, t_end);
      for (; row + 2 <= task.rows; row += 2) matmul_rows<2>(task, row, t, t_end);
      for (; row < task.rows; ++row) matmul_rows<1>(task, row, t, t_end);
    }
  }

  template <size_t kR>
  static void matmul_rows(const PairMatmulTask& task, size_t row, size_t t, size_t t_end) {
    for (; t + kTokens <= t_end; t += kTokens) matmul_tile<kR, kTokens>(task, row, t);
    for (; t < t_end; ++t) matmul_tile<kR, 1>(task, row, t);
  }

  template <size_t kR, size_t kT>
  static void matmul_tile(const PairMatmulTask& task, size_t row, size_t token) {
    const uint32_t* w = task.weights + row * task.pairs;
    const uint32_t* x = task.x + token * task.pairs;
    Float sums[kR][kT];
    for (auto& row_sums : sums) {
      for (Float& sum : row_sums) sum = Isa::zero();
    }
    for (size_t i = 0; i < task.pairs; i += 16) {
      Int xs[kT];
      for (size_t t = 0; t < kT; ++t) xs[t] = load_pairs(x + t * task.pairs + i);
      for (size_t r = 0; r < kR; ++r) {
        const Int ws = load_pairs(w + r * task.pairs + i);
        for (size_t t = 0; t < kT; ++t) sums[r][t] = dot(ws, xs[t], sums[r][t]);
      }
    }
    for (size_t r = 0; r < kR; ++r) {
      for (size_t t = 0; t < kT; ++t) task.y[(token + t) * task.y_stride + row + r] = Isa::sum(sums[r][t]);
    }
  }

  struct OuterValues {
    using Task = PairOuterTask;
    using Column = Int;
    static Int column(Float loaded) { return Isa::bits_of(loaded); }
    static Int set1(uint32_t a) { return Isa::set1_int(static_cast<int32_t>(a)); }
    static Float step(Int a, Int b, Float sum) { return dot(a, b, sum); }
  };
};

}  // namespace thimble
