// The words by which logs state how bad a line is, and the words of their keys.
#pragma once

#include <optional>
#include <string_view>

#include "assist/log_facts.h"

namespace thimble {

struct StatedLevel {
  LogLevel level;
  bool is_operator = false;  // USER and its like: a person's entry
};

// ERROR, Warn, crit, ...: words that are levels wherever one is expected. nullopt for others.
std::optional<StatedLevel> stated_level(std::string_view word);
// STOP, FAULT, ALARM: a level where a message follows, a machine's state before readings.
std::optional<StatedLevel> alarm_level(std::string_view word);
// The letters V D I N W E F C and A of a column or of Android's and klog's prefixes.
std::optional<StatedLevel> letter_level(std::string_view letter);
// 0 to 7 as in RFC 5424.
std::optional<StatedLevel> syslog_level(std::string_view number);

// kind: it may hold a level among other things, as type=ALARM does.
enum class LogKey : uint8_t { other, level, kind, message, state };
LogKey log_key(std::string_view name);

// What a field of readings says of a machine: FAULT, ALARM, ESTOP, TRIPPED, ...
bool is_alarming_state(std::string_view state);

}  // namespace thimble
