// The readers of one body of text each: they fill a record and say whether the body was of their kind.
#pragma once

#include <optional>
#include <string_view>

#include "assist/log_record.h"

namespace thimble {

// A number and what follows it ("5.53bar", "12 %", "-3.5e2"); nullopt where the text is no number with at most a unit: a time, a
// version, an address. A comma is a decimal one where `decimal_comma` says so.
std::optional<double> log_number(std::string_view text, bool decimal_comma = false);

// key=value pairs, quoted values among them.
bool read_pairs(std::string_view body, LogRecord& record);
// "speed 0.79 m/s, current 9.3 A, state RUN"
bool read_list(std::string_view body, LogRecord& record);
// {"level": "warn", "temp": 21.5, ...}: the members of the object, and those of objects in it.
bool read_json(std::string_view body, LogRecord& record);

// Gives a value to the record by its key's meaning. Returns whether it was a reading or a state.
bool take_value(std::string_view name, std::string_view value, bool decimal_comma, LogRecord& record);

}  // namespace thimble
