// UTF-8 by the Unicode standard (no surrogates, nothing above U+10FFFF, no overlong forms).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thimble {

struct CodePoint {
  uint32_t value;  // U+FFFD where the bytes are malformed
  uint8_t length;  // bytes consumed, at least 1 where there is any input
  bool valid;
};

// The code point at text[offset]; offset < text.size().
CodePoint decode_utf8(std::string_view text, size_t offset);
// U+FFFD for what is no Unicode scalar value.
void append_utf8(std::string& out, uint32_t code_point);
bool is_valid_utf8(std::string_view text);
// Malformed sequences replaced by U+FFFD, one per maximal invalid part.
std::string to_valid_utf8(std::string_view text);
// How many bytes at the end of `text` are the beginning of a character that may still be completed (0..3).
size_t incomplete_utf8_tail(std::string_view text);

}  // namespace thimble
