// The search of the formats whose weights are entries of a codebook (IQ3_S, IQ3_XXS, IQ2_S), on a vector layer V: magnitudes of four
// or eight weights take the entry that leaves the least weighted error, sixteen entries at a time.
#pragma once

#include "quant/block_search_on.h"
#include "quant/grid_table.h"

namespace thimble {

// Which codebook, how its entries are made up, and what a scale code s means: weights are d * kUnit * (2 s + 1) * level.
template <class V>
struct Iq3SBook {
  static constexpr int kWeights = 4, kBits = 4, kEntries = 512, kSubBlocks = 8, kDigits = 8;
  static constexpr float kUnit = 1, kLevels[8] = {1, 3, 5, 7, 9, 11, 13, 15};
  static constexpr bool kHasEvenSigns = false;
  static constexpr uint16_t entry(int i) { return kIq3SGrid[static_cast<size_t>(i)]; }
};
template <class V>
struct Iq3XxsBook {
  static constexpr int kWeights = 4, kBits = 4, kEntries = 256, kSubBlocks = 8, kDigits = 8;
  static constexpr float kUnit = 0.25f, kLevels[8] = {4, 12, 20, 28, 36, 44, 52, 62};
  static constexpr bool kHasEvenSigns = true;
  static constexpr uint16_t entry(int i) { return kIq3XxsGrid[static_cast<size_t>(i)]; }
};
template <class V>
struct Iq2SBook {
  static constexpr int kWeights = 8, kBits = 2, kEntries = 1024, kSubBlocks = 16, kDigits = 3;
  static constexpr float kUnit = 0.125f, kLevels[3] = {8, 25, 43};
  static constexpr bool kHasEvenSigns = false;
  static constexpr uint16_t entry(int i) { return kIq2SGrid[static_cast<size_t>(i)]; }
};

// A codebook as the search reads it.
template <class V, class Book>
struct BookTables {
  static constexpr int kPoints = 1 << (Book::kWeights == 4 ? 12 : 16);  // three or two bits a digit
  static constexpr int kPointBits = Book::kWeights == 4 ? 3 : 2;
  alignas(64) float levels[Book::kWeights][Book::kEntries] = {};
  uint16_t entry_at[kPoints] = {};  // by digits: the entry, or kNone

  static constexpr uint16_t kNone = 0xffff;

  constexpr BookTables() {
    for (uint16_t& at : entry_at) at = kNone;
    for (int i = 0; i < Book::kEntries; ++i) {
      int point = 0;
      for (int k = 0; k < Book::kWeights; ++k) {
        const int digit = Book::entry(i) >> (k * Book::kBits) & ((1 << Book::kBits) - 1);
        levels[k][i] = Book::kLevels[digit];
        point |= digit << (k * kPointBits);
      }
      entry_at[point] = static_cast<uint16_t>(i);
    }
  }
};

template <class V, class Book>
class GridBlockSearch {
 public:
  static void fit(const float* in, const float* importance, GridBlock& out) {
    GridBlockSearch(in, importance).run(out);
  }

 private:
  using On = ScaleSearchOn<V>;
  using F = typename V::Float;
  static constexpr BookTables<V, Book> kTables = {};
  static constexpr int kSize = 256 / Book::kSubBlocks, kGroups = kSize / Book::kWeights;
  static constexpr int kHighCode = 15;

  // The levels, had every combination an entry: odd numbers, in units of half their distance.
  static constexpr float kHalfStep = (Book::kLevels[1] - Book::kLevels[0]) / 2;
  struct Odd {
    explicit Odd(const LevelSet& /*levels*/) {}
    static F digit(F value) {
      return On::whole(On::scaled(V::sub(value, On::set(1)), 0.5f), On::set(On::kRound),
                       On::set(On::kRound + Book::kDigits - 1));
    }
    F nearest(F value) const { return V::add(On::scaled(digit(value), 2), On::set(1)); }
  };

  struct Sums {
    float ll = 0, lx = 0;  // weighted, of levels, and of levels and magnitudes
  };

  GridBlockSearch(const float* in, const float* importance) : block_(in, importance) {
    for (int i = 0; i < 256; i += 8) {
      uint32_t signs = 0;
      for (int k = 0; k < 8; ++k) {
        signs |= static_cast<uint32_t>(block_.x[i + k] < 0) << k;
        magnitude_[i + k] = __builtin_fabsf(block_.x[i + k]);
      }
      if (Book::kHasEvenSigns && __builtin_parity(signs) != 0) signs ^= 1u << flip_least(i);
      signs_[i / 8] = static_cast<uint8_t>(signs);
    }
  }

  // Of eight weights the one whose sign matters least gets the wrong one.
  int flip_least(int first) {
    int least = 0;
    float least_cost = __builtin_huge_valf();
    for (int k = 0; k < 8; ++k) {
      const float cost = block_.weight[first + k] * magnitude_[first + k] * magnitude_[first + k];
      if (cost < least_cost) {
        least_cost = cost;
        least = k;
      }
    }
    magnitude_[first + least] = -magnitude_[first + least];
    return least;
  }

  void run(GridBlock& out) {
    float largest = 0;
    float scales[Book::kSubBlocks];
    for (int sub = 0; sub < Book::kSubBlocks; ++sub) {
      scales[sub] = search(sub);
      largest = On::larger(largest, scales[sub]);
    }
    float d = largest / (2 * kHighCode + 1);
    for (int pass = 0; pass < 3; ++pass) {
      out.d = block_.store(d / Book::kUnit);
      d = block_.load(out.d) * Book::kUnit;
      Sums all;
      for (int sub = 0; sub < Book::kSubBlocks; ++sub) {
        if (pass == 0) out.scales[sub] = code(scales[sub], d);
        const auto factor = static_cast<float>(2 * out.scales[sub] + 1);
        const Sums sums = choose_entries(sub, d * factor);
        all.ll += factor * factor * sums.ll;
        all.lx += factor * sums.lx;
      }
      if (all.ll > 0) d = On::larger(all.lx / all.ll, 0);
    }
    out.d = block_.store(d / Book::kUnit);
    __builtin_memcpy(out.entries, entries_, sizeof out.entries);
    __builtin_memcpy(out.signs, signs_, sizeof out.signs);
  }

  static uint8_t code(float scale, float d) {
    const float wanted = d > 0 ? (scale / d - 1) * 0.5f + 0.5f : 0;
    return static_cast<uint8_t>(wanted > 0 ? On::smaller(wanted, kHighCode) : 0);
  }

  // A sub-block's scale: from what the levels alone would want, with the entries that there are, and again.
  float search(int sub) {
    const LevelSet ends = {2 * Book::kDigits - 4, 2 * Book::kDigits - 1};
    const ScaleFit start = On::template search_scale<Odd>(magnitude_ + sub * kSize, block_.weight + sub * kSize,
                                                          static_cast<size_t>(kSize), ends, 2);
    float scale = On::larger(start.scale, 0) / kHalfStep;
    for (int pass = 0; pass < 2 && scale > 0; ++pass) {
      const Sums sums = choose_entries(sub, scale);
      scale = sums.ll > 0 ? On::larger(sums.lx / sums.ll, 0) : 0;
    }
    return scale;
  }

  Sums choose_entries(int sub, float scale) {
    const float* x = magnitude_ + sub * kSize;
    const float* weight = block_.weight + sub * kSize;
    alignas(64) uint8_t digits[kSize];
    const F to_level = On::scaled(On::inverse(On::set(scale)), 1 / kHalfStep);
    for (int i = 0; i < kSize; i += 16) {
      V::store_low_bytes(digits + i, V::truncate(Odd::digit(V::mul(V::load(x + i), to_level))));
    }
    alignas(64) float levels[kSize];
    for (int group = 0; group < kGroups; ++group) {
      const int first = group * Book::kWeights;
      int point = 0;
      for (int k = 0; k < Book::kWeights; ++k) point |= digits[first + k] << (k * kTables.kPointBits);
      int entry = kTables.entry_at[point];
      if (entry == kTables.kNone) entry = nearest_entry(x + first, weight + first, scale);
      entries_[sub * kGroups + group] = static_cast<uint16_t>(entry);
      for (int k = 0; k < Book::kWeights; ++k) levels[first + k] = kTables.levels[k][entry];
    }
    F ll = V::zero(), lx = V::zero();
    for (int i = 0; i < kSize; i += 16) {
      const F level = V::load(levels + i), weighted = V::mul(V::load(weight + i), level);
      ll = V::add(ll, V::mul(weighted, level));
      lx = V::add(lx, V::mul(weighted, V::load(x + i)));
    }
    return {V::sum(ll), V::sum(lx)};
  }

  // The entry with the least sum of weight * (x - scale * level)^2, less what all have in common.
  static int nearest_entry(const float* x, const float* weight, float scale) {
    F linear[Book::kWeights], square[Book::kWeights];
    for (int k = 0; k < Book::kWeights; ++k) {
      linear[k] = On::set(-2 * scale * weight[k] * x[k]);
      square[k] = On::set(scale * scale * weight[k]);
    }
    F best = On::set(__builtin_huge_valf()), best_at = V::zero();
    for (int i = 0; i < Book::kEntries; i += 16) {
      F cost = V::zero();
      for (int k = 0; k < Book::kWeights; ++k) {
        const F level = V::load(kTables.levels[k] + i);
        cost = V::add(cost, V::mul(level, V::add(linear[k], V::mul(square[k], level))));
      }
      const auto is_less = V::less(cost, best);
      best = V::min(cost, best);
      best_at = V::select(is_less, On::set(static_cast<float>(i)), best_at);
    }
    float least;
    const int lane = On::least_lane(best, least);
    return static_cast<int>(On::lane(best_at, lane)) + lane;
  }

  ScaledBlock<V, 256> block_;
  alignas(64) float magnitude_[256];
  uint8_t signs_[32];
  uint16_t entries_[64] = {};
};

}  // namespace thimble
