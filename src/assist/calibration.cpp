#include "assist/calibration.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/error.h"
#include "format/json_text.h"
#include "measure/logistic.h"

namespace thimble {
namespace {

// Of the fit: as much as a case that speaks against a weight of 1.
constexpr double kRidge = 0.1;
constexpr double kLeast = 1e-9;  // of a probability, so that its logarithm says little more than "never"

double log_of(double probability) { return std::log(std::max(probability, kLeast)); }

double log_odds(double probability) { return log_of(probability) - log_of(1 - probability); }

std::array<double, 3> tool_features(const CallProbabilities& p) {
  return {1, log_odds(p.name * p.arguments), log_of(p.name)};
}
std::array<double, 2> none_features(const CallProbabilities& p) { return {1, log_odds(p.none)}; }

template <size_t N>
double dot(const std::array<double, N>& a, const std::array<double, N>& b) {
  double sum = 0;
  for (size_t i = 0; i < N; ++i) sum += a[i] * b[i];
  return sum;
}

template <size_t N, class Features>
std::array<double, N> fit(std::span<const CalibrationCase> cases, bool is_call, Features features,
                          const std::array<double, N>& before) {
  std::vector<double> rows;
  std::vector<bool> right;
  for (const CalibrationCase& one : cases) {
    if (one.is_call != is_call) continue;
    for (const double value : features(one.probabilities)) rows.push_back(value);
    right.push_back(one.is_right);
  }
  if (right.empty()) return before;
  const std::vector<double> weights = fit_logistic(rows, N, right, kRidge);
  std::array<double, N> found{};
  std::ranges::copy(weights, found.begin());
  return found;
}

// Half way between two probabilities of none that were seen; of equally good ones that which is nearest to a half.
double best_threshold(std::span<const CalibrationCase> cases, double most) {
  std::vector<CalibrationCase> sorted;
  for (const CalibrationCase& one : cases) {
    if (one.is_call) sorted.push_back(one);
  }
  if (sorted.empty()) return most;
  std::ranges::sort(sorted, {}, [](const CalibrationCase& one) { return one.probabilities.none; });
  // Of the cases behind the threshold none is called.
  size_t right = 0;
  for (const CalibrationCase& one : sorted) right += one.none_is_right ? 1 : 0;
  double best = 0;
  size_t most_right = right;
  for (size_t i = 0; i < sorted.size(); ++i) {
    right += (sorted[i].is_right ? 1 : 0);
    right -= (sorted[i].none_is_right ? 1 : 0);
    const double next = i + 1 < sorted.size() ? sorted[i + 1].probabilities.none : most;
    const double threshold = (sorted[i].probabilities.none + std::min(next, most)) / 2;
    const bool is_nearer = std::abs(threshold - 0.5) < std::abs(best - 0.5);
    if (right > most_right || (right == most_right && is_nearer)) {
      best = threshold;
      most_right = right;
    }
  }
  return best;
}

template <size_t N>
std::optional<std::array<double, N>> numbers(const nlohmann::json& object, const char* key) {
  const nlohmann::json* list = find_member(object, key);
  if (list == nullptr || !list->is_array() || list->size() != N) return std::nullopt;
  std::array<double, N> found{};
  for (size_t i = 0; i < N; ++i) {
    if (!(*list)[i].is_number()) return std::nullopt;
    found[i] = (*list)[i].get<double>();
  }
  return found;
}

}  // namespace

double CallCalibration::confidence(const CallProbabilities& probabilities, bool is_call) const {
  return logistic(is_call ? dot(tool, tool_features(probabilities)) : dot(none, none_features(probabilities)));
}

nlohmann::ordered_json CallCalibration::to_json() const {
  return {{"none_threshold", none_threshold}, {"tool", tool}, {"none", none}};
}

CallCalibration CallCalibration::parse(std::string_view text, const std::string& source) {
  const nlohmann::json object = parse_json(text, source);
  const nlohmann::json* threshold = find_member(object, "none_threshold");
  const auto tool = numbers<3>(object, "tool");
  const auto none = numbers<2>(object, "none");
  if (threshold == nullptr || !threshold->is_number() || !tool || !none) {
    fail(ExitCode::bad_file,
         "{}: expected {{\"none_threshold\": P, \"tool\": [3 numbers], \"none\": [2 numbers]}}, as eval task "
         "--fit-calibration writes it",
         printable(source));
  }
  return {threshold->get<double>(), *tool, *none};
}

CallCalibration fit_calibration(std::span<const CalibrationCase> cases, const CallCalibration& before) {
  CallCalibration calibration = before;
  calibration.none_threshold = best_threshold(cases, before.none_threshold);
  std::vector<CalibrationCase> under(cases.begin(), cases.end());
  for (CalibrationCase& one : under) {
    if (one.probabilities.none <= calibration.none_threshold) continue;
    one.is_call = false;
    one.is_right = one.none_is_right;
  }
  calibration.tool = fit(std::span<const CalibrationCase>(under), true, tool_features, before.tool);
  calibration.none = fit(std::span<const CalibrationCase>(under), false, none_features, before.none);
  return calibration;
}

}  // namespace thimble
