// The searches of scale_search.h in a block, on a vector layer V: first each sub-block alone, then codes and levels together.
#pragma once

#include "quant/scale_search_on.h"

namespace thimble {

// A block as the searches want it: moved by a power of two so that the largest weight is 1..2 in magnitude, with how much an error at
// each weight counts. Powers of two are exact, and no square overflows.
template <class V, int N>
struct ScaledBlock {
  using On = ScaleSearchOn<V>;
  using F = typename V::Float;
  alignas(64) float x[N];
  alignas(64) float weight[N];
  float unit;    // x * unit is what was given
  float to_one;  // 1 / unit

  ScaledBlock(const float* in, const float* importance) {
    const typename On::Range ends = On::range(in, N);
    const float peak = On::larger(-ends.least, ends.largest);
    // A peak below the normal numbers is far below the least scale that binary16 has.
    uint32_t exponent = __builtin_bit_cast(uint32_t, peak) >> 23;
    if (exponent == 0) exponent = 1;
    unit = __builtin_bit_cast(float, exponent << 23);
    to_one = 1 / unit;
    F squares = V::zero();
    for (int i = 0; i < N; i += 16) {
      const F value = On::scaled(V::load(in + i), to_one);
      squares = V::add(squares, V::mul(value, value));
      V::store(x + i, value);
    }
    weigh(importance, 4 * square_root(V::sum(squares) / N));
  }

  // A scale in x's units as binary16 bits of the given one, the largest finite where it is beyond, and such bits in x's units.
  uint16_t store(float scale) const { return V::to_f16(On::smaller(On::larger(scale * unit, -65504.0f), 65504.0f)); }
  float load(uint16_t bits) const { return V::from_f16(bits) * to_one; }

 private:
  static float square_root(float value) { return __builtin_sqrtf(value); }

  // No weight counts for nothing, so that each level is settled by something.
  void weigh(const float* importance, float offset) {
    constexpr float kLeast = 1e-6f;  // of the largest importance in the block
    const float largest = importance == nullptr ? 0 : On::range(importance, N).largest;
    for (int i = 0; i < N; i += 16) {
      const F value = V::load(x + i);
      F share = On::set(1);
      if (largest > 0) share = V::max(V::div(V::load(importance + i), On::set(largest)), On::set(kLeast));
      V::store(weight + i, V::mul(share, V::add(V::max(value, On::negative(value)), On::set(offset))));
    }
  }
};

template <class V>
class AffineBlockSearch {
 public:
  static void fit(const float* in, const float* importance, const AffineFormat& format, AffineBlock& out) {
    const ScaledBlock<V, 256> block(in, importance);
    AffineBlockSearch(block, format).run(out);
  }

 private:
  using On = ScaleSearchOn<V>;
  using F = typename V::Float;

  struct Trial {
    uint16_t d = 0, dmin = 0;
    uint8_t scales[16] = {}, minima[16] = {};
    float error = __builtin_huge_valf();
  };

  AffineBlockSearch(const ScaledBlock<V, 256>& block, const AffineFormat& format)
      : block_(block), format_(format), size_(256 / format.sub_blocks) {}

  const float* x(int sub) const { return block_.x + sub * size_; }
  const float* weight(int sub) const { return block_.weight + sub * size_; }

  void run(AffineBlock& out) {
    float largest_scale = 0, largest_minimum = 0;
    for (int sub = 0; sub < format_.sub_blocks; ++sub) {
      fits_[sub] = On::search_affine(x(sub), weight(sub), static_cast<size_t>(size_), format_.high, format_.rounds);
      largest_scale = On::larger(largest_scale, fits_[sub].scale);
      largest_minimum = On::larger(largest_minimum, fits_[sub].minimum);
    }
    Trial best;
    for (int beginning = 0; beginning < format_.beginnings; ++beginning) {
      const float top = static_cast<float>(format_.high_code) - 0.75f * static_cast<float>(beginning);
      improve(largest_scale / top, largest_minimum / top, best);
    }
    write(best, out);
  }

  // Codes for d and dmin, then d and dmin for the codes and their levels, and again, while it helps.
  void improve(float d, float dmin, Trial& best) const {
    for (int pass = 0; pass < format_.passes; ++pass) {
      Trial trial;
      trial.d = block_.store(d);
      trial.dmin = block_.store(dmin);
      choose_codes(trial);
      const bool is_better = trial.error < best.error;
      if (is_better) best = trial;
      if ((pass > 0 && !is_better) || pass + 1 == format_.passes) return;
      refit(trial, d, dmin);
    }
  }

  int code_below(float value, float unit) const {
    const float code = unit > 0 ? On::smaller(value / unit, 255) : 0;
    const int first = static_cast<int>(code) - 1;
    return first < 0 ? 0 : first > format_.high_code - 3 ? format_.high_code - 3 : first;
  }

  // Of each sub-block the best of four scales by four minima around its own fit.
  void choose_codes(Trial& trial) const {
    const float d = block_.load(trial.d), dmin = block_.load(trial.dmin);
    trial.error = 0;
    for (int sub = 0; sub < format_.sub_blocks; ++sub) {
      const int scale = code_below(fits_[sub].scale, d);
      const int minimum = code_below(fits_[sub].minimum, dmin);
      const F scales = On::scaled(V::add(V::load(On::kColumn), On::set(static_cast<float>(scale))), d);
      const F minima = On::scaled(V::add(V::load(On::kRow), On::set(static_cast<float>(minimum))), dmin);
      float error;
      const int at = On::least_lane(
          On::affine_errors(x(sub), weight(sub), static_cast<size_t>(size_), format_.high, scales, minima), error);
      trial.scales[sub] = static_cast<uint8_t>(scale + at % 4);
      trial.minima[sub] = static_cast<uint8_t>(minimum + at / 4);
      trial.error += error;
    }
  }

  // Of sixteen weights of a sub-block.
  F levels(const Trial& trial, int sub, F value) const {
    const float minimum = block_.load(trial.dmin) * static_cast<float>(trial.minima[sub]);
    const F to_level = On::inverse(On::set(block_.load(trial.d) * static_cast<float>(trial.scales[sub])));
    return On::whole(V::mul(V::add(value, On::set(minimum)), to_level), On::set(On::kRound),
                     On::set(On::kRound + format_.high));
  }

  // The d and dmin that suit a block's codes and levels best.
  void refit(const Trial& trial, float& d, float& dmin) const {
    F aa = V::zero(), ab = V::zero(), bb = V::zero(), ax = V::zero(), bx = V::zero();
    for (int i = 0; i < 256; i += 16) {
      const int sub = i / size_;
      const F value = V::load(block_.x + i), w = V::load(block_.weight + i);
      const F a = On::scaled(levels(trial, sub, value), static_cast<float>(trial.scales[sub]));
      const F wa = V::mul(w, a), wb = On::scaled(w, -static_cast<float>(trial.minima[sub]));
      aa = V::add(aa, V::mul(wa, a));
      ab = V::add(ab, V::mul(wb, a));
      bb = V::add(bb, On::scaled(wb, -static_cast<float>(trial.minima[sub])));
      ax = V::add(ax, V::mul(wa, value));
      bx = V::add(bx, V::mul(wb, value));
    }
    const double saa = V::sum(aa), sab = V::sum(ab), sbb = V::sum(bb), sax = V::sum(ax), sbx = V::sum(bx);
    const double determinant = saa * sbb - sab * sab;
    if (determinant > 1e-5 * saa * sbb) {
      d = static_cast<float>((sax * sbb - sbx * sab) / determinant);
      dmin = static_cast<float>((sbx * saa - sax * sab) / determinant);
    } else if (saa > 0 && !(sbb > 0)) {
      d = static_cast<float>(sax / saa);
    }
    d = On::larger(d, 0);
    dmin = On::larger(dmin, 0);
  }

  void write(const Trial& trial, AffineBlock& out) const {
    out.d = trial.d;
    out.dmin = trial.dmin;
    __builtin_memcpy(out.scales, trial.scales, sizeof out.scales);
    __builtin_memcpy(out.minima, trial.minima, sizeof out.minima);
    for (int i = 0; i < 256; i += 16) {
      V::store_low_bytes(out.levels + i, V::truncate(levels(trial, i / size_, V::load(block_.x + i))));
    }
  }

  const ScaledBlock<V, 256>& block_;
  const AffineFormat& format_;
  int size_;  // of a sub-block
  AffineFit fits_[16];
};

template <class V, class Levels>
class SymmetricBlockSearch {
 public:
  static void fit(const float* in, const float* importance, const SymmetricFormat& format, SymmetricBlock& out) {
    const ScaledBlock<V, 256> block(in, importance);
    SymmetricBlockSearch(block, format).run(out);
  }

 private:
  using On = ScaleSearchOn<V>;
  using F = typename V::Float;

  struct Trial {
    uint16_t d = 0;
    int8_t scales[16] = {};
    float error = __builtin_huge_valf();
  };

  SymmetricBlockSearch(const ScaledBlock<V, 256>& block, const SymmetricFormat& format)
      : block_(block), format_(format), levels_(format.levels), size_(256 / format.sub_blocks) {}

  const float* x(int sub) const { return block_.x + sub * size_; }
  const float* weight(int sub) const { return block_.weight + sub * size_; }

  void run(SymmetricBlock& out) {
    float peak = 0;
    for (int sub = 0; sub < format_.sub_blocks; ++sub) {
      fits_[sub] = On::template search_scale<Levels>(x(sub), weight(sub), static_cast<size_t>(size_), format_.levels,
                                                     format_.rounds);
      if (__builtin_fabsf(fits_[sub].scale) > __builtin_fabsf(peak)) peak = fits_[sub].scale;
    }
    Trial best;
    for (int beginning = 0; beginning < format_.beginnings; ++beginning) {
      improve(peak / (static_cast<float>(format_.low_code) + 0.6f * static_cast<float>(beginning)), best);
    }
    write(best, out);
  }

  // Codes for d, then d for the codes and their levels, and again, while it helps; at last a d for the best codes.
  void improve(float d, Trial& best) const {
    for (int pass = 0; pass < format_.passes; ++pass) {
      Trial trial;
      trial.d = block_.store(d);
      choose_codes(trial);
      const bool is_better = trial.error < best.error;
      if (is_better) best = trial;
      if (pass > 0 && !is_better) return;
      d = refit(trial, d);
    }
    Trial trial = best;
    trial.d = block_.store(d);
    trial.error = error_of(trial);
    if (trial.error < best.error) best = trial;
  }

  float error_of(const Trial& trial) const {
    F error = V::zero();
    for (int i = 0; i < 256; i += 16) {
      const int sub = i / size_;
      const F value = V::load(block_.x + i);
      const float scale = block_.load(trial.d) * static_cast<float>(trial.scales[sub]);
      const F rest = V::sub(value, On::scaled(levels(trial, sub, value), scale));
      error = V::add(error, V::mul(V::load(block_.weight + i), V::mul(rest, rest)));
    }
    return V::sum(error);
  }

  // Of each sub-block the best of sixteen scales around its own fit.
  void choose_codes(Trial& trial) const {
    const float d = block_.load(trial.d);
    trial.error = 0;
    for (int sub = 0; sub < format_.sub_blocks; ++sub) {
      const float own = d != 0 ? On::smaller(On::larger(fits_[sub].scale / d, -255), 255) : 0;
      int first = static_cast<int>(own + 256) - 263;  // seven below, rounded down
      if (first < format_.low_code) first = format_.low_code;
      if (first > -format_.low_code - kCandidates) first = -format_.low_code - kCandidates;
      const F scales = On::scaled(V::add(V::load(On::kIota), On::set(static_cast<float>(first))), d);
      float error;
      const int at =
          On::least_lane(On::scale_errors(x(sub), weight(sub), static_cast<size_t>(size_), levels_, scales), error);
      trial.scales[sub] = static_cast<int8_t>(first + at);
      trial.error += error;
    }
  }

  F levels(const Trial& trial, int sub, F value) const {
    const F to_level = On::inverse(On::set(block_.load(trial.d) * static_cast<float>(trial.scales[sub])));
    return levels_.nearest(V::mul(value, to_level));
  }

  // The d that suits a block's codes and levels best.
  float refit(const Trial& trial, float d) const {
    F aa = V::zero(), ax = V::zero();
    for (int i = 0; i < 256; i += 16) {
      const int sub = i / size_;
      const F value = V::load(block_.x + i);
      const F a = On::scaled(levels(trial, sub, value), static_cast<float>(trial.scales[sub]));
      const F wa = V::mul(V::load(block_.weight + i), a);
      aa = V::add(aa, V::mul(wa, a));
      ax = V::add(ax, V::mul(wa, value));
    }
    const float sum = V::sum(aa);
    return sum > 0 ? V::sum(ax) / sum : d;
  }

  void write(const Trial& trial, SymmetricBlock& out) const {
    out.d = trial.d;
    __builtin_memcpy(out.scales, trial.scales, sizeof out.scales);
    for (int i = 0; i < 256; i += 16) {
      V::store_low_bytes(reinterpret_cast<uint8_t*>(out.levels) + i,
                         V::truncate(levels(trial, i / size_, V::load(block_.x + i))));
    }
  }

  const ScaledBlock<V, 256>& block_;
  const SymmetricFormat& format_;
  const Levels levels_;
  int size_;  // of a sub-block
  ScaleFit fits_[16];
};

// 32 weights with one binary16 scale, or a scale and an offset, as the search finds them.
template <class V>
struct SingleBlockSearch {
  using On = ScaleSearchOn<V>;
  using F = typename V::Float;
  static constexpr int kRounds = 2;
  static constexpr int kIq4Rounds = 3;

  // The finite binary16 so many steps further from zero.
  static uint16_t neighbour(uint16_t bits, int steps) {
    int magnitude = (bits & 0x7fff) + steps;
    magnitude = magnitude < 0 ? 0 : magnitude > 0x7bff ? 0x7bff : magnitude;
    return static_cast<uint16_t>((bits & 0x8000) | magnitude);
  }

  static void store_levels(F level, int at, SingleBlock& out) {
    V::store_low_bytes(reinterpret_cast<uint8_t*>(out.levels) + at, V::truncate(level));
  }

  template <class Levels, int kSearchRounds>
  static void fit(const float* in, const float* importance, const LevelSet& set_of_levels, SingleBlock& out) {
    const ScaledBlock<V, 32> block(in, importance);
    const Levels levels(set_of_levels);
    const ScaleFit found = On::template search_scale<Levels>(block.x, block.weight, 32, set_of_levels, kSearchRounds);
    out.d = block.store(found.scale);
    out.m = 0;
    const F to_level = On::inverse(On::set(block.load(out.d)));
    for (int i = 0; i < 32; i += 16) store_levels(levels.nearest(V::mul(V::load(block.x + i), to_level)), i, out);
  }

  static void fit_affine(const float* in, const float* importance, float high, SingleBlock& out) {
    const ScaledBlock<V, 32> block(in, importance);
    // Offsets have any sign here: seen from the largest weight every minimum is above zero, as the searches want it.
    const float largest = On::range(block.x, 32).largest;
    alignas(64) float below[32];
    for (int i = 0; i < 32; i += 16) V::store(below + i, V::sub(V::load(block.x + i), On::set(largest)));
    const AffineFit found = On::search_affine(below, block.weight, 32, high, kRounds);
    // An offset of many steps is rounded by a part of a step that counts: the neighbours of both are tried.
    const uint16_t d = block.store(found.scale), m = block.store(largest - found.minimum);
    alignas(64) float scales[kCandidates], minima[kCandidates];
    for (int i = 0; i < kCandidates; ++i) {
      scales[i] = block.load(neighbour(d, i % 4 - 1));
      minima[i] = largest - block.load(neighbour(m, i / 4 - 1));
    }
    float error;
    const int at =
        On::least_lane(On::affine_errors(below, block.weight, 32, high, V::load(scales), V::load(minima)), error);
    out.d = neighbour(d, at % 4 - 1);
    out.m = neighbour(m, at / 4 - 1);
    const F to_level = On::inverse(On::set(scales[at])), minimum = On::set(minima[at]);
    for (int i = 0; i < 32; i += 16) {
      store_levels(On::whole(V::mul(V::add(V::load(below + i), minimum), to_level), On::set(On::kRound),
                             On::set(On::kRound + high)),
                   i, out);
    }
  }
};

}  // namespace thimble
