#include "text/word_piece.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/utf8.h"
#include "text/bert_class.h"
#include "text/sentencepiece.h"
#include "text/special_tokens.h"

namespace thimble {
namespace {

constexpr size_t kMostCharacters = 100;
constexpr uint32_t kCapitalIWithDot = 0x130;

struct CasePair {
  uint32_t capital;
  uint32_t small;
};
// Capitals of Unicode 16 whose small letters are old, so that vocabularies have them; libraries may not know them yet.
constexpr std::array<CasePair, 2> kLaterCapitals = {{{0xA7CB, 0x264}, {0xA7DC, 0x19B}}};

uint32_t small_letter(uint32_t code_point) {
  const auto later = std::ranges::find(kLaterCapitals, code_point, &CasePair::capital);
  if (later != kLaterCapitals.end()) return later->small;
  return static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(code_point)));
}

struct Decomposition {
  std::array<utf8proc_int32_t, 18> parts;  // the longest canonical one has four
  size_t count;
};

// Canonical, as far as it goes.
Decomposition decompose(uint32_t code_point) {
  Decomposition out = {};
  int boundary = 0;
  const auto found = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(code_point), out.parts.data(),
                                             out.parts.size(), UTF8PROC_DECOMPOSE, &boundary);
  out.count = std::clamp<utf8proc_ssize_t>(found, 0, out.parts.size());
  return out;
}

}  // namespace

WordPiece::WordPiece(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown)
    : vocabulary_(vocabulary),
      unknown_(require_unknown(gguf, unknown)),
      lowercase_(gguf.boolean("tokenizer.ggml.normalizer.lowercase").value_or(true)),
      strip_accents_(gguf.boolean("tokenizer.ggml.normalizer.strip_accents").value_or(lowercase_)) {}

// Kept from word to word, for its memory.
struct WordPiece::Word {
  std::string text = std::string(kSpaceMark);
  std::vector<size_t> ends;  // of its characters, in text
};

void WordPiece::encode(std::string_view text, std::vector<TokenId>& ids) const {
  Word word;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    at += c.length;
    const BertClass found = bert_class(c.value);
    if (found == BertClass::dropped) continue;
    const bool is_alone = found == BertClass::ideograph || found == BertClass::white_space;
    if (is_alone) finish(word, ids);
    if (found == BertClass::white_space) continue;
    if (strip_accents_) {
      const Decomposition whole = decompose(c.value);
      for (size_t i = 0; i < whole.count; ++i) {
        const auto part = static_cast<uint32_t>(whole.parts[i]);
        if (bert_class(part) != BertClass::mark) add(part, word, ids);
      }
    } else {
      add(c.value, word, ids);
    }
    if (is_alone) finish(word, ids);
  }
  finish(word, ids);
}

void WordPiece::add(uint32_t code_point, Word& word, std::vector<TokenId>& ids) const {
  const BertClass found = bert_class(code_point);
  const bool is_alone = found == BertClass::punctuation;
  if (is_alone || found == BertClass::white_space) finish(word, ids);
  if (found == BertClass::white_space) return;
  const auto append = [&](uint32_t character) {
    append_utf8(word.text, character);
    word.ends.push_back(word.text.size());
  };
  append(lowercase_ ? small_letter(code_point) : code_point);
  if (lowercase_ && code_point == kCapitalIWithDot) append(0x307);  // the one that becomes two: i and a dot above
  if (is_alone) finish(word, ids);
}

void WordPiece::finish(Word& word, std::vector<TokenId>& ids) const {
  const size_t first = ids.size();
  bool is_known = word.ends.size() <= kMostCharacters;
  size_t begin = 0;
  for (size_t done = 0; is_known && done < word.ends.size();) {
    // In this form of the vocabulary a token that begins with U+2581 only ever begins a word.
    const bool may_continue = done == 0 || !std::string_view(word.text).substr(begin).starts_with(kSpaceMark);
    size_t end = word.ends.size();
    std::optional<TokenId> id;
    while (end > done && !id && may_continue) {
      const size_t length = word.ends[end - 1] - begin;
      if (length <= vocabulary_.longest_text())
        id = vocabulary_.find_plain(std::string_view(word.text).substr(begin, length));
      if (!id) --end;
    }
    is_known = id.has_value();
    if (!is_known) break;
    ids.push_back(*id);
    done = end;
    begin = word.ends[end - 1];
  }
  if (!is_known) {
    ids.resize(first);
    ids.push_back(unknown_);
  }
  word.text.resize(kSpaceMark.size());
  word.ends.clear();
}

}  // namespace thimble
