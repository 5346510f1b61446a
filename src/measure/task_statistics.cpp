#include "measure/task_statistics.h"

#include <algorithm>
#include <cmath>

namespace thimble {
namespace {

double share(size_t part, size_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::optional<double> slot_f1(std::span<const CaseScore> scores) {
  size_t shared = 0, all = 0;
  bool is_counted = false;
  for (const CaseScore& score : scores) {
    if (!score.slots) continue;
    is_counted = true;
    shared += 2 * score.slots->shared;
    all += score.slots->given + score.slots->wanted;
  }
  if (!is_counted) return std::nullopt;
  return share(shared, all);
}

std::optional<EventFigures> event_figures(std::span<const CaseScore> scores) {
  EventCounts sum;
  EventFigures figures;
  size_t counted = 0;
  for (const CaseScore& score : scores) {
    if (!score.events) continue;
    ++counted;
    sum.matched += score.events->matched;
    sum.expected += score.events->expected;
    sum.severity += score.events->severity;
    figures.invented += score.events->invented;
    figures.repeated += score.events->repeated;
    figures.rouge_l += score.rouge_l;
  }
  if (counted == 0) return std::nullopt;
  figures.recall = share(sum.matched, sum.expected);
  figures.severity_accuracy = share(sum.severity, sum.matched);
  figures.rouge_l /= static_cast<double>(counted);
  return figures;
}

}  // namespace

std::pair<double, double> wilson_interval(double mean, size_t count) {
  constexpr double kZ = 1.959963984540054;
  const double n = static_cast<double>(count);
  const double centre = mean + kZ * kZ / (2 * n);
  const double width = kZ * std::sqrt(mean * (1 - mean) / n + kZ * kZ / (4 * n * n));
  const double scale = 1 + kZ * kZ / n;
  return {(centre - width) / scale, (centre + width) / scale};
}

TaskFigures figures_of(std::span<const CaseScore> scores) {
  TaskFigures figures{.cases = scores.size()};
  for (const CaseScore& score : scores) figures.score += score.score;
  figures.score /= static_cast<double>(scores.size());
  figures.interval = wilson_interval(figures.score, scores.size());
  figures.slot_f1 = slot_f1(scores);
  figures.events = event_figures(scores);
  return figures;
}

std::map<std::string, TaskFigures> figures_by_category(std::span<const TaskCase> cases,
                                                       std::span<const CaseScore> scores) {
  std::map<std::string, std::vector<CaseScore>> parted;
  for (size_t i = 0; i < cases.size(); ++i) parted[cases[i].category].push_back(scores[i]);
  std::map<std::string, TaskFigures> figures;
  for (const auto& [category, own] : parted) figures[category] = figures_of(own);
  return figures;
}

// The binomial distribution of half a chance, summed from its smaller end in logarithms: counts may be any.
PairedTest mcnemar(std::span<const CaseScore> one, std::span<const CaseScore> other) {
  PairedTest test;
  for (size_t i = 0; i < one.size(); ++i) {
    test.only_first += one[i].is_right() && !other[i].is_right() ? 1 : 0;
    test.only_second += !one[i].is_right() && other[i].is_right() ? 1 : 0;
  }
  const double count = static_cast<double>(test.only_first + test.only_second);
  double tail = 0;
  for (size_t k = 0; k <= std::min(test.only_first, test.only_second); ++k) {
    const double chosen = static_cast<double>(k);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(chosen + 1) - std::lgamma(count - chosen + 1) -
                     count * std::log(2.0));
  }
  test.p = std::min(1.0, 2 * tail);
  return test;
}

double quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const double place = q * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

}  // namespace thimble
