// Sixteen floats side by side without vector instructions: the layer on which src/quant runs the searches of *_search_on.h. The
// layers of src/kernels (vec_*.h) have the same operations and give the same bits; vec_scalar.h is this one with more of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/half.h"

namespace thimble {

struct PlainLanes {
  struct Float {
    float lane[16];
  };
  struct Int {
    int32_t lane[16];
  };
  struct Mask {
    bool lane[16];
  };

  static Float zero() { return Float{}; }
  static Float set1(float x) {
    return make([&](int) { return x; });
  }
  // p needs no alignment, here and below.
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
  // Added pairwise at distances 8, 4, 2, 1.
  static float sum(Float x) {
    for (int distance = 8; distance > 0; distance /= 2) {
      for (int i = 0; i < distance; ++i) x.lane[i] += x.lane[i + distance];
    }
    return x.lane[0];
  }
  static float max_of(Float x) {
    for (int distance = 8; distance > 0; distance /= 2) {
      for (int i = 0; i < distance; ++i)
        x.lane[i] = x.lane[i] > x.lane[i + distance] ? x.lane[i] : x.lane[i + distance];
    }
    return x.lane[0];
  }
  static Mask less(Float a, Float b) {
    Mask m;
    for (int i = 0; i < 16; ++i) m.lane[i] = a.lane[i] < b.lane[i];
    return m;
  }
  static Mask equal(Float a, Float b) {
    Mask m;
    for (int i = 0; i < 16; ++i) m.lane[i] = a.lane[i] == b.lane[i];
    return m;
  }
  static uint32_t bits(Mask m) {  // bit i for lane i
    uint32_t out = 0;
    for (int i = 0; i < 16; ++i) out |= static_cast<uint32_t>(m.lane[i]) << i;
    return out;
  }
  static Float select(Mask m, Float set, Float clear) {
    return make([&](int i) { return m.lane[i] ? set.lane[i] : clear.lane[i]; });
  }
  // Toward zero; |x| < 2^31.
  static Int truncate(Float x) {
    Int out;
    for (int i = 0; i < 16; ++i) out.lane[i] = static_cast<int32_t>(x.lane[i]);
    return out;
  }
  // The low byte of each lane.
  static void store_low_bytes(uint8_t* p, Int x) {
    for (int i = 0; i < 16; ++i) p[i] = static_cast<uint8_t>(x.lane[i]);
  }
  static float from_f16(uint16_t x) { return f16_to_f32(x); }
  static uint16_t to_f16(float x) { return f32_to_f16(x); }

 protected:
  template <class F>
  static Float make(F f) {
    Float x;
    for (int i = 0; i < 16; ++i) x.lane[i] = f(i);
    return x;
  }
};

}  // namespace thimble
