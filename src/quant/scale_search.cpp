#include "quant/scale_search.h"

#include <algorithm>
#include <cmath>

#include "quant/lanes.h"
#include "quant/scale_search_on.h"

namespace thimble {
namespace {

template <class Candidates>
int least_error(const Candidates& candidates) {
  return static_cast<int>(std::min_element(candidates.error, candidates.error + kCandidates) - candidates.error);
}

// Takes the best of the candidates where it is better than what there is.
void keep_best(const AffineCandidates& candidates, AffineFit& best) {
  const int at = least_error(candidates);
  if (candidates.error[at] >= best.error) return;
  best = {candidates.scale[at], candidates.minimum[at], candidates.error[at]};
}

void keep_best(const ScaleCandidates& candidates, ScaleFit& best) {
  const int at = least_error(candidates);
  if (candidates.error[at] >= best.error) return;
  best = {candidates.scale[at], candidates.error[at]};
}

}  // namespace

const ScaleSearches& plain_searches() {
  static constexpr ScaleSearches kTable = SearchesOn<PlainLanes>::table();
  return kTable;
}

AffineFit search_affine(const ScaleSearches& searches, const float* x, const float* weight, size_t n, float high,
                        int rounds) {
  const auto [least_at, largest_at] = std::minmax_element(x, x + n);
  const float least = std::min(*least_at, 0.0f);
  const float range = *largest_at - least;
  AffineFit best{0, -least, HUGE_VALF};
  if (!(range > 0)) return best.error = 0, best;
  // Both ends of the levels by parts of a step outside or inside the range: what is cut off takes the outermost levels.
  constexpr float kCuts[] = {-0.3f, 0.05f, 0.4f, 0.8f};
  AffineCandidates candidates;
  for (int i = 0; i < kCandidates; ++i) {
    const float below = kCuts[i / 4];
    const float scale = range / (high + below + kCuts[i % 4]);
    candidates.scale[i] = scale;
    candidates.minimum[i] = std::max(-least - below * scale, 0.0f);
  }
  searches.refit_affine(x, weight, n, high, candidates);
  keep_best(candidates, best);
  // Then around the best, closer every time.
  float reach = 0.6f;
  for (int round = 1; round < rounds; ++round, reach *= 0.5f) {
    const AffineFit around = best;
    for (int i = 0; i < kCandidates; ++i) {
      const float scale = around.scale * (1 + reach * (static_cast<float>(i % 4) - 1.5f) / high);
      candidates.scale[i] = scale;
      candidates.minimum[i] =
          std::max(around.minimum + reach * 0.5f * (static_cast<float>(i / 4) - 1.5f) * scale, 0.0f);
    }
    searches.refit_affine(x, weight, n, high, candidates);
    keep_best(candidates, best);
  }
  return best;
}

LevelSet uniform_levels(const ScaleSearches& searches, float low, float high) {
  return {searches.uniform_errors, searches.refit_uniform, {low, high}};
}

LevelSet iq4_levels(const ScaleSearches& searches) { return {searches.iq4_errors, searches.refit_iq4, {-127, 113}}; }

ScaleFit search_scale(const LevelSet& levels, const float* x, const float* weight, size_t n, int rounds) {
  const auto [least, largest] = std::minmax_element(x, x + n);
  const float peak = -*least > *largest ? *least : *largest;
  ScaleFit best{0, HUGE_VALF};
  if (peak == 0) return best.error = 0, best;
  // The weight of largest magnitude at the end of the levels that reaches further, or at the other, or a little clipped.
  const float width = levels.range.high - levels.range.low;
  ScaleCandidates candidates;
  for (int i = 0; i < kCandidates; ++i) {
    const int step = i % 8;
    const float end = i < 8 ? levels.range.low : levels.range.high;
    const float spread = i < 8 ? 0.11f : 0.09f;
    const float reach = 1 + spread * (static_cast<float>(step) - 4) * std::min(1.0f, 8 / width);
    candidates.scale[i] = peak / (end * reach);
  }
  levels.refit(x, weight, n, levels.range, candidates);
  keep_best(candidates, best);
  float reach = 0.6f;
  for (int round = 1; round < rounds; ++round, reach *= 0.4f) {
    const float around = best.scale;
    for (int i = 0; i < kCandidates; ++i) {
      candidates.scale[i] = around * (1 + reach * (static_cast<float>(i) - 7.5f) / 4 / width);
    }
    levels.refit(x, weight, n, levels.range, candidates);
    keep_best(candidates, best);
  }
  return best;
}

}  // namespace thimble
