// Sixteen floats side by side without vector instructions: the layer on which src/quant runs the searches of
// scale_search_on.h. The layers of src/kernels (vec_*.h) have the same operations and give the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace thimble {

struct PlainLanes {
  struct Float {
    float lane[16];
  };
  struct Mask {
    bool lane[16];
  };

  static Float zero() { return Float{}; }
  static Float set1(float x) {
    return make([&](int) { return x; });
  }
  static Float load(const void* p) {
    Float x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store(float* p, Float x) { std::memcpy(p, &x, sizeof x); }
  static Float add(Float a, Float b) {
    return make([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static Float sub(Float a, Float b) {
    return make([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static Float mul(Float a, Float b) {
    return make([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static Float div(Float a, Float b) {
    return make([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  // The second operand where either is NaN.
  static Float max(Float a, Float b) {
    return make([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static Float min(Float a, Float b) {
    return make([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static Mask less(Float a, Float b) {
    Mask m;
    for (int i = 0; i < 16; ++i) m.lane[i] = a.lane[i] < b.lane[i];
    return m;
  }
  static Float select(Mask m, Float set, Float clear) {
    return make([&](int i) { return m.lane[i] ? set.lane[i] : clear.lane[i]; });
  }

 private:
  template <class F>
  static Float make(F f) {
    Float x;
    for (int i = 0; i < 16; ++i) x.lane[i] = f(i);
    return x;
  }
};

}  // namespace thimble
