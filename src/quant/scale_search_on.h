// The searches of scale_search.h on a vector layer V of sixteen lanes, a candidate a lane. Multiplications and additions are not
// fused and come in the same order on every layer, so that all give the same bits. Everything here is templated on V
// (docs/architecture.md, "Instruction sets").
#pragma once

#include "quant/scale_search.h"

namespace thimble {

template <class V>
struct SearchesOn {
  using F = typename V::Float;

  // Added to a float below 2^22 in magnitude it leaves no fraction: rounds to the nearest whole number, ties to even.
  static constexpr float kRound = 0x1.8p23f;

  static F set(float x) { return V::set1(x); }
  static F whole(F value, F low, F high) {  // low and high with kRound added
    return V::sub(V::min(V::max(V::add(value, set(kRound)), low), high), set(kRound));
  }
  // 1 / scale, and 0 where that is beyond what levels need.
  static F inverse(F scale) {
    const F magnitude = V::max(scale, V::sub(V::zero(), scale));
    return V::select(V::less(set(0x1p-60f), magnitude), V::div(set(1), scale), V::zero());
  }

  static void affine_errors(const float* x, const float* weight, size_t n, float high, AffineCandidates& c) {
    const F scale = V::load(c.scale), minimum = V::load(c.minimum), to_level = inverse(scale);
    const F low = set(kRound), top = set(kRound + high);
    F error = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F shifted = V::add(set(x[i]), minimum);
      const F rest = V::sub(shifted, V::mul(scale, whole(V::mul(shifted, to_level), low, top)));
      error = V::add(error, V::mul(set(weight[i]), V::mul(rest, rest)));
    }
    V::store(c.error, error);
  }

  static void refit_affine(const float* x, const float* weight, size_t n, float high, AffineCandidates& c) {
    const F scale = V::load(c.scale), minimum = V::load(c.minimum), to_level = inverse(scale);
    const F low = set(kRound), top = set(kRound + high);
    F w = V::zero(), wl = V::zero(), wll = V::zero(), wr = V::zero(), wrl = V::zero(), wrr = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F shifted = V::add(set(x[i]), minimum), weight_i = set(weight[i]);
      const F level = whole(V::mul(shifted, to_level), low, top);
      const F rest = V::sub(shifted, V::mul(scale, level));
      const F weighted_level = V::mul(weight_i, level), weighted_rest = V::mul(weight_i, rest);
      w = V::add(w, weight_i);
      wl = V::add(wl, weighted_level);
      wll = V::add(wll, V::mul(weighted_level, level));
      wr = V::add(wr, weighted_rest);
      wrl = V::add(wrl, V::mul(weighted_rest, level));
      wrr = V::add(wrr, V::mul(weighted_rest, rest));
    }
    // rest - a * level + b is smallest where the gradient is zero; the determinant is 0 where all levels are alike.
    const F determinant = V::sub(V::mul(wll, w), V::mul(wl, wl));
    const auto solvable = V::less(V::mul(set(0x1p-18f), V::mul(wll, w)), determinant);
    const F divisor = V::select(solvable, determinant, set(1));
    F a = V::div(V::sub(V::mul(wrl, w), V::mul(wr, wl)), divisor);
    F b = V::div(V::sub(V::mul(wrl, wl), V::mul(wr, wll)), divisor);
    F error = V::add(V::sub(wrr, V::mul(a, wrl)), V::mul(b, wr));
    // A minimum below zero becomes zero, with the scale that then suits; and where one level is all there is.
    const auto has_level = V::less(V::zero(), wll);
    const F alone = V::select(has_level, set(-1), V::zero());
    const auto below_zero = V::less(V::select(solvable, V::add(minimum, b), alone), V::zero());
    const F slope = V::sub(wrl, V::mul(minimum, wl));
    const F a_at_zero = V::div(slope, V::select(has_level, wll, set(1)));
    const F rest_at_zero =
        V::add(V::sub(wrr, V::mul(V::add(minimum, minimum), wr)), V::mul(V::mul(minimum, minimum), w));
    a = V::select(below_zero, a_at_zero, a);
    b = V::select(below_zero, V::sub(V::zero(), minimum), b);
    error = V::select(below_zero, V::sub(rest_at_zero, V::mul(a, slope)), error);
    const auto sound = V::less(V::zero(), V::select(has_level, V::add(scale, a), V::zero()));
    V::store(c.scale, V::select(sound, V::add(scale, a), scale));
    V::store(c.minimum, V::select(sound, V::add(minimum, b), minimum));
    V::store(c.error, V::max(V::select(sound, error, wrr), V::zero()));
  }

  struct Uniform {
    F low, high;
    explicit Uniform(LevelRange range) : low(set(kRound + range.low)), high(set(kRound + range.high)) {}
    F nearest(F value) const { return whole(value, low, high); }
  };

  // IQ4_NL::kValues: the lowest value and, a midpoint between neighbours each, the step that lies there.
  struct Iq4 {
    explicit Iq4(LevelRange /*range*/) {}
    F nearest(F value) const {
      F level = set(-127);
      const auto step = [&](float midpoint, float height) {
        level = V::add(level, V::select(V::less(set(midpoint), value), set(height), V::zero()));
      };
      step(-115.5f, 23), step(-93.5f, 21), step(-74, 18), step(-57, 16), step(-42, 14), step(-28.5f, 13), step(-16, 12);
      step(-4.5f, 11), step(7, 12), step(19, 12), step(31.5f, 13), step(45.5f, 15), step(61, 16), step(79, 20);
      step(101, 24);
      return level;
    }
  };

  template <class Levels>
  static void errors(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& c) {
    const F scale = V::load(c.scale), to_level = inverse(scale);
    const Levels levels(range);
    F error = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F value = set(x[i]);
      const F rest = V::sub(value, V::mul(scale, levels.nearest(V::mul(value, to_level))));
      error = V::add(error, V::mul(set(weight[i]), V::mul(rest, rest)));
    }
    V::store(c.error, error);
  }

  template <class Levels>
  static void refit(const float* x, const float* weight, size_t n, LevelRange range, ScaleCandidates& c) {
    const F scale = V::load(c.scale), to_level = inverse(scale);
    const Levels levels(range);
    F wll = V::zero(), wrl = V::zero(), wrr = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F value = set(x[i]), weight_i = set(weight[i]);
      const F level = levels.nearest(V::mul(value, to_level));
      const F rest = V::sub(value, V::mul(scale, level));
      const F weighted_rest = V::mul(weight_i, rest);
      wll = V::add(wll, V::mul(V::mul(weight_i, level), level));
      wrl = V::add(wrl, V::mul(weighted_rest, level));
      wrr = V::add(wrr, V::mul(weighted_rest, rest));
    }
    const auto solvable = V::less(V::zero(), wll);
    const F a = V::div(V::select(solvable, wrl, V::zero()), V::select(solvable, wll, set(1)));
    V::store(c.scale, V::add(scale, a));
    V::store(c.error, V::max(V::sub(wrr, V::mul(a, wrl)), V::zero()));
  }

  static constexpr ScaleSearches table() {
    return {.affine_errors = affine_errors,
            .refit_affine = refit_affine,
            .uniform_errors = errors<Uniform>,
            .refit_uniform = refit<Uniform>,
            .iq4_errors = errors<Iq4>,
            .refit_iq4 = refit<Iq4>};
  }
};

}  // namespace thimble
