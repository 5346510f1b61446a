#include "assist/log_signal.h"

#include <algorithm>
#include <bitset>
#include <iterator>
#include <span>

#include "assist/log_words.h"
#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_letter;
using ascii::is_upper;

using Sort = LogSignal::Sort;

constexpr size_t kMostRead = 512;
constexpr size_t kMostSubjects = 12;
constexpr size_t kMostName = 48;            // bytes on either side of a dash
constexpr ptrdiff_t kMostCounterWords = 7;  // of a line that tells a figure only

// " e07 dry running flow below limit ": small letters, words with one space around each. "%" is a word.
struct PlainText {
  std::string text = " ";
  std::bitset<1024> starts{};  // the first two letters of its words, so that most phrases need no search

  explicit PlainText(std::string_view message);
  static size_t start_of(std::string_view word) {  // behind its space
    return static_cast<size_t>(word[1] & 31) * 32 + static_cast<size_t>(word[2] & 31);
  }
  size_t find(std::string_view phrase, size_t from = 0) const {
    return starts[start_of(phrase)] ? text.find(phrase, from) : std::string::npos;
  }
};

// Whether message[at] joins letters to a name: error.cpp, /var/log/error, libgpg-error-dev; not over-temperature nor out-of-range.
bool joins_name(std::string_view message, size_t at) {
  const auto is_letter_at = [&](size_t i) { return i < message.size() && is_letter(message[i]); };
  if (at == 0 || !is_letter_at(at - 1) || !is_letter_at(at + 1)) return false;
  if (message[at] == '.' || message[at] == '/') return true;
  if (message[at] != '-') return false;
  size_t begin = at, end = at;
  const auto is_name = [&](size_t i) { return is_letter(message[i]) || is_digit(message[i]) || message[i] == '-'; };
  while (begin > 0 && at - begin < kMostName && is_name(begin - 1)) --begin;
  while (end < message.size() && end - at < kMostName && is_name(end)) ++end;
  const std::string_view name = message.substr(begin, end - begin);
  return std::ranges::count(name, '-') >= 2 && name.find("-of-") == std::string_view::npos;
}

PlainText::PlainText(std::string_view message) {
  message = message.substr(0, kMostRead);
  for (size_t i = 0; i < message.size(); ++i) {
    const char c = message[i];
    if (is_letter(c)) {
      text += static_cast<char>(c | 0x20);
    } else if (is_digit(c) || (c & 0x80)) {
      text += c;
    } else if (joins_name(message, i)) {
      text += '_';
    } else if (c == '%') {
      text += text.back() == ' ' ? "% " : " % ";
    } else if (text.back() != ' ') {
      text += ' ';
    }
  }
  if (text.back() != ' ') text += ' ';
  for (size_t space = 0; space + 2 < text.size(); ++space) {
    if (text[space] == ' ') starts.set(start_of(std::string_view(text).substr(space, 3)));
  }
}

// Phrases begin and may end with a space: " fail" is in " failed ".
bool has(const PlainText& text, std::span<const std::string_view> phrases) {
  return std::ranges::any_of(phrases, [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; });
}

// Whether what follows at `at`, a space, denies: "errors 0", "alarm list empty", "error counter 0".
bool is_none_of(std::string_view text, size_t at) {
  constexpr std::string_view kNone[] = {"0", "none", "empty", "zero", "nil"};
  for (int word = 0; word < 2 && at + 1 < text.size(); ++word) {
    const size_t end = std::min(text.find(' ', at + 1), text.size());
    if (std::ranges::find(kNone, text.substr(at + 1, end - at - 1)) != std::end(kNone)) return true;
    at = end;
  }
  return false;
}

// A problem's word that is not denied: "0 errors", "no failures", "without faults".
bool has_undenied(const PlainText& plain, std::span<const std::string_view> phrases) {
  constexpr std::string_view kDenials[] = {" no", " 0", " without", " not", " zero", " any", " non"};
  const std::string& text = plain.text;
  for (const std::string_view phrase : phrases) {
    for (size_t at = plain.find(phrase); at != std::string::npos; at = text.find(phrase, at + 1)) {
      const std::string_view before(text.data(), at);
      const bool denied = std::ranges::any_of(kDenials, [&](std::string_view word) { return before.ends_with(word); });
      if (!denied && !is_none_of(text, text.find(' ', at + 1))) return true;
    }
  }
  return false;
}

std::string find_code(std::string_view message) {
  for (size_t at = 0; at < message.size() && at < kMostRead; ++at) {
    if (!is_upper(message[at]) || (at > 0 && (is_letter(message[at - 1]) || is_digit(message[at - 1])))) continue;
    size_t end = at;
    while (end < message.size() && is_upper(message[end])) ++end;
    const size_t letters = end - at;
    if (end < message.size() && message[end] == '-') ++end;
    const size_t digits_begin = end;
    while (end < message.size() && is_digit(message[end])) ++end;
    const size_t digits = end - digits_begin;
    const bool ends = end == message.size() || (!is_letter(message[end]) && message[end] != '-' && message[end] != '_');
    if (letters <= 2 && digits >= 2 && digits <= 4 && ends) return std::string(message.substr(at, end - at));
  }
  return {};
}

// A step of the clock of two seconds or more, or one that says no amount.
bool is_clock_step(const PlainText& plain) {
  if (!has(plain, words::kClock) || !has(plain, words::kClockSteps)) return false;
  const std::string& text = plain.text;
  for (size_t at = 1; at < text.size(); ++at) {
    if (!is_digit(text[at]) || is_digit(text[at - 1])) continue;
    int64_t value = 0;
    size_t end = at;
    for (; is_digit(text[end]); ++end) value = std::min<int64_t>(value * 10 + (text[end] - '0'), 1'000'000);
    if (text[end] == ' ' && is_digit(text[end + 1])) {  // what was behind the point
      for (++end; is_digit(text[end]);) ++end;
    }
    const std::string_view unit = std::string_view(text).substr(end, 5);
    if (unit.starts_with(" ms ") || unit.starts_with("ms ") || unit.starts_with(" us ") || unit.starts_with("us ")) {
      return false;
    }
    const bool in_seconds =
        unit.starts_with(" s ") || unit.starts_with("s ") || unit.starts_with(" sec") || unit.starts_with("sec");
    if (in_seconds) return value >= 2;
    if (unit.starts_with(" min") || unit.starts_with(" h ") || unit.starts_with("h ") || unit.starts_with(" hou"))
      return true;
  }
  return has(plain, words::kClockFaults);
}

struct KindRow {
  const char* kind;
  std::span<const std::string_view> phrases;
};

const char* find_kind(const PlainText& text, LogLevel level, const std::string& code) {
  const KindRow rows[] = {{"trip", words::kEmergency},          {"power_failure", words::kPower},
                          {"missed_maintenance", words::kDue},  {"lost_communication", words::kCommunication},
                          {"lost_data", words::kLostData},      {"stuck", words::kStuck},
                          {"over_temperature", words::kTooHot}, {"low_level", words::kLowLevel},
                          {"restart", words::kRestart}};
  for (const KindRow& row : rows) {
    if (has(text, row.phrases)) return row.kind;
  }
  if (is_clock_step(text)) return "clock_jump";
  if (level >= LogLevel::error && (!code.empty() || has(text, words::kStopped))) return "trip";
  return level >= LogLevel::error || (level == LogLevel::none && has(text, words::kErrors)) ? "error" : "warning";
}

LogSeverity find_severity(const PlainText& text, LogLevel level) {
  if (level == LogLevel::critical) return LogSeverity::critical;
  if (level == LogLevel::error) return has(text, words::kCritical) ? LogSeverity::critical : LogSeverity::error;
  if (level == LogLevel::warning) return LogSeverity::warning;
  if (has(text, words::kDue)) return LogSeverity::warning;
  if (has(text, words::kEmergency) || has(text, words::kFatal)) return LogSeverity::critical;
  return has(text, words::kPower) || has(text, words::kErrors) ? LogSeverity::error : LogSeverity::warning;
}

bool is_action(const PlainText& text, std::string_view message, LogLevel level, bool is_operator) {
  if (level >= LogLevel::warning || level == LogLevel::debug) return false;
  const bool is_person = is_operator || has(text, words::kPersons);
  const bool is_setting = has(text, words::kSettings);
  if (has_undenied(text, words::kBypasses)) return is_person || level == LogLevel::notice;
  const LogChange change = read_change(message);
  if (!change.after.empty() && change.before != change.after) {
    return is_person || (has(text, words::kFirmSettings) && text.find(" state ") == std::string::npos);
  }
  return has(text, words::kChanges) && is_setting && is_person;
}

// Whether a line that states no more than information, or no level, is a problem all the same.
bool is_quiet_problem(const PlainText& text, LogLevel level) {
  if (level == LogLevel::debug || has(text, words::kRoutine)) return false;
  if (has_undenied(text, words::kPower) || has_undenied(text, words::kEmergency) || is_clock_step(text)) return true;
  if (has_undenied(text, words::kOverdue)) return true;
  if (has_undenied(text, words::kLostLinks)) return true;
  return level == LogLevel::none && (has_undenied(text, words::kErrors) || has_undenied(text, words::kTroubles));
}

Sort find_sort(const PlainText& text, std::string_view message, LogLevel level, bool is_operator) {
  const bool fails = has_undenied(text, words::kFailures);
  if (level >= LogLevel::warning) return has(text, words::kEnds) && !fails ? Sort::recovery : Sort::problem;
  if (is_action(text, message, level, is_operator)) return Sort::action;
  const bool is_quiet = is_quiet_problem(text, level);
  if (is_quiet && !has(text, words::kEnds) && !has(text, words::kReleases)) return Sort::problem;
  if (has(text, words::kCounters) && std::ranges::count(text.text, ' ') <= kMostCounterWords) return Sort::routine;
  if (!fails && has(text, words::kRecoveries)) return has(text, words::kRestart) ? Sort::restart : Sort::recovery;
  if (is_quiet) return Sort::problem;
  if (has(text, words::kRestart) && level != LogLevel::debug) return Sort::restart;
  return Sort::routine;
}

}  // namespace

std::vector<std::string> subject_words(std::string_view message) {
  std::vector<std::string> subjects;
  std::string word;
  const std::string_view text = message.substr(0, kMostRead);
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && is_letter(text[at])) {
      word += static_cast<char>(text[at] | 0x20);
      continue;
    }
    const bool is_common = std::ranges::find(words::kCommon, word) != std::end(words::kCommon);
    if (word.size() >= 3 && !is_common && std::ranges::find(subjects, word) == subjects.end() &&
        subjects.size() < kMostSubjects) {
      subjects.push_back(word);
    }
    word.clear();
  }
  return subjects;
}

bool share_word(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(a, [&](const std::string& word) {
    return std::ranges::any_of(b, [&](const std::string& other) {
      const size_t common = std::min({word.size(), other.size(), size_t{6}});
      return word.compare(0, common, other, 0, common) == 0;
    });
  });
}

LogChange read_change(std::string_view message) {
  message = message.substr(0, kMostRead);
  const auto last_word = [](std::string_view text) {
    while (text.ends_with(' ')) text.remove_suffix(1);
    const size_t space = text.find_last_of(" =:");
    return std::string(space == std::string_view::npos ? text : text.substr(space + 1));
  };
  const auto first_word = [](std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    return std::string(text.substr(0, text.find_first_of(" ,;")));
  };
  for (const std::string_view arrow : {"->", "=>", "\xe2\x86\x92"}) {
    const size_t at = message.find(arrow);
    if (at != std::string_view::npos)
      return {last_word(message.substr(0, at)), first_word(message.substr(at + arrow.size()))};
  }
  const size_t from = message.find(" from "), to = message.find(" to ", from);
  if (from == std::string_view::npos || to == std::string_view::npos || to > from + 40) return {};
  const PlainText text(message);
  if (!has(text, words::kChanges)) return {};
  return {first_word(message.substr(from + 6)), first_word(message.substr(to + 4))};
}

LogSignal read_signal(std::string_view message, LogLevel level, bool is_operator) {
  LogSignal signal;
  if (message.empty()) return signal;
  const PlainText text(message);
  signal.sort = find_sort(text, message, level, is_operator);
  signal.is_person = is_operator || level == LogLevel::notice || has(text, words::kWorkers);
  if (signal.sort == Sort::routine) return signal;
  signal.code = find_code(message);
  signal.words = subject_words(message);
  signal.is_general = has(text, words::kGeneralRecoveries);
  if (signal.sort == Sort::problem) {
    signal.kind = find_kind(text, level, signal.code);
    signal.severity = find_severity(text, level);
  } else if (signal.sort == Sort::action) {
    signal.kind = "operator_action";
  }
  return signal;
}

}  // namespace thimble
