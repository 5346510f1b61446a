// SentencePiece-style byte-pair encoding (Kudo, Richardson 2018) as llama.cpp does it: spaces become U+2581, each
// character is a symbol, and of the adjacent symbols that make a token those with the highest score are merged, until
// none is left. Characters that are no token become byte tokens.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/vocabulary.h"

namespace thimble {

inline constexpr std::string_view kSpaceMark = "\xe2\x96\x81";  // U+2581
std::string mark_spaces(std::string_view text);                 // each space as U+2581
std::string unmark_spaces(std::string_view text);               // each U+2581 as a space

class SentencePiece {
 public:
  // tokenizer.ggml.add_space_prefix (true where absent) is read. Throws Error(bad_file) where a byte has no token and
  // there is no `unknown` one to stand for it. The vocabulary must outlive the object.
  SentencePiece(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  void encode(std::string_view text, std::vector<TokenId>& ids) const;
  bool adds_space() const { return add_space_prefix_; }

 private:
  struct Work;
  void merge_symbols(Work& work) const;

  const Vocabulary& vocabulary_;
  bool add_space_prefix_;
  std::array<TokenId, 256> byte_tokens_;
};

// The byte that "<0xNN>" stands for, or -1.
int byte_token_value(std::string_view token_text);

}  // namespace thimble
