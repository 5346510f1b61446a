#include "assist/log_level.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace thimble {
namespace {

constexpr size_t kLongest = 16;

// Lower case, in `buffer`; empty for what is longer than any word of the lists.
std::string_view lowered(std::string_view word, std::array<char, kLongest>& buffer) {
  if (word.size() > kLongest) return {};
  std::ranges::transform(word, buffer.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return {buffer.data(), word.size()};
}

struct Row {
  std::string_view word;
  StatedLevel level;
};

template <size_t N>
std::optional<StatedLevel> find(const Row (&rows)[N], std::string_view word) {
  std::array<char, kLongest> buffer;
  const std::string_view wanted = lowered(word, buffer);
  if (wanted.size() < 3) return std::nullopt;
  for (const Row& row : rows) {
    if (row.word == wanted) return row.level;
  }
  return std::nullopt;
}

constexpr Row kLevels[] = {
    {"trace", {LogLevel::debug}},       {"debug", {LogLevel::debug}},        {"dbg", {LogLevel::debug}},
    {"verbose", {LogLevel::debug}},     {"fine", {LogLevel::debug}},         {"info", {LogLevel::info}},
    {"inf", {LogLevel::info}},          {"information", {LogLevel::info}},   {"notice", {LogLevel::notice}},
    {"note", {LogLevel::notice}},       {"user", {LogLevel::notice, true}},  {"operator", {LogLevel::notice, true}},
    {"warn", {LogLevel::warning}},      {"warning", {LogLevel::warning}},    {"wrn", {LogLevel::warning}},
    {"err", {LogLevel::error}},         {"error", {LogLevel::error}},        {"fail", {LogLevel::error}},
    {"failure", {LogLevel::error}},     {"severe", {LogLevel::error}},       {"crit", {LogLevel::critical}},
    {"critical", {LogLevel::critical}}, {"fatal", {LogLevel::critical}},     {"alert", {LogLevel::critical}},
    {"emerg", {LogLevel::critical}},    {"emergency", {LogLevel::critical}}, {"panic", {LogLevel::critical}},
};

constexpr Row kAlarms[] = {{"stop", {LogLevel::error}},
                           {"fault", {LogLevel::error}},
                           {"alarm", {LogLevel::error}},
                           {"trip", {LogLevel::error}}};

}  // namespace

std::optional<StatedLevel> stated_level(std::string_view word) { return find(kLevels, word); }
std::optional<StatedLevel> alarm_level(std::string_view word) { return find(kAlarms, word); }

std::optional<StatedLevel> letter_level(std::string_view letter) {
  if (letter.size() != 1) return std::nullopt;
  switch (letter[0]) {
    case 'V':
    case 'D': return StatedLevel{LogLevel::debug};
    case 'I': return StatedLevel{LogLevel::info};
    case 'N': return StatedLevel{LogLevel::notice};
    case 'U': return StatedLevel{LogLevel::notice, true};
    case 'W': return StatedLevel{LogLevel::warning};
    case 'E':
    case 'A': return StatedLevel{LogLevel::error};
    case 'F':
    case 'C': return StatedLevel{LogLevel::critical};
    default: return std::nullopt;
  }
}

std::optional<StatedLevel> syslog_level(std::string_view number) {
  if (number.size() != 1 || number[0] < '0' || number[0] > '7') return std::nullopt;
  constexpr LogLevel kByNumber[] = {LogLevel::critical, LogLevel::critical, LogLevel::critical, LogLevel::error,
                                    LogLevel::warning,  LogLevel::notice,   LogLevel::info,     LogLevel::debug};
  return StatedLevel{kByNumber[number[0] - '0']};
}

LogKey log_key(std::string_view name) {
  constexpr std::string_view kLevelKeys[] = {"lvl",       "level", "severity", "loglevel", "log_level",
                                             "levelname", "prio",  "priority", "PRIORITY", "class"};
  constexpr std::string_view kKindKeys[] = {"type", "kind", "cat", "category", "evt", "ev", "sev", "Type", "Kind"};
  constexpr std::string_view kMessageKeys[] = {"msg",    "message", "MESSAGE", "text",       "event", "description",
                                               "remark", "comment", "note",    "alarm_text", "info",  "details"};
  constexpr std::string_view kStateKeys[] = {"state", "status", "mode", "State", "Status", "Mode"};
  if (std::ranges::find(kLevelKeys, name) != std::end(kLevelKeys)) return LogKey::level;
  if (std::ranges::find(kKindKeys, name) != std::end(kKindKeys)) return LogKey::kind;
  if (std::ranges::find(kMessageKeys, name) != std::end(kMessageKeys)) return LogKey::message;
  if (std::ranges::find(kStateKeys, name) != std::end(kStateKeys)) return LogKey::state;
  if (name == "Message" || name == "Text" || name == "Event") return LogKey::message;
  return name == "Level" || name == "Severity" ? LogKey::level : LogKey::other;
}

bool is_alarming_state(std::string_view state) {
  constexpr std::string_view kStates[] = {"fault",   "faulted", "alarm",     "error",  "err",     "estop",     "e-stop",
                                          "tripped", "trip",    "emergency", "failed", "failure", "locked-out"};
  std::array<char, kLongest> buffer;
  const std::string_view wanted = lowered(state, buffer);
  return !wanted.empty() && std::ranges::find(kStates, wanted) != std::end(kStates);
}

}  // namespace thimble
