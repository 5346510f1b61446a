// Figures over the scores of a task file's cases: docs/task-files.md, "Figures".
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "measure/task_scores.h"

namespace thimble {

// Wilson's score interval at 95%, for a mean of `count` values from 0 to 1; count > 0.
std::pair<double, double> wilson_interval(double mean, size_t count);

struct EventFigures {
  double recall = 1;
  size_t invented = 0;
  size_t repeated = 0;
  double severity_accuracy = 1;
  double rouge_l = 0;
};

struct TaskFigures {
  size_t cases = 0;
  double score = 0;  // mean
  std::pair<double, double> interval;
  std::optional<double> slot_f1;
  std::optional<EventFigures> events;
};

// At least one score.
TaskFigures figures_of(std::span<const CaseScore> scores);

// By category, in the order of their names. `scores` is parallel to the file's cases.
std::map<std::string, TaskFigures> figures_by_category(std::span<const TaskCase> cases,
                                                       std::span<const CaseScore> scores);

struct PairedTest {
  size_t only_first = 0;  // right, the other wrong; a score below 1 is wrong
  size_t only_second = 0;
  double p = 1;  // two-sided, McNemar's exact test
};

PairedTest mcnemar(std::span<const CaseScore> one, std::span<const CaseScore> other);

// The value below which a share `q` of the values lies, interpolated; 0 where there are none.
double quantile(std::vector<double> values, double q);

}  // namespace thimble
