// WordPiece as BERT has it (Devlin et al. 2018; the vocabulary's form is llama.cpp's: a token that begins a word begins
// with U+2581, one that continues it has no mark): text is cleaned and cut into words at white space, punctuation and
// ideographs, and each word is taken apart into the longest tokens from its left. A word that cannot be, or is longer
// than 100 characters, is the unknown token.
//
// The models were trained with Hugging Face's `tokenizers`, so that is what this follows where llama.cpp differs:
// decompositions of several letters (Hangul) are kept whole, unassigned code points and words are treated as there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/vocabulary.h"

namespace thimble {

class WordPiece {
 public:
  // tokenizer.ggml.normalizer.lowercase (true where absent) and .strip_accents (as lowercase where absent) are read.
  // Throws Error(bad_file) where there is no `unknown` token. The vocabulary must outlive the object.
  WordPiece(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  void encode(std::string_view text, std::vector<TokenId>& ids) const;

 private:
  struct Word;
  void add(uint32_t code_point, Word& word, std::vector<TokenId>& ids) const;
  void finish(Word& word, std::vector<TokenId>& ids) const;

  const Vocabulary& vocabulary_;
  TokenId unknown_;
  bool lowercase_;
  bool strip_accents_;
};

}  // namespace thimble
