#include "assist/log_facts.h"

#include <fmt/format.h>

#include "assist/log_clock.h"

namespace thimble {
namespace {

constexpr int64_t kUptimeYear = 1970;  // times that count from a start
constexpr int64_t kYearlessBegin = 2000,
                  kYearlessEnd = 2010;  // log_clock.cpp counts years from 2000 where there are none
constexpr int64_t kLogDay = 86'400'000;

}  // namespace

const char* name_of(LogLevel level) {
  constexpr const char* kNames[] = {"none", "debug", "info", "notice", "warning", "error", "critical"};
  return kNames[static_cast<size_t>(level)];
}

const char* name_of(LogSeverity severity) {
  constexpr const char* kNames[] = {"info", "warning", "error", "critical"};
  return kNames[static_cast<size_t>(severity)];
}

void LogRate::add(int64_t time) {
  if (time < first_time) return;  // the clock was set back behind the beginning
  while (time - first_time >= bucket_ms * static_cast<int64_t>(kBuckets)) {
    for (size_t i = 0; i < kBuckets; ++i) {
      records[i] = 2 * i < kBuckets ? records[2 * i] + records[2 * i + 1] : 0;
    }
    bucket_ms *= 2;
  }
  ++records[static_cast<size_t>((time - first_time) / bucket_ms)];
}

std::string log_time_text(int64_t time) {
  const LogDate date = log_date(time);
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", date.hour, date.minute, date.second);
  if (date.year == kUptimeYear) return fmt::format("{}d {}", time / kLogDay, clock);
  if (date.year < kYearlessEnd && date.year >= kYearlessBegin)
    return fmt::format("{:02}-{:02} {}", date.month, date.day, clock);
  return fmt::format("{:04}-{:02}-{:02} {}", date.year, date.month, date.day, clock);
}

}  // namespace thimble
