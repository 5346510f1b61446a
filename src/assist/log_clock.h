// The time that a line of a log states, in the forms that are found in the wild.
//
//   2026-03-02 04:18:57   2026-03-02T04:18:57.123Z   2026/03/02 04:18:57,5   02.03.2026 04:18:57   20260302-04:18:57
//   Mar  2 04:18:57   2 Mar 2026 04:18:57   02/Mar/2026:04:18:57 +0100   03-02 04:18:57.123   0302 04:18:57
//   [  123.456789] (seconds since the start)   1772425137 and 1772425137123 (since 1970)   04:18:57.1
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace thimble {

struct LogDate {
  int64_t year;
  int month, day, hour, minute, second;
};
LogDate log_date(int64_t time);
// Days since 1970-01-01 of a date of the Gregorian calendar, whatever the month's length.
int64_t log_days(int64_t year, int month, int day);

struct LogStamp {
  int64_t time;  // milliseconds (log_facts.h)
  size_t begin;  // where it stands in the line
  size_t end;
};

class LogClock {
 public:
  // The time near the beginning of the line. Stamps without a year or a day follow the one before: a new year or day begins where
  // they jump back by more than half of one.
  std::optional<LogStamp> find(std::string_view line);
  // A time at the beginning of `text` that ends where it ends, as in a field.
  static std::optional<LogStamp> read(std::string_view text);

 private:
  struct Form {
    size_t begin = 0;
    int kind = -1;
  };
  LogStamp settle(LogStamp stamp, int kind);
  Form last_;
  std::optional<int64_t> last_time_;
  int64_t years_ = 0;  // gone by since the first stamp, where they have none
  int64_t days_ = 0;
};

}  // namespace thimble
