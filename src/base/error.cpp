#include "base/error.h"

#include <cstdint>

#include "base/utf8.h"

namespace thimble {
namespace {

bool is_harmless(const CodePoint& c) {
  if (!c.valid || c.value < 0x20 || (c.value >= 0x7f && c.value < 0xa0)) return false;
  const bool separator_or_override = c.value >= 0x2028 && c.value <= 0x202e;
  const bool isolate = c.value >= 0x2066 && c.value <= 0x2069;
  return !separator_or_override && !isolate;
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (at + c.length > limit) return out + "...";
    const std::string_view bytes = text.substr(at, c.length);
    if (is_harmless(c)) {
      out += bytes;
    } else {
      for (const char byte : bytes) out += fmt::format("\\x{:02x}", static_cast<uint8_t>(byte));
    }
    at += c.length;
  }
  return out;
}

}  // namespace thimble
