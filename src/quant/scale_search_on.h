// The searches of scale_search.h in a sub-block, on a vector layer V of sixteen lanes, a candidate a lane. Multiplications and
// additions are not fused and come in the same order on every layer, so that all give the same bits. Everything here is templated
// on V and calls nothing that is not (docs/architecture.md, "Instruction sets").
#pragma once

#include "quant/scale_search.h"

namespace thimble {

template <class V>
struct ScaleSearchOn {
  using F = typename V::Float;

  struct Affine {
    F scale, minimum, error;
  };
  struct Scaled {
    F scale, error;
  };

  // Added to a float below 2^22 in magnitude it leaves no fraction: rounds to the nearest whole number, ties to even.
  static constexpr float kRound = 0x1.8p23f;
  static constexpr float kIota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  static constexpr float kColumn[16] = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3};
  static constexpr float kRow[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};

  static F set(float x) { return V::set1(x); }
  static F scaled(F a, float by) { return V::mul(a, set(by)); }
  static F negative(F a) { return V::sub(V::zero(), a); }
  static float larger(float a, float b) { return a > b ? a : b; }
  static float smaller(float a, float b) { return a < b ? a : b; }
  static F whole(F value, F low, F high) {  // low and high with kRound added
    return V::sub(V::min(V::max(V::add(value, set(kRound)), low), high), set(kRound));
  }
  // 1 / scale, and 0 where that is beyond what levels need.
  static F inverse(F scale) {
    const F magnitude = V::max(scale, negative(scale));
    return V::select(V::less(set(0x1p-60f), magnitude), V::div(set(1), scale), V::zero());
  }
  static int least_lane(F error, float& least) {
    least = -V::max_of(negative(error));
    const uint32_t lanes = V::bits(V::equal(error, set(least)));
    return lanes == 0 ? 0 : __builtin_ctz(lanes);
  }
  static float lane(F x, int at) {
    alignas(64) float lanes[kCandidates];
    V::store(lanes, x);
    return lanes[at];
  }

  struct Range {
    float least, largest;
  };
  static Range range(const float* x, size_t n) {
    F largest = V::load(x), below = negative(largest);
    for (size_t i = 16; i < n; i += 16) {
      const F more = V::load(x + i);
      largest = V::max(more, largest);
      below = V::max(negative(more), below);
    }
    return {-V::max_of(below), V::max_of(largest)};
  }

  // ---- with a minimum ----

  static F affine_errors(const float* x, const float* weight, size_t n, float high, F scale, F minimum) {
    const F to_level = inverse(scale), low = set(kRound), top = set(kRound + high);
    F error = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F shifted = V::add(set(x[i]), minimum);
      const F rest = V::sub(shifted, V::mul(scale, whole(V::mul(shifted, to_level), low, top)));
      error = V::add(error, V::mul(set(weight[i]), V::mul(rest, rest)));
    }
    return error;
  }

  struct AffineSums {
    F w, wl, wll, wr, wrl, wrr;  // of weights, levels and rests
  };
  static AffineSums affine_sums(const float* x, const float* weight, size_t n, float high, F scale, F minimum) {
    const F to_level = inverse(scale), low = set(kRound), top = set(kRound + high);
    AffineSums s = {V::zero(), V::zero(), V::zero(), V::zero(), V::zero(), V::zero()};
    for (size_t i = 0; i < n; ++i) {
      const F shifted = V::add(set(x[i]), minimum), weight_i = set(weight[i]);
      const F level = whole(V::mul(shifted, to_level), low, top);
      const F rest = V::sub(shifted, V::mul(scale, level));
      const F weighted_level = V::mul(weight_i, level), weighted_rest = V::mul(weight_i, rest);
      s.w = V::add(s.w, weight_i);
      s.wl = V::add(s.wl, weighted_level);
      s.wll = V::add(s.wll, V::mul(weighted_level, level));
      s.wr = V::add(s.wr, weighted_rest);
      s.wrl = V::add(s.wrl, V::mul(weighted_rest, level));
      s.wrr = V::add(s.wrr, V::mul(weighted_rest, rest));
    }
    return s;
  }

  static Affine refit_affine(const float* x, const float* weight, size_t n, float high, F scale, F minimum) {
    const AffineSums s = affine_sums(x, weight, n, high, scale, minimum);
    // rest - a * level + b is smallest where the gradient is zero; the determinant is 0 where all levels are alike.
    const F determinant = V::sub(V::mul(s.wll, s.w), V::mul(s.wl, s.wl));
    const auto solvable = V::less(scaled(V::mul(s.wll, s.w), 0x1p-18f), determinant);
    const F divisor = V::select(solvable, determinant, set(1));
    F a = V::div(V::sub(V::mul(s.wrl, s.w), V::mul(s.wr, s.wl)), divisor);
    F b = V::div(V::sub(V::mul(s.wrl, s.wl), V::mul(s.wr, s.wll)), divisor);
    F error = V::add(V::sub(s.wrr, V::mul(a, s.wrl)), V::mul(b, s.wr));
    // A minimum below zero becomes zero, with the scale that then suits; and where one level is all there is.
    const auto has_level = V::less(V::zero(), s.wll);
    const F alone = V::select(has_level, set(-1), V::zero());
    const auto below_zero = V::less(V::select(solvable, V::add(minimum, b), alone), V::zero());
    const F slope = V::sub(s.wrl, V::mul(minimum, s.wl));
    const F a_at_zero = V::div(slope, V::select(has_level, s.wll, set(1)));
    const F rest_at_zero =
        V::add(V::sub(s.wrr, V::mul(scaled(minimum, 2), s.wr)), V::mul(V::mul(minimum, minimum), s.w));
    a = V::select(below_zero, a_at_zero, a);
    b = V::select(below_zero, negative(minimum), b);
    error = V::select(below_zero, V::sub(rest_at_zero, V::mul(a, slope)), error);
    const auto sound = V::less(V::zero(), V::select(has_level, V::add(scale, a), V::zero()));
    return {V::select(sound, V::add(scale, a), scale), V::select(sound, V::add(minimum, b), minimum),
            V::max(V::select(sound, error, s.wrr), V::zero())};
  }

  static void keep_best(const Affine& candidates, AffineFit& best) {
    float error;
    const int at = least_lane(candidates.error, error);
    if (error < best.error) best = {lane(candidates.scale, at), lane(candidates.minimum, at), error};
  }

  static AffineFit search_affine(const float* x, const float* weight, size_t n, float high, int rounds) {
    const Range ends = range(x, n);
    const float least = smaller(ends.least, 0);
    const float width = ends.largest - least;
    if (!(width > 0)) return {0, -least, 0};
    AffineFit best{0, -least, __builtin_huge_valf()};
    // Both ends of the levels by parts of a step outside or inside the range: what is cut off takes the outermost levels.
    static constexpr float kCutsBelow[16] = {-0.3f, -0.3f, -0.3f, -0.3f, 0.05f, 0.05f, 0.05f, 0.05f,
                                             0.4f,  0.4f,  0.4f,  0.4f,  0.8f,  0.8f,  0.8f,  0.8f};
    static constexpr float kCutsAbove[16] = {-0.3f, 0.05f, 0.4f, 0.8f, -0.3f, 0.05f, 0.4f, 0.8f,
                                             -0.3f, 0.05f, 0.4f, 0.8f, -0.3f, 0.05f, 0.4f, 0.8f};
    const F cut_below = V::load(kCutsBelow);
    const F scale = V::div(set(width), V::add(V::add(set(high), cut_below), V::load(kCutsAbove)));
    const F minimum = V::max(V::sub(set(-least), V::mul(cut_below, scale)), V::zero());
    keep_best(refit_affine(x, weight, n, high, scale, minimum), best);
    const F column = V::sub(V::load(kColumn), set(1.5f)), row = V::sub(V::load(kRow), set(1.5f));
    float reach = 0.6f;
    for (int round = 1; round < rounds; ++round, reach *= 0.5f) {
      const F scales = V::add(set(best.scale), scaled(column, best.scale * (reach / high)));
      const F minima = V::max(V::add(set(best.minimum), V::mul(scaled(row, reach * 0.5f), scales)), V::zero());
      keep_best(refit_affine(x, weight, n, high, scales, minima), best);
    }
    return best;
  }

  // ---- without ----

  struct Uniform {
    F low, high;
    explicit Uniform(const LevelSet& levels) : low(set(kRound + levels.low)), high(set(kRound + levels.high)) {}
    F nearest(F value) const { return whole(value, low, high); }
  };

  // IQ4_NL::kValues: the lowest value and, a midpoint between neighbours each, the step that lies there.
  struct Iq4 {
    explicit Iq4(const LevelSet& /*levels*/) {}
    F nearest(F value) const {
      static constexpr float kMidpoints[15] = {-115.5f, -93.5f, -74,   -57,   -42, -28.5f, -16, -4.5f,
                                               7,       19,     31.5f, 45.5f, 61,  79,     101};
      static constexpr float kSteps[15] = {23, 21, 18, 16, 14, 13, 12, 11, 12, 12, 13, 15, 16, 20, 24};
      F level = set(-127);
      for (int i = 0; i < 15; ++i) {
        level = V::add(level, V::select(V::less(set(kMidpoints[i]), value), set(kSteps[i]), V::zero()));
      }
      return level;
    }
  };

  template <class Levels>
  static F scale_errors(const float* x, const float* weight, size_t n, const Levels& levels, F scale) {
    const F to_level = inverse(scale);
    F error = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F value = set(x[i]);
      const F rest = V::sub(value, V::mul(scale, levels.nearest(V::mul(value, to_level))));
      error = V::add(error, V::mul(set(weight[i]), V::mul(rest, rest)));
    }
    return error;
  }

  template <class Levels>
  static Scaled refit_scale(const float* x, const float* weight, size_t n, const Levels& levels, F scale) {
    const F to_level = inverse(scale);
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
    return {V::add(scale, a), V::max(V::sub(wrr, V::mul(a, wrl)), V::zero())};
  }

  static void keep_best(const Scaled& candidates, ScaleFit& best) {
    float error;
    const int at = least_lane(candidates.error, error);
    if (error < best.error) best = {lane(candidates.scale, at), error};
  }

  template <class Levels>
  static ScaleFit search_scale(const float* x, const float* weight, size_t n, const LevelSet& set_of_levels,
                               int rounds) {
    const Levels levels(set_of_levels);
    const Range ends = range(x, n);
    const float peak = -ends.least > ends.largest ? ends.least : ends.largest;
    if (peak == 0) return {0, 0};
    ScaleFit best{0, __builtin_huge_valf()};
    // The weight of largest magnitude at the end of the levels that reaches further, or at the other, or a little clipped.
    static constexpr float kSteps[16] = {-4, -3, -2, -1, 0, 1, 2, 3, -4, -3, -2, -1, 0, 1, 2, 3};
    const float width = set_of_levels.high - set_of_levels.low;
    const float spread = 0.1f * smaller(1, 8 / width);
    const F end = V::select(V::less(V::load(kIota), set(8)), set(set_of_levels.low), set(set_of_levels.high));
    const F reaches = V::mul(end, V::add(set(1), scaled(V::load(kSteps), spread)));
    keep_best(refit_scale(x, weight, n, levels, V::div(set(peak), reaches)), best);
    const F around = V::sub(V::load(kIota), set(7.5f));
    float reach = 0.15f / width;
    for (int round = 1; round < rounds; ++round, reach *= 0.4f) {
      const F scale = V::add(set(best.scale), scaled(around, best.scale * reach));
      keep_best(refit_scale(x, weight, n, levels, scale), best);
    }
    return best;
  }
};

}  // namespace thimble
