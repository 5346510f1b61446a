// What a message says of the machine or program that wrote it, by its level and its words alone: a problem, its end, something that
// a person changed, a restart, or nothing to report. The word lists are English and of no particular log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "assist/log_facts.h"

namespace thimble {

struct LogSignal {
  enum class Sort : uint8_t { routine, problem, recovery, action, restart };
  Sort sort = Sort::routine;
  const char* kind = "";
  LogSeverity severity = LogSeverity::info;
  bool is_general = false;           // a recovery whatever was wrong: reset, restarted, back
  bool is_person = false;            // a person's entry, or of a level between information and warning
  std::string code;                  // E07
  std::vector<std::string> words{};  // what it is about, in small letters
};

LogSignal read_signal(std::string_view message, LogLevel level, bool is_operator);

// The words of what a person may read, for comparison with LogSignal::words: a field's name among them.
std::vector<std::string> subject_words(std::string_view text);
// Whether one list has a word that begins as one of the other's does.
bool share_word(const std::vector<std::string>& a, const std::vector<std::string>& b);

// The values before and after, of "mode AUTO -> MANUAL" or "changed from 5.5 to 6.0 bar"; empty where there are none.
struct LogChange {
  std::string before;
  std::string after;
};
LogChange read_change(std::string_view message);

}  // namespace thimble
