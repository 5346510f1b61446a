#include "assist/log_lines.h"

#include <algorithm>

#include "base/error.h"

namespace thimble {
namespace {

constexpr char kEscape = '\x1b';

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// The bytes of an escape sequence at the beginning of `text` (ECMA-48: CSI, OSC, or two bytes).
size_t escape_length(std::string_view text) {
  if (text.size() < 2) return 1;
  if (text[1] == ']') {
    for (size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == kEscape) return i + (i + 1 < text.size() ? 2 : 1);
    }
    return text.size();
  }
  if (text[1] != '[') return 2;
  size_t i = 2;
  while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3f) ++i;
  return std::min(i + 1, text.size());
}

}  // namespace

void require_log_text(std::string_view beginning, std::string_view name) {
  constexpr std::string_view kCompressed[] = {"\x1f\x8b", "\xfd\x37zXZ", "BZh", "\x28\xb5\x2f\xfd", "PK\x03\x04"};
  for (const std::string_view magic : kCompressed) {
    if (beginning.starts_with(magic)) {
      fail(ExitCode::bad_file, "{}: compressed data, expected a text log; unpack it first", printable(name));
    }
  }
  if (beginning.starts_with("\xff\xfe") || beginning.starts_with("\xfe\xff")) {
    fail(ExitCode::bad_file, "{}: UTF-16 text, expected UTF-8; convert it with: iconv -f UTF-16 -t UTF-8",
         printable(name));
  }
  beginning = beginning.substr(0, kLogBeginning);
  size_t nulls = 0, controls = 0;
  for (const char c : beginning) {
    if (c == '\0') {
      ++nulls;
    } else if (is_control(c) && (c < '\a' || c > '\r') && c != kEscape) {
      ++controls;
    }
  }
  // A file system that lost its power leaves stretches of NULs in a log; a binary file has the other controls too.
  if (controls * 50 > beginning.size() || (nulls != 0 && nulls == beginning.size()) ||
      (nulls * 5 > beginning.size() && controls != 0)) {
    fail(ExitCode::bad_file, "{}: binary data, expected a text log ({} control characters in the first {} bytes)",
         printable(name), nulls + controls, beginning.size());
  }
}

bool is_clean(std::string_view line) {
  bool clean = true;
  for (const char c : line) clean &= !is_control(c) | (c == '\t');
  return clean;
}

void append_clean(std::string& out, std::string_view line) {
  for (size_t i = 0; i < line.size();) {
    if (line[i] == kEscape) {
      i += escape_length(line.substr(i));
      continue;
    }
    if (!is_control(line[i]) || line[i] == '\t') out += line[i];
    ++i;
  }
}

void LogLines::keep(std::string_view part) {
  has_held_ = true;
  const size_t room = kKeptBytes - held_.size();
  if (part.size() > room) is_cut_ = true;
  held_.append(part.substr(0, room));
}

}  // namespace thimble
