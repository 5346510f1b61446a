// Cuts text into the words that byte-level BPE merges within, as tokenizer.ggml.pre names it.
//
// The patterns run over one class byte a character instead of UTF-8: ASCII stands for itself, everything else for its
// general category and for those of the row's own sets that it is in. So categories come from one pinned table, \s and
// \S need no Unicode mode, and malformed input cannot upset PCRE2.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/pattern.h"

namespace thimble {

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};
// Code points from 0x80 on that patterns call \p{name}: no white space, which is \s alone.
struct NamedCodePoints {
  std::string_view name;
  std::span<const CodePointRange> ranges;  // ascending
};

// One row of the table in pre_tokenizer_table.cpp. Patterns are applied one after the other: each cuts what the one
// before it left, into its matches and the text between them.
struct PreTokenizerSpec {
  std::span<const std::string_view> names;     // values of tokenizer.ggml.pre
  std::span<const std::string_view> patterns;  // \p{L} \p{Lu} \p{Ll} \p{N} \p{M} \p{P} \p{S}, sets, ASCII only
  bool ignore_merges = false;                  // a word that is a token is that token, whatever the merges say
  bool add_bos = false;                        // where tokenizer.ggml.add_bos_token is absent
  std::span<const NamedCodePoints> sets = {};  // four at most
  bool has_characters = false;                 // for symbols of BPE, not bytes
};

const PreTokenizerSpec* find_pre_tokenizer(std::string_view name);  // nullptr where unknown
std::string known_pre_tokenizers();                                 // all names, for messages

class PreTokenizer {
 public:
  explicit PreTokenizer(const PreTokenizerSpec& spec);

  // The lengths in bytes of the words of `text`, in order; they add up to text.size().
  std::vector<uint32_t> split(std::string_view text) const;
  size_t memory_bytes() const;

 private:
  std::string class_bytes(std::string_view text) const;
  void cut(std::string_view classes, size_t stage, std::vector<uint32_t>& lengths) const;
  std::span<const NamedCodePoints> sets_;
  std::vector<Pattern> patterns_;
};

}  // namespace thimble
