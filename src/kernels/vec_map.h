// Loops over arrays of floats, 16 at a time. The last n % 16 values go through masked loads and stores, so each value meets the same
// operations wherever it stands.
#pragma once

#include <cstddef>

namespace thimble {

template <class Isa>
struct VecMap {
  using Float = typename Isa::Float;

  // y[i] = f(in[i]...); y may be one of the inputs.
  template <class F, class... In>
  static void map(size_t n, float* y, F f, const In*... in) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) Isa::store(y + i, f(Isa::load(in + i)...));
    if (i < n) Isa::store_n(y + i, f(Isa::load_n(in + i, n - i)...), n - i);
  }

  // f(in...) summed in 16 partial sums, element i in sum i % 16.
  template <class F, class... In>
  static float sum_of(size_t n, F f, const In*... in) {
    Float sums = Isa::zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) sums = Isa::add(sums, f(Isa::load(in + i)...));
    if (i < n) sums = Isa::add(sums, Isa::select(Isa::lanes(0, n - i), f(Isa::load_n(in + i, n - i)...), Isa::zero()));
    return Isa::sum(sums);
  }
};

}  // namespace thimble
