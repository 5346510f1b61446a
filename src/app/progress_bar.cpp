#include "app/progress_bar.h"

#include <algorithm>
#include <cmath>

namespace thimble {
namespace {

constexpr double kSilentSeconds = 2.0;
constexpr double kSecondsBetweenUpdates = 0.1;
constexpr size_t kWidth = 24;

std::string duration(double seconds) {
  const auto whole = static_cast<uint64_t>(std::ceil(seconds));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

std::string progress_line(std::string_view what, std::string_view unit, uint64_t done, uint64_t total, double seconds,
                          uint64_t kept) {
  const bool is_bytes = unit == "bytes";
  const double scale = is_bytes ? 1e-6 : 1;
  const double share = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<size_t>(share * kWidth);
  const double rate = seconds > 0 ? static_cast<double>(done - std::min(done, kept)) / seconds : 0;
  std::string line = fmt::format("{} [{}{}] ", what, std::string(filled, '#'), std::string(kWidth - filled, '.'));
  line += is_bytes ? fmt::format("{:.0f}% {:.1f}/{:.1f} MB", std::floor(share * 100), static_cast<double>(done) * scale,
                                 static_cast<double>(total) * scale)
                   : fmt::format("{}/{} {}", done, total, unit);
  if (rate > 0) {
    const double left = static_cast<double>(total - std::min(done, total)) / rate;
    line += fmt::format(", {:.{}f}{}/s, {} left", rate * scale, rate * scale < 10 ? 2 : 0, is_bytes ? " MB" : "",
                        duration(left));
  }
  return line;
}

ProgressBar::ProgressBar(const Console& console, std::string what, std::string unit)
    : console_(console), what_(std::move(what)), unit_(std::move(unit)), start_(Clock::now()), last_(start_) {}

ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(uint64_t done, uint64_t total, uint64_t kept) {
  const Clock::time_point now = Clock::now();
  if (!console_.error_is_terminal() || seconds_between(start_, now) < kSilentSeconds ||
      (is_shown_ && seconds_between(last_, now) < kSecondsBetweenUpdates)) {
    return;
  }
  last_ = now;
  is_shown_ = true;
  std::string line = progress_line(what_, unit_, done, total, seconds_between(start_, now), kept);
  if (!result_.empty()) line += ", " + result_;
  console_.write_error("\r\x1b[K" + (console_.has_color() ? "\x1b[2m" + line + "\x1b[0m" : line));
}

void ProgressBar::finish() {
  if (is_shown_) console_.write_error("\r\x1b[K");
  is_shown_ = false;
}

}  // namespace thimble
