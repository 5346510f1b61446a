// The readings of a log as series, one a field and state of the machine: what drifts and what stands still. Memory is bounded:
// kMostSeries series of kKept readings; of a longer one the half that comes last is looked at again with what follows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "assist/log_record.h"

namespace thimble {

struct LogFinding {
  std::string field;
  bool is_standstill = false;  // else a drift
  double from = 0;
  double to = 0;
  uint64_t first_line = 0;
  uint64_t last_line = 0;
  std::optional<int64_t> first_time;
  std::optional<int64_t> last_time;
};

class LogSeries {
 public:
  static constexpr size_t kMostSeries = 512;
  static constexpr size_t kKept = 256;
  static constexpr size_t kMostFindings = 256;
  static constexpr size_t kLeastKnown = 8;

  void add(const LogRecord& record);
  // Whether there were readings of the field in this state of the machine, kLeastKnown at least.
  bool knows(std::string_view field, std::string_view state) const;
  std::vector<LogFinding> finish();

 private:
  static uint64_t key_of(std::string_view field, std::string_view state);
  struct Series {
    std::string field;
    std::vector<double> values;
    std::vector<uint64_t> lines;
    std::vector<std::optional<int64_t>> times;
    double lowest = 0;  // of all earlier halves
    double highest = 0;
    size_t halves = 0;
  };
  void look_at(Series& series);
  void keep_later_half(Series& series);
  void drop_common_standstills();

  std::unordered_map<uint64_t, Series> series_;
  std::vector<LogFinding> findings_;
};

}  // namespace thimble
