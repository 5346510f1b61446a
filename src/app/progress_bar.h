// A line on stderr that says how far something is: done, rate and time left. Nothing is shown in the first two seconds,
// or where stderr is no terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/console.h"

namespace thimble {

class ProgressBar {
 public:
  // `unit` in the plural, such as "tokens".
  ProgressBar(const Console& console, std::string what, std::string unit);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  // `kept` of the done were there before, and do not count for the rate.
  void update(uint64_t done, uint64_t total, uint64_t kept = 0);
  // What there is so far, shown behind the line from the next update on, such as "ppl 12.3 +/- 0.4".
  void set_result(std::string result) { result_ = std::move(result); }
  void finish();  // takes the line away

 private:
  using Clock = std::chrono::steady_clock;
  const Console& console_;
  std::string what_;
  std::string unit_;
  std::string result_;
  Clock::time_point start_;
  Clock::time_point last_;
  bool is_shown_ = false;
};

// The line's text, without colour. The unit "bytes" is shown in MB, with how much that is of a hundred.
std::string progress_line(std::string_view what, std::string_view unit, uint64_t done, uint64_t total, double seconds,
                          uint64_t kept = 0);

}  // namespace thimble
