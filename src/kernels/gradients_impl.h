// What training needs beside the forward pass's operations, once for every instruction set (kernels.h, "Of training").
#pragma once

#include <cstddef>

#include "kernels/kernels.h"
#include "kernels/vec_map.h"
#include "kernels/vec_math.h"

namespace thimble {

template <class Isa>
struct Gradients : private VecMap<Isa> {
  using Float = typename Isa::Float;
  using Math = VecMath<Isa>;
  using VecMap<Isa>::map;
  using VecMap<Isa>::sum_of;

  // With s = 1 / sqrt(mean(x^2) + epsilon): dx += s (w dy) - x s^3 mean(w dy x).
  static void rms_norm_gradient(const float* x, const float* weight, const float* dy, size_t n, float epsilon,
                                float* dx) {
    const auto count = static_cast<float>(n);
    const float squares = sum_of(
        n, [](Float v) { return Isa::mul(v, v); }, x);
    const float inverse = 1.0f / Isa::sqrt1(squares / count + epsilon);
    const float product = sum_of(
        n, [](Float v, Float w, Float d) { return Isa::mul(Isa::mul(w, d), v); }, x, weight, dy);
    const Float s = Isa::set1(inverse), t = Isa::set1(-(inverse * inverse * inverse * (product / count)));
    map(
        n, dx,
        [&](Float sum, Float v, Float w, Float d) {
          return Isa::add(sum, Isa::fma(v, t, Isa::mul(Isa::mul(w, d), s)));
        },
        dx, x, weight, dy);
  }

  // With z = (x - mean(x)) s, s = 1 / sqrt(variance(x) + epsilon): dx += s (w dy - mean(w dy) - z mean(w dy z)).
  static void layer_norm_gradient(const float* x, const float* weight, const float* dy, size_t n, float epsilon,
                                  float* dx) {
    const auto count = static_cast<float>(n);
    const float mean = sum_of(
                           n, [](Float v) { return v; }, x) /
                       count;
    const Float m = Isa::set1(mean);
    const float variance = sum_of(
                               n, [&](Float v) { return Isa::mul(Isa::sub(v, m), Isa::sub(v, m)); }, x) /
                           count;
    const Float s = Isa::set1(1.0f / Isa::sqrt1(variance + epsilon));
    const float plain = sum_of(
        n, [](Float w, Float d) { return Isa::mul(w, d); }, weight, dy);
    const float with_z = sum_of(
        n, [&](Float v, Float w, Float d) { return Isa::mul(Isa::mul(w, d), Isa::mul(Isa::sub(v, m), s)); }, x, weight,
        dy);
    const Float a = Isa::set1(plain / count), b = Isa::set1(with_z / count);
    map(
        n, dx,
        [&](Float sum, Float v, Float w, Float d) {
          const Float z = Isa::mul(Isa::sub(v, m), s);
          const Float inner = Isa::sub(Isa::sub(Isa::mul(w, d), a), Isa::mul(z, b));
          return Isa::fma(inner, s, sum);
        },
        dx, x, weight, dy);
  }

  static void silu_gradient(const float* gate, const float* up, const float* dy, size_t n, float* dgate, float* dup) {
    activation_gradient(gate, up, dy, n, dgate, dup, [](Float g, Float& value, Float& slope) {
      const Float s = Math::sigmoid(g);
      value = Isa::mul(g, s);
      slope = Isa::fma(value, Isa::sub(Isa::set1(1), s), s);
    });
  }

  // g sigmoid(u) with u = c (g + k g^3): the slope is s + g s (1 - s) c (1 + 3 k g^2).
  static void gelu_gradient(const float* gate, const float* up, const float* dy, size_t n, float* dgate, float* dup) {
    const Float c = Isa::set1(1.5957691216057308f), k = Isa::set1(0.044715f), k3 = Isa::set1(0.134145f);
    const Float one = Isa::set1(1);
    activation_gradient(gate, up, dy, n, dgate, dup, [&](Float g, Float& value, Float& slope) {
      const Float square = Isa::mul(g, g);
      const Float s = Math::sigmoid(Isa::mul(Isa::mul(g, Isa::fma(square, k, one)), c));
      value = Isa::mul(g, s);
      const Float inner = Isa::mul(c, Isa::fma(square, k3, one));
      slope = Isa::fma(Isa::mul(value, Isa::sub(one, s)), inner, s);
    });
  }

  static void gelu_exact_gradient(const float* gate, const float* up, const float* dy, size_t n, float* dgate,
                                  float* dup) {
    const Float norm = Isa::set1(0.3989422804014327f), half = Isa::set1(-0.5f);
    activation_gradient(gate, up, dy, n, dgate, dup, [&](Float g, Float& value, Float& slope) {
      const Float cdf = Math::normal_cdf(g);
      value = Isa::mul(g, cdf);
      const Float density = Isa::mul(norm, Math::exp(Isa::mul(half, Isa::mul(g, g))));
      slope = Isa::fma(g, density, cdf);
    });
  }

  static void softcap_gradient(float cap, const float* y, size_t n, float* dy) {
    const Float inverse = Isa::set1(1.0f / cap), one = Isa::set1(1);
    map(
        n, dy,
        [&](Float d, Float v) {
          const Float ratio = Isa::mul(v, inverse);
          return Isa::mul(d, Isa::sub(one, Isa::mul(ratio, ratio)));
        },
        dy, y);
  }

  static float largest(const float* x, size_t n) {
    Float most = Isa::set1(x[0]);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) most = Isa::max(most, Isa::load(x + i));
    if (i < n) most = Isa::max(most, Isa::select(Isa::lanes(0, n - i), Isa::load_n(x + i, n - i), most));
    return Isa::max_of(most);
  }

  static float exp_less(const float* x, float shift, size_t n, float* y) {
    const Float by = Isa::set1(shift);
    Float sums = Isa::zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      const Float v = Math::exp(Isa::sub(Isa::load(x + i), by));
      Isa::store(y + i, v);
      sums = Isa::add(sums, v);
    }
    if (i < n) {
      const Float v = Math::exp(Isa::sub(Isa::load_n(x + i, n - i), by));
      Isa::store_n(y + i, v, n - i);
      sums = Isa::add(sums, Isa::select(Isa::lanes(0, n - i), v, Isa::zero()));
    }
    return Isa::sum(sums);
  }

  static void softmax_gradient(const float* p, size_t n, float factor, float* dp) {
    const float mean = sum_of(
        n, [](Float a, Float b) { return Isa::mul(a, b); }, p, dp);
    const Float m = Isa::set1(mean), f = Isa::set1(factor);
    map(
        n, dp, [&](Float d, Float a) { return Isa::mul(Isa::mul(Isa::sub(d, m), a), f); }, dp, p);
  }

  static void fill(Kernels& table) {
    table.rms_norm_gradient = rms_norm_gradient;
    table.layer_norm_gradient = layer_norm_gradient;
    table.silu_gradient = silu_gradient;
    table.gelu_gradient = gelu_gradient;
    table.gelu_exact_gradient = gelu_exact_gradient;
    table.softcap_gradient = softcap_gradient;
    table.largest = largest;
    table.exp_less = exp_less;
    table.softmax_gradient = softmax_gradient;
  }

 private:
  // dgate = dy up f'(gate), dup = dy f(gate); without a gate the first with up = 1. Either may be dy.
  template <class F>
  static void activation_gradient(const float* gate, const float* up, const float* dy, size_t n, float* dgate,
                                  float* dup, F f) {
    const auto step = [&](size_t i, auto load, auto store) {
      const Float d = load(dy + i);
      Float value, slope;
      f(load(gate + i), value, slope);
      const Float by_up = up == nullptr ? d : Isa::mul(d, load(up + i));
      store(dgate + i, Isa::mul(by_up, slope));
      if (up != nullptr) store(dup + i, Isa::mul(d, value));
    };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      step(
          i, [](const float* p) { return Isa::load(p); }, [](float* p, Float v) { Isa::store(p, v); });
    }
    if (const size_t rest = n - i; rest > 0) {
      step(
          i, [=](const float* p) { return Isa::load_n(p, rest); },
          [=](float* p, Float v) { Isa::store_n(p, v, rest); });
    }
  }
};

}  // namespace thimble
