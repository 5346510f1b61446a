// Byte-level byte-pair encoding, as GPT-2 introduced it (Radford et al. 2019; github.com/openai/gpt-2, encoder.py):
// each byte of a word is a symbol, written as one of 256 visible characters; the adjacent pair of lowest rank is merged
// until none is left. Where the row of the pre-tokenizer says so (Gemma 4), a character is a symbol instead, spaces are
// U+2581, and what is no token becomes byte tokens, <0x00> to <0xFF>.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/pre_tokenizer.h"
#include "text/vocabulary.h"

namespace thimble {

// tokenizer.ggml.merges as a hash table from two tokens to the rank of their merge.
class MergeTable {
 public:
  struct Merge {
    TokenId left;
    TokenId right;
    TokenId result;
  };

  // Throws Error(bad_file) for a merge of or into what is no token.
  MergeTable(const Gguf& gguf, const Vocabulary& vocabulary);

  static constexpr uint32_t kNone = UINT32_MAX;
  uint32_t rank(TokenId left, TokenId right) const;  // kNone where the two do not merge
  const Merge& operator[](uint32_t rank) const { return merges_[rank]; }
  size_t memory_bytes() const;
  static size_t planned_bytes(uint64_t merge_count);

 private:
  std::vector<Merge> merges_;    // [rank]
  std::vector<uint32_t> slots_;  // open addressing: a rank, or kNone
};

class ByteLevelBpe {
 public:
  // Throws Error(bad_file). The vocabulary must outlive the object.
  ByteLevelBpe(const Gguf& gguf, const Vocabulary& vocabulary, const PreTokenizerSpec& spec);

  // Bytes that the vocabulary has no token for are left out, as llama.cpp does.
  void encode(std::string_view text, std::vector<TokenId>& ids) const;
  // The bytes that a token's text stands for. Characters outside the alphabet stand for themselves.
  std::string bytes_of(std::string_view token_text) const;
  size_t memory_bytes() const;

 private:
  struct Work;
  void encode_words(std::string_view text, std::vector<TokenId>& ids) const;
  void encode_word(std::string_view word, Work& work, std::vector<TokenId>& ids) const;
  std::optional<TokenId> find_whole(std::string_view word) const;
  void merge_symbols(Work& work) const;

  const Vocabulary& vocabulary_;
  PreTokenizer pre_tokenizer_;
  MergeTable merges_;
  bool ignore_merges_;
  bool has_characters_;  // for symbols, not bytes
  std::array<TokenId, 256> byte_tokens_;
};

}  // namespace thimble
