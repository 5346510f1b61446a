#include "base/utf8.h"

#include <algorithm>
#include <cassert>

namespace thimble {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

// What may follow a first byte: Unicode standard, section 3.9, table "Well-Formed UTF-8 Byte Sequences". Only the
// second byte's range depends on the first; all later ones are 80..BF.
struct Sequence {
  uint8_t length;  // 0 where the byte cannot begin a character
  uint8_t second_low;
  uint8_t second_high;
};

Sequence sequence_from(uint8_t first) {
  if (first < 0x80) return {1, 0, 0};
  if (first < 0xc2) return {0, 0, 0};
  if (first < 0xe0) return {2, 0x80, 0xbf};
  if (first == 0xe0) return {3, 0xa0, 0xbf};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3, 0x80, 0xbf};
  if (first == 0xf0) return {4, 0x90, 0xbf};
  if (first < 0xf4) return {4, 0x80, 0xbf};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

uint8_t byte_at(std::string_view text, size_t offset) { return static_cast<uint8_t>(text[offset]); }

// How many bytes from `offset` on belong to the sequence its first byte begins; at least 1.
uint8_t well_formed_part(std::string_view text, size_t offset, const Sequence& sequence) {
  const size_t end = std::min<size_t>(sequence.length, text.size() - offset);
  uint8_t length = 1;
  while (length < end) {
    const uint8_t byte = byte_at(text, offset + length);
    const uint8_t low = length == 1 ? sequence.second_low : 0x80;
    const uint8_t high = length == 1 ? sequence.second_high : 0xbf;
    if (byte < low || byte > high) break;
    ++length;
  }
  return length;
}

}  // namespace

CodePoint decode_utf8(std::string_view text, size_t offset) {
  assert(offset < text.size());
  const uint8_t first = byte_at(text, offset);
  const Sequence sequence = sequence_from(first);
  if (sequence.length == 1) return {first, 1, true};
  const uint8_t length = well_formed_part(text, offset, sequence);
  if (length != sequence.length) return {kReplacement, length, false};
  uint32_t value = first & (0x7fu >> length);
  for (uint8_t i = 1; i < length; ++i) value = value << 6 | (byte_at(text, offset + i) & 0x3fu);
  return {value, length, true};
}

void append_utf8(std::string& out, uint32_t code_point) {
  const auto continuation = [&](int shift) { return static_cast<char>(0x80 | (code_point >> shift & 0x3f)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += {static_cast<char>(0xc0 | code_point >> 6), continuation(0)};
  } else if (code_point >= 0xd800 && code_point < 0xe000) {
    append_utf8(out, kReplacement);
  } else if (code_point < 0x10000) {
    out += {static_cast<char>(0xe0 | code_point >> 12), continuation(6), continuation(0)};
  } else if (code_point < 0x110000) {
    out += {static_cast<char>(0xf0 | code_point >> 18), continuation(12), continuation(6), continuation(0)};
  } else {
    append_utf8(out, kReplacement);
  }
}

bool is_valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!c.valid) return false;
    at += c.length;
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (c.valid) {
      out += text.substr(at, c.length);
    } else {
      append_utf8(out, kReplacement);
    }
    at += c.length;
  }
  return out;
}

size_t incomplete_utf8_tail(std::string_view text) {
  for (size_t tail = 1; tail <= std::min<size_t>(3, text.size()); ++tail) {
    const size_t offset = text.size() - tail;
    const uint8_t first = byte_at(text, offset);
    if (first >= 0x80 && first < 0xc0) continue;
    const Sequence sequence = sequence_from(first);
    const bool may_be_completed = sequence.length > tail && well_formed_part(text, offset, sequence) == tail;
    return may_be_completed ? tail : 0;
  }
  return 0;
}

}  // namespace thimble
