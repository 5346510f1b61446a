// What the analysis of a log finds. Lines count from 1 in the whole log, both ends of a range belong to it. Times are milliseconds
// since 1970 as the log writes them, without regard to its time zone; a log without dates counts from its first day.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace thimble {

// As a line states it; `none` where it states none.
enum class LogLevel : uint8_t { none, debug, info, notice, warning, error, critical };
constexpr size_t kLogLevels = 7;

enum class LogSeverity : uint8_t { info, warning, error, critical };
const char* name_of(LogLevel level);
const char* name_of(LogSeverity severity);

// Something that a person who comes on shift should know.
struct LogEvent {
  std::string what;  // valid UTF-8, one line, at most kLogEventBytes; names and values as the lines have them
  std::string kind;  // "trip", "sensor_drift", ...: docs/summaries.md lists them
  LogSeverity severity = LogSeverity::info;
  uint64_t first_line = 0;
  uint64_t last_line = 0;
  uint64_t count = 1;  // how many times it happened
  std::optional<int64_t> first_time;
  std::optional<int64_t> last_time;
  std::vector<std::string> details{};  // what else told of it, each as `what`; at most kLogEventDetails
  std::string end{};                   // the line that ended it, as `what`; empty where none did
};
constexpr size_t kLogEventBytes = 160;
constexpr size_t kLogEventDetails = 3;

// Lines that are alike but for what is masked, written <*>.
struct LogTemplate {
  std::string text;
  uint64_t count = 0;
  uint64_t first_line = 0;
  uint64_t last_line = 0;
  LogLevel level = LogLevel::none;  // the highest
  std::optional<int64_t> first_time;
  std::optional<int64_t> last_time;
};

// How many records there were over time: kBuckets equal stretches from the first time on.
struct LogRate {
  static constexpr size_t kBuckets = 32;
  int64_t first_time = 0;
  int64_t bucket_ms = 1000;
  std::array<uint64_t, kBuckets> records{};
  void add(int64_t time);
};

struct LogFacts {
  std::vector<LogEvent> events;        // by first line
  std::vector<LogTemplate> templates;  // the most frequent first
  uint64_t first_line = 0;             // of the lines looked at; 0: there were none
  uint64_t last_line = 0;
  uint64_t lines = 0;
  uint64_t bytes = 0;
  uint64_t cut_lines = 0;       // longer than what is kept of a line
  uint64_t dropped_events = 0;  // beyond what is kept
  uint64_t all_templates = 0;
  std::array<uint64_t, kLogLevels> levels{};
  std::optional<int64_t> first_time;
  std::optional<int64_t> last_time;
  LogRate rate;
};

// "2026-03-02 04:18:57"; "03-02 04:18:57" where the log has no years, "2d 04:18:57" where it counts from a start.
std::string log_time_text(int64_t time);

}  // namespace thimble
