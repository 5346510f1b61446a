#include "assist/log_clock.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_letter;

constexpr int64_t kSecond = 1000, kDay = 86400 * kSecond;
constexpr int64_t kYearless = 2000;  // a leap year, so that the 29th of February is one
constexpr size_t kFarthest = 96;     // where a stamp may begin

// Reads along a text; everything is false or zero once something did not fit.
struct Reader {
  std::string_view text;
  size_t at;
  bool good = true;

  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }
  // A number of `least` to `most` digits, not followed by another one.
  int64_t number(size_t least, size_t most) {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < most && is_digit(peek())) {
      value = value * 10 + (text[at++] - '0');
      ++digits;
    }
    if (digits < least || is_digit(peek())) good = false;
    return value;
  }
  // One of the characters.
  void one_of(std::string_view characters) {
    if (good && peek() != '\0' && characters.find(peek()) != std::string_view::npos) {
      ++at;
    } else {
      good = false;
    }
  }
  int month_name() {
    constexpr std::string_view kMonths = "janfebmaraprmayjunjulaugsepoctnovdec";
    char name[3];
    for (size_t i = 0; i < 3; ++i) name[i] = static_cast<char>(peek(i) | 0x20);
    for (int month = 0; month < 12; ++month) {
      if (kMonths.substr(static_cast<size_t>(month) * 3, 3) == std::string_view(name, 3) && !is_letter(peek(3))) {
        at += 3;
        return month + 1;
      }
    }
    good = false;
    return 1;
  }
  // hh:mm[:ss[.fraction]], in milliseconds.
  int64_t time_of_day(bool needs_seconds = true) {
    const int64_t hour = number(1, 2);
    one_of(":");
    const int64_t minute = number(2, 2);
    int64_t second = 0, milliseconds = 0;
    if (needs_seconds || peek() == ':') {
      one_of(":");
      second = number(2, 2);
      milliseconds = fraction();
    }
    if (hour > 23 || minute > 59 || second > 60) good = false;
    return ((hour * 60 + minute) * 60 + second) * kSecond + milliseconds;
  }
  int64_t fraction() {
    if ((peek() != '.' && peek() != ',') || !is_digit(peek(1))) return 0;
    ++at;
    int64_t value = 0, scale = 100;
    for (; is_digit(peek()); ++at, scale /= 10) value += scale * (text[at] - '0');
    return value;
  }
  void skip_zone() {
    if (peek() == 'Z' && !is_letter(peek(1))) {
      ++at;
      return;
    }
    const size_t space = peek() == ' ' ? 1 : 0;
    if ((peek(space) != '+' && peek(space) != '-') || !is_digit(peek(space + 1)) || !is_digit(peek(space + 2))) return;
    const size_t colon = peek(space + 3) == ':' ? 1 : 0;
    if (is_digit(peek(space + 3 + colon)) && is_digit(peek(space + 4 + colon)) && !is_digit(peek(space + 5 + colon))) {
      at += space + 5 + colon;
    }
  }
};

int64_t moment(Reader& reader, int64_t year, int64_t month, int64_t day, int64_t time_of_day) {
  if (month < 1 || month > 12 || day < 1 || day > 31) reader.good = false;
  if (!reader.good) return 0;
  return log_days(year, static_cast<int>(month), static_cast<int>(day)) * kDay + time_of_day;
}

enum Kind {
  kIso,
  kCompact,
  kDayFirst,
  kMonthDay,
  kDayMonth,
  kApache,
  kMonthDigits,
  kKlog,
  kSeconds,
  kEpoch,
  kTimeOnly
};

int64_t iso(Reader& r) {
  const int64_t year = r.number(4, 4);
  const char separator = r.peek();
  r.one_of("-/");
  const int64_t month = r.number(1, 2);
  if (r.peek() != separator) r.good = false;
  r.one_of("-/");
  const int64_t day = r.number(1, 2);
  r.one_of("Tt _;,\t");
  const int64_t time = r.time_of_day(false);
  r.skip_zone();
  return moment(r, year, month, day, time);
}

int64_t compact(Reader& r) {
  const int64_t date = r.number(8, 8);
  r.one_of("T-_ ");
  const int64_t time = r.time_of_day();
  return moment(r, date / 10000, date / 100 % 100, date % 100, time);
}

int64_t day_first(Reader& r) {
  int64_t day = r.number(1, 2);
  const char separator = r.peek();
  r.one_of("./-");
  int64_t month = r.number(1, 2);
  if (r.peek() != separator) r.good = false;
  r.one_of("./-");
  int64_t year = r.number(2, 4);
  if (year < 100) year += 2000;
  r.one_of(" ,;T\t");
  if (r.peek() == ' ') ++r.at;
  const int64_t time = r.time_of_day(false);
  if (separator == '/' && month > 12) std::swap(day, month);
  return moment(r, year, month, day, time);
}

int64_t month_day(Reader& r) {
  const int month = r.month_name();
  r.one_of(" ");
  if (r.peek() == ' ') ++r.at;
  const int64_t day = r.number(1, 2);
  r.one_of(" ");
  int64_t year = kYearless;
  if (is_digit(r.peek(3)) && r.peek(4) == ' ') {
    year = r.number(4, 4);
    ++r.at;
  }
  const int64_t time = r.time_of_day();
  if (year == kYearless && r.peek() == ' ' && r.peek(1) == '2' && is_digit(r.peek(4)) && !is_digit(r.peek(5))) {
    ++r.at;  // as in the C library's "Mon Mar  2 04:18:57 2026"
    year = r.number(4, 4);
  }
  return moment(r, year, month, day, time);
}

int64_t day_month(Reader& r) {
  const int64_t day = r.number(1, 2);
  const char separator = r.peek();
  r.one_of(" -/");
  const int month = r.month_name();
  if (r.peek() != separator) r.good = false;
  r.one_of(" -/");
  const int64_t year = r.number(4, 4);
  r.one_of(" :");
  const int64_t time = r.time_of_day();
  r.skip_zone();
  return moment(r, year, month, day, time);
}

int64_t month_digits(Reader& r) {
  const int64_t month = r.number(2, 2);
  r.one_of("-");
  const int64_t day = r.number(2, 2);
  r.one_of(" ");
  const int64_t time = r.time_of_day();
  return moment(r, kYearless, month, day, time);
}

int64_t klog(Reader& r) {  // of the lines of glog and klog, behind the letter of the level
  const int64_t date = r.number(4, 4);
  r.one_of(" ");
  const int64_t time = r.time_of_day();
  return moment(r, kYearless, date / 100, date % 100, time);
}

int64_t seconds(Reader& r) {
  r.one_of("[");
  while (r.peek() == ' ') ++r.at;
  const int64_t whole = r.number(1, 9);
  if (r.peek() != '.') r.good = false;
  const int64_t part = r.fraction();
  r.one_of("]");
  return whole * kSecond + part;
}

int64_t epoch(Reader& r) {
  const int64_t value = r.number(10, 13);
  const bool in_seconds = value < 100'000'000'000;
  const int64_t part = in_seconds ? r.fraction() : 0;
  // 2001 to 2096: any other number is something else.
  const int64_t whole = in_seconds ? value : value / 1000;
  if (whole < 1'000'000'000 || whole > 4'000'000'000 || is_letter(r.peek())) r.good = false;
  return in_seconds ? value * kSecond + part : value;
}

int64_t time_only(Reader& r) { return r.time_of_day(); }

using ReadForm = int64_t (*)(Reader&);
constexpr std::array<ReadForm, 11> kForms = {iso,          compact, day_first, month_day, day_month, day_month,
                                             month_digits, klog,    seconds,   epoch,     time_only};

std::optional<LogStamp> read_form(std::string_view line, size_t begin, int kind) {
  Reader reader{line, begin};
  const int64_t time = kForms[static_cast<size_t>(kind)](reader);
  if (!reader.good) return std::nullopt;
  if (is_digit(reader.peek()) || (is_letter(reader.peek()) && reader.peek() != 'T')) return std::nullopt;
  return LogStamp{time, begin, reader.at};
}

bool may_begin(std::string_view line, size_t at) {
  const char c = line[at];
  const char before = at == 0 ? ' ' : line[at - 1];
  if (is_digit(c)) {
    return !is_digit(before) && before != '.' && before != ':' && before != '-' &&
           (!is_letter(before) || (at == 1 && at + 5 < line.size() && line[at + 4] == ' '));
  }
  if (is_letter(c)) return !is_letter(before) && !is_digit(before) && at + 9 < line.size() && line[at + 3] == ' ';
  return c == '[' && at == 0;
}

}  // namespace

int64_t log_days(int64_t year, int month, int day) {
  const std::chrono::year_month_day first{std::chrono::year(static_cast<int>(year)),
                                          std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(1)};
  return std::chrono::sys_days(first).time_since_epoch().count() + day - 1;
}

LogDate log_date(int64_t time) {
  constexpr int64_t kFarthestDay = 10'000'000;  // some 27,000 years: what a calendar of the library holds
  const int64_t day = std::chrono::floor<std::chrono::days>(std::chrono::milliseconds(time)).count();
  const std::chrono::days days(std::clamp(day, -kFarthestDay, kFarthestDay));
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  const int64_t second = (time - day * kDay) / kSecond;
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(second / 3600),
          static_cast<int>(second / 60 % 60),
          static_cast<int>(second % 60)};
}

std::optional<LogStamp> LogClock::find(std::string_view line) {
  if (last_.kind >= 0 && last_.begin < line.size() && may_begin(line, last_.begin)) {
    if (const auto stamp = read_form(line, last_.begin, last_.kind)) return settle(*stamp, last_.kind);
  }
  const size_t end = line.size() < kFarthest ? line.size() : kFarthest;
  for (size_t at = 0; at < end; ++at) {
    if (!may_begin(line, at)) continue;
    for (int kind = 0; kind < static_cast<int>(kForms.size()); ++kind) {
      // What could be any number is a time only where the line begins with it.
      if ((kind == kEpoch || kind == kTimeOnly || kind == kMonthDigits) && at > 16) continue;
      const auto stamp = read_form(line, at, kind);
      if (!stamp) continue;
      last_ = {at, kind};
      return settle(*stamp, kind);
    }
  }
  return std::nullopt;
}

std::optional<LogStamp> LogClock::read(std::string_view text) {
  if (text.empty() || !may_begin(text, 0)) return std::nullopt;
  for (int kind = 0; kind < static_cast<int>(kForms.size()); ++kind) {
    const auto stamp = read_form(text, 0, kind);
    if (stamp && stamp->end == text.size()) return stamp;
  }
  return std::nullopt;
}

LogStamp LogClock::settle(LogStamp stamp, int kind) {
  const bool has_no_year = kind == kMonthDay || kind == kMonthDigits || kind == kKlog;
  if (kind == kTimeOnly) {
    if (last_time_ && stamp.time + days_ * kDay < *last_time_ - kDay / 2) ++days_;
    stamp.time += days_ * kDay;
  } else if (has_no_year && log_date(stamp.time).year == kYearless) {
    const auto moved = [&] {
      const LogDate date = log_date(stamp.time);
      return log_days(kYearless + years_, date.month, date.day) * kDay + stamp.time % kDay;
    };
    if (last_time_ && moved() < *last_time_ - 183 * kDay) ++years_;
    stamp.time = moved();
  }
  last_time_ = stamp.time;
  return stamp;
}

}  // namespace thimble
