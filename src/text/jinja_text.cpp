#include "text/jinja_text.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja_case_tables.h"
#include "text/unicode_class.h"

namespace thimble::jinja {
namespace {

void append_mapped(std::string& out, uint32_t c, const CaseTable& table) {
  const auto special = std::ranges::lower_bound(table.specials, c, {}, &CaseSpecial::code_point);
  if (special != table.specials.end() && special->code_point == c) {
    out += special->text;
    return;
  }
  const auto range = std::ranges::lower_bound(table.ranges, c, {}, &CaseRange::last);
  const bool hit = range != table.ranges.end() && c >= range->first && (c - range->first) % range->step == 0;
  append_utf8(out, hit ? static_cast<uint32_t>(static_cast<int64_t>(c) + range->delta) : c);
}

std::string mapped(uint32_t c, const CaseTable& table) {
  std::string out;
  append_mapped(out, c, table);
  return out;
}

std::string map_all(std::string_view text, const CaseTable& table) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text, i);
    append_mapped(out, c.value, table);
    i += c.length;
  }
  return out;
}

bool changes(std::string_view character, const CaseTable& table) {
  return mapped(decode_utf8(character, 0).value, table) != character;
}
// Characters with case are those that some mapping changes.
bool is_lower_character(std::string_view c) { return changes(c, kUpperTable); }
bool is_upper_character(std::string_view c) { return changes(c, kLowerTable); }

constexpr uint32_t kCapitalSigma = 0x3a3;
constexpr uint32_t kFinalSigma = 0x3c2;

bool begins_with_case(std::string_view text) {
  if (text.empty()) return false;
  const std::string_view first = text.substr(0, decode_utf8(text, 0).length);
  return is_lower_character(first) || is_upper_character(first);
}

bool is_letter(uint32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return unicode_class(c) == UnicodeClass::letter;
}
bool is_number(uint32_t c) { return c < 0x80 ? c >= '0' && c <= '9' : unicode_class(c) == UnicodeClass::number; }
bool is_printable(uint32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7f;
  const UnicodeClass kind = unicode_class(c);
  return kind != UnicodeClass::white_space && kind != UnicodeClass::other;
}

bool in_class(uint32_t c, CharacterClass character_class) {
  switch (character_class) {
    case CharacterClass::alphabetic: return is_letter(c);
    case CharacterClass::numeric: return is_number(c);
    case CharacterClass::alphanumeric: return is_letter(c) || is_number(c);
    case CharacterClass::printable: return is_printable(c);
  }
  return false;
}

}  // namespace

bool is_space(uint32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20);
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (!is_space(c.value)) break;
    at += c.length;
  }
  return at;
}

size_t trailing_space(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    if (!is_space(decode_utf8(text, begin).value)) break;
    end = begin;
  }
  return text.size() - end;
}

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

size_t byte_offset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += decode_utf8(text, at).length;
  return at;
}

std::vector<std::string_view> code_points(std::string_view text) {
  std::vector<std::string_view> out;
  for (size_t i = 0; i < text.size();) {
    const size_t length = decode_utf8(text, i).length;
    out.push_back(text.substr(i, length));
    i += length;
  }
  return out;
}

std::string to_upper(std::string_view text) { return map_all(text, kUpperTable); }
std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool inside_word = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text, i);
    const std::string_view behind = text.substr(i + c.length);
    const bool ends_word = c.value == kCapitalSigma && inside_word && !begins_with_case(behind);
    append_mapped(out, ends_word ? kFinalSigma : c.value, kLowerTable);
    inside_word = begins_with_case(text.substr(i, c.length));
    i += c.length;
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  const CodePoint first = decode_utf8(text, 0);
  return mapped(first.value, kTitleTable) + to_lower(text.substr(first.length));
}

std::string to_title(std::string_view text) {
  std::string out;
  bool inside_word = false;
  for (const std::string_view c : code_points(text)) {
    append_mapped(out, decode_utf8(c, 0).value, inside_word ? kLowerTable : kTitleTable);
    inside_word = is_lower_character(c) || is_upper_character(c);
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (const std::string_view c : code_points(text)) {
    append_mapped(out, decode_utf8(c, 0).value, is_upper_character(c) ? kLowerTable : kUpperTable);
  }
  return out;
}

bool is_lower(std::string_view text) {
  const auto characters = code_points(text);
  return std::ranges::any_of(characters, is_lower_character) && std::ranges::none_of(characters, is_upper_character);
}

bool is_upper(std::string_view text) {
  const auto characters = code_points(text);
  return std::ranges::any_of(characters, is_upper_character) && std::ranges::none_of(characters, is_lower_character);
}

bool all_in_class(std::string_view text, CharacterClass character_class) {
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text, i);
    if (!in_class(c.value, character_class)) return false;
    i += c.length;
  }
  return true;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> out;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = decode_utf8(text, i);
    const bool ends = (c.value >= 0x0a && c.value <= 0x0d) || (c.value >= 0x1c && c.value <= 0x1e) || c.value == 0x85 ||
                      c.value == 0x2028 || c.value == 0x2029;
    size_t next = i + c.length;
    if (!ends) {
      i = next;
      continue;
    }
    if (c.value == '\r' && next < text.size() && text[next] == '\n') ++next;
    out.push_back(text.substr(begin, (keep_ends ? next : i) - begin));
    begin = i = next;
  }
  if (begin < text.size()) out.push_back(text.substr(begin));
  return out;
}

}  // namespace thimble::jinja
