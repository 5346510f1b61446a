// c += sums of outer products, in register tiles: the loop over rows, columns and depth, once for every kind of value.
#pragma once

#include <cstddef>

namespace thimble {

// Values: Task, with a, b and c in rows; Column, 16 of b's values, and column(Float), which makes it of what was loaded; set1(value of a)
// and step(that, Column, Float sum), which adds their product.
template <class Isa, class Values>
struct OuterTile {
  using Task = typename Values::Task;
  using Float = typename Isa::Float;

  static void add(const Task& task) {
    size_t row = 0;
    for (; row + kRows <= task.rows; row += kRows) rows<kRows>(task, row);
    for (; row < task.rows; ++row) rows<1>(task, row);
  }

 private:
  // A register tile of 16 accumulators where there are 32 registers, else of as many as 16 hold.
  static constexpr size_t kVectors = Isa::kFloatColumns > 1 ? 2 : 1;
  static constexpr size_t kRows = Isa::kFloatColumns > 1 ? 8 : 4;

  template <size_t kR>
  static void rows(const Task& task, size_t row) {
    size_t column = 0;
    for (; column + 16 * kVectors <= task.columns; column += 16 * kVectors) tile<kR, kVectors>(task, row, column);
    for (; column + 16 <= task.columns; column += 16) tile<kR, 1>(task, row, column);
    if (column < task.columns) tile<kR, 1, true>(task, row, column);
  }

  // kRest: of the last columns, fewer than 16.
  template <size_t kR, size_t kV, bool kRest = false>
  static void tile(const Task& task, size_t row, size_t column) {
    const size_t rest = task.columns - column;
    const auto load = [rest](const float* p) {
      if constexpr (kRest) return Isa::load_n(p, rest);
      return Isa::load(p);
    };
    Float sums[kR][kV];
    for (auto& row_sums : sums) {
      for (Float& sum : row_sums) sum = Isa::zero();
    }
    const auto* a = task.a + row;
    const float* b = reinterpret_cast<const float*>(task.b) + column;  // values of 32 bits, whatever they mean
    for (size_t i = 0; i < task.depth; ++i, a += task.a_stride, b += task.b_stride) {
      typename Values::Column bs[kV];
      for (size_t v = 0; v < kV; ++v) bs[v] = Values::column(load(b + 16 * v));
      for (size_t r = 0; r < kR; ++r) {
        const auto as = Values::set1(a[r]);
        for (size_t v = 0; v < kV; ++v) sums[r][v] = Values::step(as, bs[v], sums[r][v]);
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
};

}  // namespace thimble
