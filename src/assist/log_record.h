// One record of a log taken apart: when, how bad it says it is, and either a message or a row of readings. Understood are plain
// text with or without a syslog or column prefix, key=value pairs, lists of "name number unit", JSON objects and CSV with a header.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assist/log_clock.h"
#include "assist/log_csv.h"
#include "assist/log_facts.h"

namespace thimble {

struct LogField {
  std::string_view name;
  double value;
};

// Views are into the line, valid as long as it is.
struct LogRecord {
  uint64_t line = 0;
  std::optional<int64_t> time;
  LogLevel level = LogLevel::none;
  bool is_operator = false;      // a person's entry, by its level
  bool is_continuation = false;  // belongs to the record before: indented, or without the time that others have
  bool is_readings = false;      // a row of readings; `message` is then empty
  std::string_view message;      // without time, level and sender
  std::string_view state;        // of readings: RUN, FAULT, ...; may be empty
  std::string_view missing;      // the name of a reading that the row has no value for; may be empty
  size_t missing_count = 0;      // of such readings
  std::vector<LogField> fields;  // of readings

  size_t readings() const { return fields.size() + missing_count; }
};

class LogRecordParser {
 public:
  // Fills `record`, reusing its memory. Its line number is the caller's.
  void parse(std::string_view line, LogRecord& record);
  // Looks at a line only for what later ones need: the header of a CSV file.
  void learn(std::string_view line) { csv_.learn(line); }

 private:
  void parse_body(std::string_view body, LogRecord& record);
  bool parse_csv(std::string_view line, LogRecord& record);
  bool lacks_its_time(std::string_view line) const;

  LogClock clock_;
  LogCsv csv_;
  std::vector<std::string_view> cells_;
  uint64_t records_ = 0;
  uint64_t stamped_ = 0;
};

}  // namespace thimble
