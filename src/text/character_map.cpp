#include "text/character_map.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace thimble {
namespace {

constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
constexpr size_t kLongestReplacement = 255;
constexpr size_t kLongestMatch = 255;  // a table that leads back to where it was would otherwise take quadratic time
constexpr uint32_t kValueBit = 1u << 31;

uint32_t children_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label_of(uint32_t unit) { return unit & (kValueBit | 0xff); }

size_t longest_text(std::string_view texts) {
  size_t longest = 0;
  while (!texts.empty()) {
    const size_t length = std::min(texts.find('\0'), texts.size());
    longest = std::max(longest, length);
    texts.remove_prefix(std::min(length + 1, texts.size()));
  }
  return longest;
}

}  // namespace

CharacterMap::CharacterMap(const Gguf& gguf) {
  const GgufValue* value = gguf.find(kKey);
  if (value == nullptr) return;
  const auto refuse = [&](std::string_view fault) {
    fail(ExitCode::bad_file, "{}: {} {}", printable(gguf.path()), kKey, fault);
  };
  const bool is_bytes = value->element == GgufValueType::UINT8 || value->element == GgufValueType::INT8;
  if (value->type != GgufValueType::ARRAY || !is_bytes) refuse("is expected to be an array of bytes");
  if (value->count == 0) return;
  uint32_t size = 0;
  if (value->data.size() < sizeof size) refuse("is too short to hold its size");
  std::memcpy(&size, value->data.data(), sizeof size);
  const std::span<const std::byte> rest = value->data.subspan(sizeof size);
  if (size >= rest.size() || size % sizeof(uint32_t) != 0) {
    refuse(fmt::format("has {} bytes, of which {} are said to be its first part", value->data.size(), size));
  }
  units_ = rest.first(size);
  replacements_ = {reinterpret_cast<const char*>(rest.data()) + size, rest.size() - size};
  if (replacements_.back() != '\0') refuse("ends within a replacement");
  if (const size_t longest = longest_text(replacements_); longest > kLongestReplacement) {
    refuse(fmt::format("has a replacement of {} bytes, at most {} are supported", longest, kLongestReplacement));
  }
}

uint32_t CharacterMap::unit(uint64_t index) const {
  uint32_t found = 0;
  if (index < units_.size() / sizeof found) std::memcpy(&found, units_.data() + index * sizeof found, sizeof found);
  return found;
}

CharacterMap::Match CharacterMap::longest_match(std::string_view text) const {
  Match best = {};
  uint32_t node = children_of(unit(0));
  for (size_t i = 0; i < std::min(text.size(), kLongestMatch); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    const uint32_t child = unit(node);
    if (byte == 0 || label_of(child) != byte) break;
    node ^= children_of(child);
    const uint32_t value = unit(node);
    const size_t begin = value & ~kValueBit;
    if (!has_value(child) || (value & kValueBit) == 0 || begin >= replacements_.size()) continue;
    const std::string_view replacement = replacements_.substr(begin);
    best = {i + 1, replacement.substr(0, replacement.find('\0'))};
  }
  return best;
}

}  // namespace thimble
