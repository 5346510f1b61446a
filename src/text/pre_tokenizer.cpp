#include "text/pre_tokenizer.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/utf8.h"
#include "text/unicode_class.h"

namespace thimble {
namespace {

// White space beyond ASCII is a vertical tab, which \s matches. The other classes come once for each choice of sets.
constexpr uint8_t kFirstClassByte = 0x80;
constexpr char kWhiteSpaceByte = '\v';
constexpr std::array kByteClasses = {UnicodeClass::letter,      UnicodeClass::number, UnicodeClass::mark,
                                     UnicodeClass::punctuation, UnicodeClass::symbol, UnicodeClass::other};
constexpr size_t kMostSets = 4;
static_assert(kFirstClassByte + (kByteClasses.size() << kMostSets) <= 256);

char class_byte(UnicodeClass found, uint32_t sets) {
  if (found == UnicodeClass::white_space) return kWhiteSpaceByte;
  const auto index = static_cast<size_t>(std::ranges::find(kByteClasses, found) - kByteClasses.begin());
  return static_cast<char>(kFirstClassByte + sets * kByteClasses.size() + index);
}

struct Category {
  std::string_view name;
  std::string_view ascii;  // its members, for use inside [...]
  UnicodeClass beyond;
};

// Letters beyond ASCII count as either case, as in llama.cpp.
constexpr std::array<Category, 7> kCategories = {{
    {"L", "A-Za-z", UnicodeClass::letter},
    {"Lu", "A-Z", UnicodeClass::letter},
    {"Ll", "a-z", UnicodeClass::letter},
    {"N", "0-9", UnicodeClass::number},
    {"M", "", UnicodeClass::mark},
    {"P", "!-#%-*,\\-./:;?@\\[-\\]_{}", UnicodeClass::punctuation},
    {"S", "$+<->\\^`|~", UnicodeClass::symbol},
}};

// What \p{name} stands for, for use inside [...].
std::string members(std::string_view name, std::span<const NamedCodePoints> sets) {
  const uint32_t choices = 1u << sets.size();
  const auto category = std::ranges::find(kCategories, name, &Category::name);
  std::string out;
  if (category != kCategories.end()) {
    out = category->ascii;
    for (uint32_t choice = 0; choice < choices; ++choice) out += class_byte(category->beyond, choice);
    return out;
  }
  const auto set = std::ranges::find(sets, name, &NamedCodePoints::name);
  assert(set != sets.end());
  for (uint32_t choice = 0; choice < choices; ++choice) {
    if ((choice >> (set - sets.begin()) & 1) == 0) continue;
    for (const UnicodeClass found : kByteClasses) out += class_byte(found, choice);
  }
  return out;
}

// The pattern over class bytes.
std::string translate(std::string_view pattern, std::span<const NamedCodePoints> sets) {
  std::string out;
  bool in_brackets = false;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("\\p{")) {
      const size_t length = rest.find('}') + 1;
      const std::string found = members(rest.substr(3, length - 4), sets);
      out += in_brackets ? found : "[" + found + "]";
      at += length;
      continue;
    }
    const size_t length = rest[0] == '\\' ? 2 : 1;
    if (rest[0] == '[') in_brackets = true;
    if (rest[0] == ']') in_brackets = false;
    out += rest.substr(0, length);
    at += length;
  }
  return out;
}

uint8_t character_bytes(const CodePoint& c) { return c.valid ? c.length : 1; }

bool contains(const NamedCodePoints& set, uint32_t code_point) {
  const auto range = std::ranges::lower_bound(set.ranges, code_point, {}, &CodePointRange::last);
  return range != set.ranges.end() && range->first <= code_point;
}

uint32_t sets_of(uint32_t code_point, std::span<const NamedCodePoints> sets) {
  uint32_t found = 0;
  for (size_t i = 0; i < sets.size(); ++i) found |= contains(sets[i], code_point) ? 1u << i : 0;
  return found;
}

}  // namespace

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec) : sets_(spec.sets) {
  assert(sets_.size() <= kMostSets);
  patterns_.reserve(spec.patterns.size());
  for (const std::string_view pattern : spec.patterns) patterns_.emplace_back(translate(pattern, sets_));
}

// One byte a character. A malformed byte is a character of its own, a symbol as U+FFFD is.
std::string PreTokenizer::class_bytes(std::string_view text) const {
  std::string classes;
  classes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      classes += text[at++];
      continue;
    }
    const CodePoint c = decode_utf8(text, at);
    const uint32_t value = c.valid ? c.value : 0xFFFD;
    classes += class_byte(unicode_class(value), sets_of(value, sets_));
    at += character_bytes(c);
  }
  return classes;
}

void PreTokenizer::cut(std::string_view classes, size_t stage, std::vector<uint32_t>& lengths) const {
  if (classes.empty()) return;
  if (stage == patterns_.size()) {
    lengths.push_back(static_cast<uint32_t>(classes.size()));
    return;
  }
  size_t done = 0;
  patterns_[stage].for_each_match(classes, [&](size_t begin, size_t end) {
    cut(classes.substr(done, begin - done), stage + 1, lengths);
    cut(classes.substr(begin, end - begin), stage + 1, lengths);
    done = end;
  });
  cut(classes.substr(done), stage + 1, lengths);
}

std::vector<uint32_t> PreTokenizer::split(std::string_view text) const {
  std::vector<uint32_t> lengths;
  const std::string classes = class_bytes(text);
  cut(classes, 0, lengths);
  if (classes.size() == text.size()) return lengths;
  size_t at = 0;
  for (uint32_t& length : lengths) {
    const size_t begin = at;
    for (uint32_t i = 0; i < length; ++i) at += character_bytes(decode_utf8(text, at));
    length = static_cast<uint32_t>(at - begin);
  }
  return lengths;
}

size_t PreTokenizer::memory_bytes() const {
  size_t total = patterns_.capacity() * sizeof(Pattern);
  for (const Pattern& pattern : patterns_) total += pattern.memory_bytes();
  return total;
}

}  // namespace thimble
