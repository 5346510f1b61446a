#include "assist/log_trend.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace thimble {
namespace {

constexpr size_t kLeastReadings = 16;
constexpr size_t kLeastOutside = 4;
constexpr size_t kLeastDrift = 8;
constexpr size_t kLeastSettled = 5;
constexpr double kNoises = 8, kShareOfLevel = 0.1, kBaseTolerance = 0.25, kLargestStep = 0.4, kOtherRise = 0.5,
                 kTau = 0.7, kStillOff = 0.7, kAtBase = 0.1, kSettling = 0.12;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Of each reading and two on either side, fewer at the ends.
std::vector<double> smooth(std::span<const double> values) {
  std::vector<double> smoothed(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t reach = std::min({size_t{2}, i, values.size() - 1 - i});
    const auto first = values.begin() + static_cast<ptrdiff_t>(i - reach);
    smoothed[i] = median({first, first + static_cast<ptrdiff_t>(2 * reach + 1)});
  }
  return smoothed;
}

double noise_of(std::span<const double> values) {
  std::vector<double> steps;
  double least = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    steps.push_back(std::abs(values[i] - values[i - 1]));
    if (steps.back() > 0 && (least == 0 || steps.back() < least)) least = steps.back();
  }
  return std::max(1.4826 * median(std::move(steps)) / std::sqrt(2.0), least / 2);
}

struct Rise {
  size_t first = 0;
  size_t last = 0;
  double height = 0;
};

// The largest rise within [begin, end), from the last of its lowest readings on.
Rise largest_rise(std::span<const double> values, size_t begin, size_t end) {
  Rise best;
  size_t lowest = begin;
  for (size_t i = begin; i < end; ++i) {
    if (values[i] <= values[lowest]) lowest = i;
    if (values[i] - values[lowest] > best.height) best = {lowest, i, values[i] - values[lowest]};
  }
  return best;
}

double kendall_tau(std::span<const double> values) {
  constexpr size_t kMost = 48;
  const size_t stride = (values.size() + kMost - 1) / kMost;
  int64_t sum = 0, pairs = 0;
  for (size_t i = 0; i < values.size(); i += stride) {
    for (size_t j = i + stride; j < values.size(); j += stride) {
      sum += values[j] > values[i] ? 1 : values[j] < values[i] ? -1 : 0;
      ++pairs;
    }
  }
  return pairs == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(pairs);
}

// Cheap and never false where find_rise finds one: means of eighths against the mean step.
bool may_drift(std::span<const double> values) {
  constexpr size_t kParts = 8;
  double lowest = 0, highest = 0, steps = 0;
  for (size_t i = 1; i < values.size(); ++i) steps += std::abs(values[i] - values[i - 1]);
  for (size_t part = 0; part < kParts; ++part) {
    const size_t begin = values.size() * part / kParts, end = values.size() * (part + 1) / kParts;
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += values[i];
    const double mean = sum / static_cast<double>(end - begin);
    lowest = part == 0 ? mean : std::min(lowest, mean);
    highest = part == 0 ? mean : std::max(highest, mean);
  }
  return highest - lowest > steps / static_cast<double>(values.size() - 1);
}

// What stays where it came to has got warm, or was set so.
bool has_settled(std::span<const double> smoothed, const Rise& rise, std::span<const double> after, double base) {
  const size_t last_third = rise.last - (rise.last - rise.first) / 3;
  if (smoothed[rise.last] - smoothed[last_third] < kSettling * rise.height) return true;
  if (after.size() < kLeastSettled) return false;
  return median(std::vector<double>(after.begin(), after.end())) - base > rise.height / 2;
}

std::optional<LogDrift> find_rise(std::span<const double> values) {
  const std::vector<double> smoothed = smooth(values);
  const Rise rise = largest_rise(smoothed, 0, smoothed.size());
  if (rise.last < rise.first + kLeastDrift || rise.height < kNoises * noise_of(values)) return std::nullopt;
  std::vector<double> outside(values.begin(), values.begin() + static_cast<ptrdiff_t>(rise.first + 1));
  outside.insert(outside.end(), values.begin() + static_cast<ptrdiff_t>(rise.last + 1), values.end());
  if (outside.size() < kLeastOutside) return std::nullopt;
  const double base = median(std::move(outside));
  if (std::abs(smoothed[rise.first] - base) > kBaseTolerance * rise.height) return std::nullopt;
  if (rise.height < kShareOfLevel * std::abs(base)) return std::nullopt;
  for (size_t i = rise.first; i < rise.last; ++i) {
    if (smoothed[i + 1] - smoothed[i] > kLargestStep * rise.height) return std::nullopt;
  }
  if (kendall_tau(values.subspan(rise.first, rise.last - rise.first + 1)) < kTau) return std::nullopt;
  if (has_settled(smoothed, rise, values.subspan(rise.last + 1), base)) return std::nullopt;
  const double before = largest_rise(smoothed, 0, rise.first).height;
  const double after = largest_rise(smoothed, rise.last + 1, smoothed.size()).height;
  if (std::max(before, after) > kOtherRise * rise.height) return std::nullopt;
  size_t first = rise.first;
  for (size_t i = rise.first; i < rise.last; ++i) {
    if (smoothed[i] - base < kAtBase * rise.height) first = i;
  }
  // What smoothing cut off the end.
  size_t last = rise.last;
  while (last + 1 < values.size() && values[last + 1] - base > kStillOff * rise.height) ++last;
  const auto from = values.begin() + static_cast<ptrdiff_t>(rise.last);
  return LogDrift{first + 1, last, base, *std::max_element(from, values.begin() + static_cast<ptrdiff_t>(last + 1))};
}

}  // namespace

std::optional<LogDrift> find_drift(std::span<const double> values) {
  if (values.size() < kLeastReadings || !may_drift(values)) return std::nullopt;
  if (auto rise = find_rise(values)) return rise;
  std::vector<double> negative(values.begin(), values.end());
  for (double& value : negative) value = -value;
  auto fall = find_rise(negative);
  if (fall) {
    fall->from = -fall->from;
    fall->to = -fall->to;
  }
  return fall;
}

std::optional<LogStandstill> find_standstill(std::span<const double> values) {
  constexpr size_t kLeastRun = 10, kLeastMoving = 8;
  constexpr ptrdiff_t kLeastValues = 3;
  constexpr double kChance = 1e-8;
  if (values.size() < kLeastReadings) return std::nullopt;
  LogStandstill longest{0, 0};
  size_t begin = 0, repeats = 0;
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] != values[i - 1]) {
      begin = i;
    } else {
      ++repeats;
    }
    if (i - begin > longest.last - longest.first) longest = {begin, i};
  }
  const size_t run = longest.last - longest.first + 1, outside = values.size() - run;
  if (run < kLeastRun || outside < kLeastMoving || values[longest.first] == 0) return std::nullopt;
  // One more than counted, so that a share of none is not taken for certain.
  const double share = static_cast<double>(repeats - (run - 1) + 1) / static_cast<double>(outside);
  if (share >= 1 || std::pow(share, static_cast<double>(run - 1)) > kChance) return std::nullopt;
  std::vector<double> others(values.begin(), values.begin() + static_cast<ptrdiff_t>(longest.first));
  others.insert(others.end(), values.begin() + static_cast<ptrdiff_t>(longest.last + 1), values.end());
  std::sort(others.begin(), others.end());
  if (std::unique(others.begin(), others.end()) - others.begin() < kLeastValues) return std::nullopt;
  return longest;
}

}  // namespace thimble
