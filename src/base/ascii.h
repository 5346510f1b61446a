// Characters of ASCII, whatever the locale; other bytes are none of them.
#pragma once

#include <string>
#include <string_view>

namespace thimble::ascii {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

constexpr char to_lower(char c) { return is_upper(c) ? static_cast<char>(c | 0x20) : c; }
inline std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower(c);
  return out;
}

// Without what of `characters` is at its front, or at both ends.
constexpr std::string_view without_front(std::string_view text, std::string_view characters) {
  while (!text.empty() && characters.find(text.front()) != std::string_view::npos) text.remove_prefix(1);
  return text;
}
constexpr std::string_view without(std::string_view text, std::string_view characters) {
  text = without_front(text, characters);
  while (!text.empty() && characters.find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  return text;
}
constexpr std::string_view without_spaces(std::string_view text) { return without(text, " \t"); }

}  // namespace thimble::ascii
