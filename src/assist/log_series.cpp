#include "assist/log_series.h"

#include <algorithm>

#include "assist/log_trend.h"
#include "base/utf8.h"
#include "text/hash.h"

namespace thimble {
namespace {

constexpr size_t kMostName = 32;    // bytes of a field's name that are kept
constexpr size_t kLeastHalves = 3;  // of history, before it says what is usual

bool overlap(const LogFinding& a, const LogFinding& b) {
  return a.first_line <= b.last_line && b.first_line <= a.last_line;
}

}  // namespace

uint64_t LogSeries::key_of(std::string_view field, std::string_view state) {
  return mix((field.empty() ? 0 : hash_text(field)) + (state.empty() ? 0 : mix(hash_text(state))));
}

bool LogSeries::knows(std::string_view field, std::string_view state) const {
  const auto found = series_.find(key_of(field, state));
  return found != series_.end() && found->second.values.size() >= kLeastKnown;
}

void LogSeries::add(const LogRecord& record) {
  for (const LogField& field : record.fields) {
    const uint64_t key = key_of(field.name, record.state);
    auto found = series_.find(key);
    if (found == series_.end()) {
      if (series_.size() == kMostSeries) continue;
      found = series_.try_emplace(key).first;
      found->second.field = to_valid_utf8(field.name.substr(0, kMostName));
    }
    Series& series = found->second;
    series.values.push_back(field.value);
    series.lines.push_back(record.line);
    series.times.push_back(record.time);
    if (series.values.size() < kKept) continue;
    look_at(series);
    keep_later_half(series);
  }
}

void LogSeries::look_at(Series& series) {
  if (findings_.size() >= kMostFindings) return;
  const auto add = [&](size_t first, size_t last, bool is_standstill, double from, double to) {
    const LogFinding finding{series.field,        is_standstill,     from, to, series.lines[first], series.lines[last],
                             series.times[first], series.times[last]};
    for (LogFinding& earlier : findings_) {
      if (earlier.field != finding.field || earlier.is_standstill != is_standstill || !overlap(earlier, finding))
        continue;
      if (finding.last_line > earlier.last_line) {
        earlier.last_line = finding.last_line;
        earlier.last_time = finding.last_time;
        earlier.to = to;
      }
      return;
    }
    findings_.push_back(finding);
  };
  if (const auto drift = find_drift(series.values)) {
    const bool was_there = series.halves >= kLeastHalves && drift->to >= series.lowest && drift->to <= series.highest;
    if (!was_there) add(drift->first, drift->last, false, drift->from, drift->to);
  }
  if (const auto still = find_standstill(series.values)) {
    add(still->first, still->last, true, series.values[still->first], series.values[still->first]);
  }
}

void LogSeries::keep_later_half(Series& series) {
  const auto half = static_cast<ptrdiff_t>(kKept / 2);
  const auto [lowest, highest] = std::ranges::minmax_element(series.values.begin(), series.values.begin() + half);
  series.lowest = series.halves == 0 ? *lowest : std::min(series.lowest, *lowest);
  series.highest = series.halves == 0 ? *highest : std::max(series.highest, *highest);
  ++series.halves;
  series.values.erase(series.values.begin(), series.values.begin() + half);
  series.lines.erase(series.lines.begin(), series.lines.begin() + half);
  series.times.erase(series.times.begin(), series.times.begin() + half);
}

// A machine at rest has many readings that do not move; a broken sensor is alone.
void LogSeries::drop_common_standstills() {
  std::vector<LogFinding> kept;
  for (const LogFinding& finding : findings_) {
    const auto is_company = [&](const LogFinding& other) {
      return other.is_standstill && other.field != finding.field && overlap(other, finding);
    };
    if (!finding.is_standstill || std::ranges::none_of(findings_, is_company)) kept.push_back(finding);
  }
  findings_ = std::move(kept);
}

std::vector<LogFinding> LogSeries::finish() {
  std::vector<Series*> all;
  for (auto& [key, series] : series_) all.push_back(&series);
  std::ranges::sort(all, {}, [](const Series* series) { return std::pair(series->lines.front(), series->field); });
  for (Series* series : all) look_at(*series);
  drop_common_standstills();
  std::ranges::stable_sort(findings_, {}, &LogFinding::first_line);
  return std::move(findings_);
}

}  // namespace thimble
