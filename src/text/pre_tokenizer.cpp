#include "text/pre_tokenizer.h"

#include <array>
#include <cassert>

#include "base/utf8.h"
#include "text/unicode_class.h"

namespace thimble {
namespace {

// Class bytes, indexed by UnicodeClass. White space beyond ASCII is a vertical tab, which \s matches.
constexpr std::array<char, 7> kClassBytes = {'\x80', '\x81', '\x82', '\x83', '\x84', '\v', '\x85'};

struct CategoryMembers {
  std::string_view name;
  std::string_view members;  // for use inside [...]
};

// Letters beyond ASCII count as either case, as in llama.cpp.
constexpr std::array<CategoryMembers, 7> kCategories = {{
    {"\\p{L}", "A-Za-z\x80"},
    {"\\p{Lu}", "A-Z\x80"},
    {"\\p{Ll}", "a-z\x80"},
    {"\\p{N}", "0-9\x81"},
    {"\\p{M}", "\x82"},
    {"\\p{P}", "!-#%-*,\\-./:;?@\\[-\\]_{}\x83"},
    {"\\p{S}", "$+<->\\^`|~\x84"},
}};

// The pattern over class bytes.
std::string translate(std::string_view pattern) {
  std::string out;
  bool in_brackets = false;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("\\p{")) {
      const std::string_view name = rest.substr(0, rest.find('}') + 1);
      const CategoryMembers* category = kCategories.begin();
      while (category != kCategories.end() && category->name != name) ++category;
      assert(category != kCategories.end());
      if (!in_brackets) out += '[';
      out += category->members;
      if (!in_brackets) out += ']';
      at += name.size();
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

// One byte a character. A malformed byte is a character of its own, a symbol as U+FFFD is.
std::string class_bytes(std::string_view text) {
  std::string classes;
  classes.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      classes += text[at++];
      continue;
    }
    const CodePoint c = decode_utf8(text, at);
    const UnicodeClass found = c.valid ? unicode_class(c.value) : UnicodeClass::symbol;
    classes += kClassBytes[static_cast<size_t>(found)];
    at += character_bytes(c);
  }
  return classes;
}

}  // namespace

PreTokenizer::PreTokenizer(const PreTokenizerSpec& spec) {
  patterns_.reserve(spec.patterns.size());
  for (const std::string_view pattern : spec.patterns) patterns_.emplace_back(translate(pattern));
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
