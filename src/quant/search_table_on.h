// The table of scale_search.h on a vector layer V.
#pragma once

#include "quant/block_search_on.h"
#include "quant/grid_search_on.h"

namespace thimble {

template <class V>
struct SearchTable {
  using On = ScaleSearchOn<V>;
  using Uniform = typename On::Uniform;
  using Iq4 = typename On::Iq4;
  using Single = SingleBlockSearch<V>;

  static void affine_errors(const float* x, const float* weight, size_t n, float high, AffineCandidates& c) {
    V::store(c.error, On::affine_errors(x, weight, n, high, V::load(c.scale), V::load(c.minimum)));
  }
  static void refit_affine(const float* x, const float* weight, size_t n, float high, AffineCandidates& c) {
    const typename On::Affine out =
        On::refit_affine(x, weight, n, high, On::moments(x, weight, n), V::load(c.scale), V::load(c.minimum));
    V::store(c.scale, out.scale);
    V::store(c.minimum, out.minimum);
    V::store(c.error, out.error);
  }
  static void scale_errors(const float* x, const float* weight, size_t n, const LevelSet& levels, ScaleCandidates& c) {
    const auto scale = V::load(c.scale);
    V::store(c.error, levels.is_iq4 ? On::scale_errors(x, weight, n, Iq4(levels), scale)
                                    : On::scale_errors(x, weight, n, Uniform(levels), scale));
  }
  static void refit_scale(const float* x, const float* weight, size_t n, const LevelSet& levels, ScaleCandidates& c) {
    const typename On::Moments moments = On::moments(x, weight, n);
    const auto scale = V::load(c.scale);
    const typename On::Scaled out = levels.is_iq4 ? On::refit_scale(x, weight, n, Iq4(levels), moments, scale)
                                                  : On::refit_scale(x, weight, n, Uniform(levels), moments, scale);
    V::store(c.scale, out.scale);
    V::store(c.error, out.error);
  }
  static ScaleFit search_scale(const float* x, const float* weight, size_t n, const LevelSet& levels, int rounds) {
    return levels.is_iq4 ? On::template search_scale<Iq4>(x, weight, n, levels, rounds)
                         : On::template search_scale<Uniform>(x, weight, n, levels, rounds);
  }
  static void fit_symmetric(const float* x, const float* importance, const SymmetricFormat& format,
                            SymmetricBlock& out) {
    if (format.levels.is_iq4) {
      SymmetricBlockSearch<V, Iq4>::fit(x, importance, format, out);
    } else {
      SymmetricBlockSearch<V, Uniform>::fit(x, importance, format, out);
    }
  }
  static void fit_single(const float* x, const float* importance, const LevelSet& levels, SingleBlock& out) {
    if (levels.is_iq4) {
      Single::template fit<Iq4, Single::kIq4Rounds>(x, importance, levels, out);
    } else {
      Single::template fit<Uniform, Single::kRounds>(x, importance, levels, out);
    }
  }
};

template <class V>
constexpr ScaleSearches searches_on() {
  using Table = SearchTable<V>;
  return {.affine_errors = Table::affine_errors,
          .scale_errors = Table::scale_errors,
          .refit_affine = Table::refit_affine,
          .refit_scale = Table::refit_scale,
          .search_affine = ScaleSearchOn<V>::search_affine,
          .search_scale = Table::search_scale,
          .fit_affine = AffineBlockSearch<V>::fit,
          .fit_symmetric = Table::fit_symmetric,
          .fit_single = Table::fit_single,
          .fit_single_affine = SingleBlockSearch<V>::fit_affine,
          .fit_iq3_s = GridBlockSearch<V, Iq3SBook<V>>::fit,
          .fit_iq3_xxs = GridBlockSearch<V, Iq3XxsBook<V>>::fit,
          .fit_iq2_s = GridBlockSearch<V, Iq2SBook<V>>::fit};
}

}  // namespace thimble
