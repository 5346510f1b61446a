#include "assist/log_fields.h"

#include <algorithm>
#include <iterator>

#include "assist/log_level.h"
#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_letter;
using ascii::without_spaces;

constexpr size_t kMostFields = 64;
constexpr size_t kMostUnit = 8;

bool is_key(char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-' || c == '/'; }

// Where the value that begins at `at` ends: at a space, or behind the closing quote.
size_t value_end(std::string_view body, size_t at) {
  if (at < body.size() && (body[at] == '"' || body[at] == '\'')) {
    for (size_t i = at + 1; i < body.size(); ++i) {
      if (body[i] == '\\') {
        ++i;
      } else if (body[i] == body[at]) {
        return i + 1;
      }
    }
    return body.size();
  }
  while (at < body.size() && body[at] != ' ' && body[at] != '\t') ++at;
  return at;
}

// What is written in place of a reading that there is none of.
bool is_no_value(std::string_view value) {
  constexpr std::string_view kNone[] = {"nan",  "NaN",  "NAN",  "n/a", "N/A", "---", "--",
                                        "null", "NULL", "None", "???", "inf", "bad", "BAD"};
  return std::ranges::find(kNone, value) != std::end(kNone);
}

std::string_view unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front()) {
    return value.substr(1, value.size() - 2);
  }
  while (!value.empty() && (value.back() == ',' || value.back() == ';')) value.remove_suffix(1);
  return value;
}

bool is_unit(std::string_view text) {
  text = without_spaces(text);
  if (text.size() > kMostUnit) return false;
  if (text.empty()) return true;
  if (text[0] == 'x' || text[0] == 'X') return false;  // hexadecimal
  if (!is_letter(text[0]) && text[0] != '%' && !(text[0] & 0x80)) return false;
  return std::ranges::none_of(text, [](char c) { return c == ':' || c == ' ' || c == '=' || c == '.' || c == '-'; });
}

// The first digit of the item that begins a word, with its sign; npos where there is none.
size_t number_begin(std::string_view item) {
  for (size_t i = 0; i < item.size(); ++i) {
    if (!is_digit(item[i])) continue;
    const size_t sign = i > 0 && (item[i - 1] == '-' || item[i - 1] == '+') ? i - 1 : i;
    if (sign > 0 && (item[sign - 1] == ' ' || item[sign - 1] == ':')) return sign;
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<double> log_number(std::string_view text, bool decimal_comma) {
  size_t at = 0;
  const bool is_negative = !text.empty() && text[0] == '-';
  if (is_negative || (!text.empty() && text[0] == '+')) ++at;
  double value = 0;
  size_t digits = 0;
  for (; at < text.size() && is_digit(text[at]); ++at, ++digits) value = value * 10 + (text[at] - '0');
  if (digits == 0 || digits > 15) return std::nullopt;
  if (at + 1 < text.size() && (text[at] == '.' || (decimal_comma && text[at] == ',')) && is_digit(text[at + 1])) {
    double scale = 1;
    double part = 0;
    for (++at, digits = 0; at < text.size() && is_digit(text[at]) && digits < 15; ++at, ++digits) {
      part = part * 10 + (text[at] - '0');
      scale *= 10;
    }
    value += part / scale;
  }
  if (!is_unit(text.substr(at))) return std::nullopt;
  return is_negative ? -value : value;
}

bool take_value(std::string_view name, std::string_view value, bool decimal_comma, LogRecord& record) {
  const LogKey key = log_key(name);
  switch (key) {
    case LogKey::level:
    case LogKey::kind: {
      auto level = stated_level(value);
      if (!level) level = letter_level(value);
      // "level=3" may well be a tank's.
      if (!level && (name.starts_with("prio") || name.starts_with("PRIO"))) level = syslog_level(value);
      if (!level && key == LogKey::kind) level = alarm_level(value);
      if (level && (key == LogKey::level || record.level == LogLevel::none)) {
        record.level = level->level;
        record.is_operator = level->is_operator;
      }
      if (level) return false;
      break;
    }
    case LogKey::message:
      if (!value.empty()) record.message = value;
      return false;
    case LogKey::state:
      if (!log_number(value)) {
        record.state = value;
        return !value.empty();
      }
      [[fallthrough]];
    case LogKey::other: break;
  }
  const auto number = log_number(value, decimal_comma);
  if (!number && is_no_value(value)) {
    record.missing = name;
    ++record.missing_count;
    return true;
  }
  if (!number || record.fields.size() == kMostFields) return false;
  record.fields.push_back({name, *number});
  return true;
}

bool read_pairs(std::string_view body, LogRecord& record) {
  if (body.find('=') == std::string_view::npos) return false;
  const std::string_view whole = record.message;
  record.message = {};
  size_t pairs = 0, others = 0;
  for (size_t at = 0; at < body.size();) {
    if (body[at] == ' ' || body[at] == '\t') {
      ++at;
      continue;
    }
    size_t key_end = at;
    while (key_end < body.size() && is_key(body[key_end])) ++key_end;
    if (key_end > at && key_end < body.size() && body[key_end] == '=') {
      const size_t end = value_end(body, key_end + 1);
      const std::string_view value = unquoted(body.substr(key_end + 1, end - key_end - 1));
      take_value(body.substr(at, key_end - at), value, false, record);
      ++pairs;
      at = end;
    } else {
      ++others;
      at = value_end(body, at);
    }
  }
  if (!record.message.empty()) {
    record.fields.clear();
    return true;
  }
  record.is_readings = pairs >= 2 && others <= 2 && record.readings() >= 2 && record.readings() * 2 >= pairs;
  if (!record.is_readings) {
    record.fields.clear();
    record.message = whole;
  }
  return record.is_readings;
}

bool read_list(std::string_view body, LogRecord& record) {
  size_t items = 0, understood = 0;
  for (size_t at = 0; at < body.size();) {
    const size_t end = std::min({body.find(", ", at), body.find("; ", at), body.size()});
    const std::string_view item = without_spaces(body.substr(at, end - at));
    at = end + 2;
    ++items;
    const size_t number = number_begin(item);
    if (number == std::string_view::npos) {
      const size_t space = item.find(' ');
      if (space == std::string_view::npos || log_key(item.substr(0, space)) != LogKey::state) continue;
      record.state = item.substr(space + 1);
      ++understood;
      continue;
    }
    std::string_view name = without_spaces(item.substr(0, number));
    if (name.ends_with(':')) name.remove_suffix(1);
    if (name.empty() || name.size() > 32 || std::ranges::any_of(name, is_digit)) continue;
    if (take_value(name, item.substr(number), false, record)) ++understood;
  }
  record.is_readings = record.readings() >= 2 && understood * 10 >= items * 6;
  if (!record.is_readings) {
    record.fields.clear();
  } else {
    record.message = {};
  }
  return record.is_readings;
}

bool read_json(std::string_view body, LogRecord& record) {
  if (!body.starts_with('{')) return false;
  record.message = {};
  std::string_view key;
  bool expects_value = false;
  size_t members = 0;
  for (size_t at = 1; at < body.size();) {
    const char c = body[at];
    if (c == '"') {
      const size_t end = value_end(body, at);
      const std::string_view text = unquoted(body.substr(at, end - at));
      if (expects_value) {
        take_value(key, text, false, record);
        expects_value = false;
        ++members;
      } else {
        key = text;
      }
      at = end;
    } else if (expects_value && (is_digit(c) || c == '-' || is_letter(c))) {
      size_t end = at;
      while (end < body.size() && body[end] != ',' && body[end] != '}' && body[end] != ']' && body[end] != ' ') ++end;
      take_value(key, body.substr(at, end - at), false, record);
      expects_value = false;
      ++members;
      at = end;
    } else {
      if (c == ':') expects_value = true;
      if (c == '{' || c == '[' || c == ',') expects_value = false;
      ++at;
    }
  }
  record.is_readings = record.message.empty() && record.readings() >= 2;
  if (!record.is_readings) record.fields.clear();
  if (!record.is_readings && record.message.empty()) record.message = body;
  return members != 0;
}

}  // namespace thimble
