// Figures over scores, and what is fitted to them, against values worked out by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "measure/logistic.h"
#include "measure/task_statistics.h"

namespace thimble {
namespace {

std::vector<CaseScore> scores(size_t right, size_t wrong) {
  std::vector<CaseScore> all(right, CaseScore{.score = 1});
  all.insert(all.end(), wrong, CaseScore{.score = 0});
  return all;
}

// Wilson 1927 for 5 of 10: (0.2366, 0.7634).
TEST(TaskFigures, IntervalsAreWilsons) {
  const TaskFigures figures = figures_of(scores(5, 5));
  EXPECT_NEAR(figures.interval.first, 0.236593, 1e-6);
  EXPECT_NEAR(figures.interval.second, 0.763407, 1e-6);
  EXPECT_NEAR(figures_of(scores(3, 0)).interval.second, 1, 1e-12);
}

TEST(TaskFigures, PairedTestIsExact) {
  const PairedTest test = mcnemar(scores(6, 0), scores(0, 6));
  EXPECT_EQ(test.only_first, 6u);
  EXPECT_EQ(test.only_second, 0u);
  EXPECT_NEAR(test.p, 2.0 / 64, 1e-12);
  EXPECT_EQ(mcnemar(scores(3, 3), scores(3, 3)).p, 1);
  // 20,000 against 20,400 differing cases: the normal distribution of the difference, 400 / sqrt(40,400) = 1.99 deviations.
  const std::vector<CaseScore> one = scores(20'000, 20'400), other = [] {
    std::vector<CaseScore> all(20'000, CaseScore{.score = 0});
    all.insert(all.end(), 20'400, CaseScore{.score = 1});
    return all;
  }();
  EXPECT_NEAR(mcnemar(one, other).p, std::erfc(399.0 / std::sqrt(40'400.0) / std::numbers::sqrt2), 1e-4);
}

TEST(TaskFigures, QuantilesAreInterpolated) {
  EXPECT_EQ(quantile({}, 0.5), 0);
  EXPECT_EQ(quantile({3, 1, 2}, 0.5), 2);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.95), 9.5);
}

TEST(Logistic, AWeightAloneIsTheLogOddsOfTheMean) {
  const std::vector<double> rows(10, 1.0);
  std::vector<bool> right(10, true);
  right[0] = right[1] = false;
  EXPECT_NEAR(fit_logistic(rows, 1, right, 1e-9)[0], std::log(0.8 / 0.2), 1e-6);
}

// Cases in the numbers that weights of (-1, 2) make most likely: at each x a share of logistic(2 x - 1) is right.
TEST(Logistic, WeightsAreFoundAgain) {
  std::vector<double> rows;
  std::vector<bool> right;
  for (const double x : {-1.0, 0.0, 0.5, 1.0, 2.0}) {
    const int count = 10'000, good = static_cast<int>(std::lround(count * logistic(2 * x - 1)));
    for (int i = 0; i < count; ++i) {
      rows.insert(rows.end(), {1, x});
      right.push_back(i < good);
    }
  }
  const std::vector<double> weights = fit_logistic(rows, 2, right, 1e-6);
  EXPECT_NEAR(weights[0], -1, 1e-3);  // the shares are rounded to 1e-4
  EXPECT_NEAR(weights[1], 2, 1e-3);
}

// Nothing but right answers: the likelihood has no maximum, the pull to 0 makes one.
TEST(Logistic, CasesThatAreAllAlikeGiveFiniteWeights) {
  const std::vector<double> rows = {1, 5, 1, 4, 1, 6};
  for (const double weight : fit_logistic(rows, 2, {true, true, true}, 0.1)) EXPECT_LT(std::abs(weight), 10);
}

TEST(Reliability, BinsErrorAndBrierScoreAreByHand) {
  const std::vector<double> confidences = {0.95, 1.0, 0.05, 0.05};
  const Reliability result = reliability(confidences, {true, false, false, true});
  EXPECT_EQ(result.bins[9].cases, 2u);
  EXPECT_DOUBLE_EQ(result.bins[9].confidence, 0.975);
  EXPECT_DOUBLE_EQ(result.bins[9].accuracy, 0.5);
  EXPECT_NEAR(result.expected_error, 0.5 * 0.475 + 0.5 * 0.45, 1e-12);
  EXPECT_NEAR(result.brier, (0.0025 + 1 + 0.0025 + 0.9025) / 4, 1e-12);
}

}  // namespace
}  // namespace thimble
