// Text as Python's str sees it: code points, Unicode white space, full case mapping. All text is valid UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thimble::jinja {

bool is_space(uint32_t code_point);
// Bytes of white space at the beginning or the end.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

size_t count_code_points(std::string_view text);
// Byte offset of code point `index`; text.size() for the one behind the last.
size_t byte_offset(std::string_view text, size_t index);
// Each code point as a piece of `text`.
std::vector<std::string_view> code_points(std::string_view text);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
// First character in title case, the rest in lower case.
std::string capitalize(std::string_view text);
// As str.title(): every run of cased characters capitalized.
std::string to_title(std::string_view text);
std::string swap_case(std::string_view text);
// There is a cased character, and none of the other case.
bool is_lower(std::string_view text);
bool is_upper(std::string_view text);

enum class CharacterClass { alphabetic, numeric, alphanumeric, printable };
// Every character is in the class (true for empty text).
bool all_in_class(std::string_view text, CharacterClass character_class);

// As str.splitlines(): pieces of `text` without their line ends, or with them.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);

}  // namespace thimble::jinja
