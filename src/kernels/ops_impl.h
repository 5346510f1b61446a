// The elementwise operations of the table, written once over the 16-lane vectors of an instruction set.
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/ops_matmul_impl.h"
#include "kernels/vec_map.h"
#include "kernels/vec_math.h"

namespace thimble {

template <class Isa>
struct Ops : private VecMap<Isa> {
  using Float = typename Isa::Float;
  using Math = VecMath<Isa>;
  using VecMap<Isa>::map;
  using VecMap<Isa>::sum_of;

  static void rms_norm(const float* x, const float* weight, size_t n, float epsilon, float* y) {
    Float squares = Isa::zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const Float v = Isa::load(x + i);
      squares = Isa::fma(v, v, squares);
    }
    if (i < n) {
      const Float v = Isa::load_n(x + i, n - i);
      squares = Isa::fma(v, v, squares);
    }
    const Float inverse = Isa::set1(1.0f / Isa::sqrt1(Isa::sum(squares) / static_cast<float>(n) + epsilon));
    if (weight == nullptr) {
      map(
          n, y, [&](Float v) { return Isa::mul(v, inverse); }, x);
    } else {
      map(
          n, y, [&](Float v, Float w) { return Isa::mul(Isa::mul(v, inverse), w); }, x, weight);
    }
  }

  static void layer_norm(const float* x, const float* weight, const float* bias, size_t n, float epsilon, float* y) {
    const float mean = sum_of(
                           n, [](Float v) { return v; }, x) /
                       static_cast<float>(n);
    const Float m = Isa::set1(mean);
    const auto square = [&](Float v) { return Isa::mul(Isa::sub(v, m), Isa::sub(v, m)); };
    const float variance = sum_of(n, square, x) / static_cast<float>(n);
    const Float inverse = Isa::set1(1.0f / Isa::sqrt1(variance + epsilon));
    const auto normal = [&](Float v) { return Isa::mul(Isa::sub(v, m), inverse); };
    if (bias == nullptr) {
      map(
          n, y, [&](Float v, Float w) { return Isa::mul(normal(v), w); }, x, weight);
    } else {
      map(
          n, y, [&](Float v, Float w, Float b) { return Isa::fma(normal(v), w, b); }, x, weight, bias);
    }
  }

  static void add(const float* x, size_t n, float* y) {
    map(
        n, y, [](Float a, Float b) { return Isa::add(a, b); }, y, x);
  }

  static void scale(float factor, size_t n, float* y) {
    const Float f = Isa::set1(factor);
    map(
        n, y, [&](Float v) { return Isa::mul(v, f); }, y);
  }

  static void silu_multiply(const float* gate, const float* up, size_t n, float* y) {
    activate(gate, up, n, y, [](Float g) { return Isa::mul(g, Math::sigmoid(g)); });
  }

  // 0.5 * (1 + tanh(u)) is sigmoid(2u), which does not cancel for negative u.
  static void gelu_multiply(const float* gate, const float* up, size_t n, float* y) {
    const Float twice_sqrt_2_over_pi = Isa::set1(1.5957691216057308f);
    const Float cubic = Isa::set1(0.044715f), one = Isa::set1(1.0f);
    activate(gate, up, n, y, [&](Float g) {
      const Float bent = Isa::mul(g, Isa::fma(Isa::mul(g, g), cubic, one));
      return Isa::mul(g, Math::sigmoid(Isa::mul(bent, twice_sqrt_2_over_pi)));
    });
  }

  static void gelu_exact_multiply(const float* gate, const float* up, size_t n, float* y) {
    activate(gate, up, n, y, [](Float g) { return Isa::mul(g, Math::normal_cdf(g)); });
  }

  static void softcap(float cap, size_t n, float* y) {
    const Float c = Isa::set1(cap), inverse = Isa::set1(1.0f / cap);
    map(
        n, y, [&](Float v) { return Isa::mul(c, Math::tanh(Isa::mul(v, inverse))); }, y);
  }

  static void rope(const float* table, size_t rotary, bool neox, float* x) {
    const size_t half = rotary / 2;
    size_t i = 0;
    for (; i + 16 <= half; i += 16) rotate(table + 2 * i, neox, x + (neox ? i : 2 * i), x + half + i);
    if (i == half) return;
    float padded_table[32] = {}, padded_x[32] = {};
    const size_t rest = half - i;
    copy(table + 2 * i, 2 * rest, padded_table);
    copy(x + (neox ? i : 2 * i), neox ? rest : 2 * rest, padded_x);
    if (neox) copy(x + half + i, rest, padded_x + 16);
    rotate(padded_table, neox, padded_x, padded_x + 16);
    copy(padded_x, neox ? rest : 2 * rest, x + (neox ? i : 2 * i));
    if (neox) copy(padded_x + 16, rest, x + half + i);
  }

  static void hadamard(size_t n, float* x) {
    const float norm = 1.0f / Isa::sqrt1(static_cast<float>(n));
    if (n < 16) {
      for (size_t distance = 1; distance < n; distance *= 2) {
        for (size_t i = 0; i < n; ++i) {
          if ((i & distance) != 0) continue;
          const float a = x[i], b = x[i + distance];
          x[i] = a + b;
          x[i + distance] = a - b;
        }
      }
      for (size_t i = 0; i < n; ++i) x[i] *= norm;
      return;
    }
    for (size_t i = 0; i < n; i += 16) {
      Float v = butterfly<1>(Isa::load(x + i));
      v = butterfly<4>(butterfly<2>(v));
      v = butterfly<8>(v);
      Isa::store(x + i, v);
    }
    for (size_t distance = 16; distance < n; distance *= 2) {
      for (size_t i = 0; i < n; i += 16) {
        if ((i & distance) != 0) continue;
        const Float a = Isa::load(x + i), b = Isa::load(x + i + distance);
        Isa::store(x + i, Isa::add(a, b));
        Isa::store(x + i + distance, Isa::sub(a, b));
      }
    }
    scale(norm, n, x);
  }

  static void fill(Kernels& table) {
    table.matmul[static_cast<size_t>(NumberType::F32)] = FloatMatmul<Isa, F32>::run;
    table.matmul[static_cast<size_t>(NumberType::F16)] = FloatMatmul<Isa, F16>::run;
    table.matmul[static_cast<size_t>(NumberType::BF16)] = FloatMatmul<Isa, BF16>::run;
    table.rms_norm = rms_norm;
    table.layer_norm = layer_norm;
    table.add = add;
    table.scale = scale;
    table.silu_multiply = silu_multiply;
    table.gelu_multiply = gelu_multiply;
    table.gelu_exact_multiply = gelu_exact_multiply;
    table.softcap = softcap;
    table.rope = rope;
    table.hadamard = hadamard;
  }

 private:
  template <class F>
  static void activate(const float* gate, const float* up, size_t n, float* y, F f) {
    if (up == nullptr) {
      map(n, y, f, gate);
    } else {
      map(
          n, y, [&](Float g, Float u) { return Isa::mul(f(g), u); }, gate, up);
    }
  }

  static void copy(const float* from, size_t n, float* to) {
    for (size_t i = 0; i < n; ++i) to[i] = from[i];
  }

  // 16 pairs: (first[i], second[i]) for neox, else (first[2i], first[2i + 1]).
  static void rotate(const float* table, bool neox, float* first, float* second) {
    Float cosine, sine, a, b;
    Isa::load_pairs(table, cosine, sine);
    if (neox) {
      a = Isa::load(first);
      b = Isa::load(second);
    } else {
      Isa::load_pairs(first, a, b);
    }
    const Float turned_a = Isa::sub(Isa::mul(a, cosine), Isa::mul(b, sine));
    const Float turned_b = Isa::fma(a, sine, Isa::mul(b, cosine));
    if (neox) {
      Isa::store(first, turned_a);
      Isa::store(second, turned_b);
    } else {
      Isa::store_pairs(first, turned_a, turned_b);
    }
  }

  // Lane i becomes x[i] + x[i + distance], or x[i - distance] - x[i] where bit `distance` of i is set.
  template <int kDistance>
  static Float butterfly(Float x) {
    constexpr uint32_t kUpper = kDistance == 1 ? 0xaaaa : kDistance == 2 ? 0xcccc : kDistance == 4 ? 0xf0f0 : 0xff00;
    const Float other = Isa::template swap<kDistance>(x);
    return Isa::select(Isa::mask(kUpper), Isa::sub(other, x), Isa::add(x, other));
  }
};

}  // namespace thimble
