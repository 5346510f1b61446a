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

  // Of weights and x, the same for all candidates.
  struct Moments {
    F w, wx, wxx;
  };
  static Moments moments(const float* x, const float* weight, size_t n) {
    F w = V::zero(), wx = V::zero(), wxx = V::zero();
    for (size_t i = 0; i < n; i += 16) {
      const F value = V::load(x + i), weight_i = V::load(weight + i), weighted = V::mul(weight_i, value);
      w = V::add(w, weight_i);
      wx = V::add(wx, weighted);
      wxx = V::add(wxx, V::mul(weighted, value));
    }
    return {set(V::sum(w)), set(V::sum(wx)), set(V::sum(wxx))};
  }

  // With levels: sums of weight * level, weight * level^2 and weight * level * x.
  struct LevelSums {
    F wl, wll, wlx;
  };
  static LevelSums affine_sums(const float* x, const float* weight, size_t n, float high, F scale, F minimum) {
    const F to_level = inverse(scale), low = set(kRound), top = set(kRound + high);
    LevelSums s = {V::zero(), V::zero(), V::zero()};
    for (size_t i = 0; i < n; ++i) {
      const F value = set(x[i]);
      const F level = whole(V::mul(V::add(value, minimum), to_level), low, top);
      const F weighted = V::mul(set(weight[i]), level);
      s.wl = V::add(s.wl, weighted);
      s.wll = V::add(s.wll, V::mul(weighted, level));
      s.wlx = V::add(s.wlx, V::mul(weighted, value));
    }
    return s;
  }

  // What scale and minimum leave with levels of these sums.
  static F affine_error(const Moments& m, const LevelSums& s, F scale, F minimum) {
    const F slope = V::sub(V::mul(scale, s.wll), scaled(V::add(s.wlx, V::mul(minimum, s.wl)), 2));
    const F offset = V::add(V::mul(minimum, m.w), scaled(m.wx, 2));
    return V::add(m.wxx, V::add(V::mul(scale, slope), V::mul(minimum, offset)));
  }

  static Affine refit_affine(const float* x, const float* weight, size_t n, float high, const Moments& m, F scale,
                             F minimum) {
    const LevelSums s = affine_sums(x, weight, n, high, scale, minimum);
    // The error is smallest where its gradient is zero; the determinant is 0 where all levels are alike.
    const F determinant = V::sub(V::mul(s.wll, m.w), V::mul(s.wl, s.wl));
    const auto solvable = V::less(scaled(V::mul(s.wll, m.w), 0x1p-18f), determinant);
    const F divisor = V::select(solvable, determinant, set(1));
    const F free_scale = V::div(V::sub(V::mul(s.wlx, m.w), V::mul(m.wx, s.wl)), divisor);
    const F free_minimum = V::div(V::sub(V::mul(s.wlx, s.wl), V::mul(m.wx, s.wll)), divisor);
    // A minimum below zero becomes zero, with the scale that then suits; and where one level is all there is.
    const auto has_level = V::less(V::zero(), s.wll);
    const auto below_zero = V::less(V::select(solvable, free_minimum, set(-1)), V::zero());
    const F scale_at_zero = V::div(s.wlx, V::select(has_level, s.wll, set(1)));
    const F new_scale = V::select(below_zero, scale_at_zero, free_scale);
    const auto sound = V::less(V::zero(), V::select(has_level, new_scale, V::zero()));
    const F out_scale = V::select(sound, new_scale, scale);
    const F out_minimum = V::select(sound, V::select(below_zero, V::zero(), free_minimum), minimum);
    return {out_scale, out_minimum, V::max(affine_error(m, s, out_scale, out_minimum), V::zero())};
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
    const Moments sums = moments(x, weight, n);
    keep_best(refit_affine(x, weight, n, high, sums, scale, minimum), best);
    const F column = V::sub(V::load(kColumn), set(1.5f)), row = V::sub(V::load(kRow), set(1.5f));
    float reach = 0.6f;
    for (int round = 1; round < rounds; ++round, reach *= 0.5f) {
      const F scales = V::add(set(best.scale), scaled(column, best.scale * (reach / high)));
      const F minima = V::max(V::add(set(best.minimum), V::mul(scaled(row, reach * 0.5f), scales)), V::zero());
      keep_best(refit_affine(x, weight, n, high, sums, scales, minima), best);
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
  static Scaled refit_scale(const float* x, const float* weight, size_t n, const Levels& levels, const Moments& m,
                            F scale) {
    const F to_level = inverse(scale);
    F wll = V::zero(), wlx = V::zero();
    for (size_t i = 0; i < n; ++i) {
      const F value = set(x[i]);
      const F level = levels.nearest(V::mul(value, to_level));
      const F weighted = V::mul(set(weight[i]), level);
      wll = V::add(wll, V::mul(weighted, level));
      wlx = V::add(wlx, V::mul(weighted, value));
    }
    const auto solvable = V::less(V::zero(), wll);
    const F out = V::select(solvable, V::div(wlx, V::select(solvable, wll, set(1))), V::zero());
    return {out, V::max(V::sub(m.wxx, V::mul(out, wlx)), V::zero())};
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
    const Moments sums = moments(x, weight, n);
    keep_best(refit_scale(x, weight, n, levels, sums, V::div(set(peak), reaches)), best);
    const F around = V::sub(V::load(kIota), set(7.5f));
    float reach = 0.15f / width;
    for (int round = 1; round < rounds; ++round, reach *= 0.4f) {
      const F scale = V::add(set(best.scale), scaled(around, best.scale * reach));
      keep_best(refit_scale(x, weight, n, levels, sums, scale), best);
    }
    return best;
  }
};

}  // namespace thimble
