// Unigram language models (Kudo 2018), as SentencePiece makes them for T5, XLM-R and their kin and as llama.cpp reads
// them: text is normalized by the file's own table, and of all ways to write it in tokens the one with the highest sum of
// scores is taken (Viterbi). A character that is no token counts as the unknown one, ten below the lowest score; where
// every byte has a token, <0x00> to <0xFF>, it becomes those of its bytes. Spaces
// are as in SentencePiece where llama.cpp differs: none is put before text, and one before text of spaces alone, only as
// .add_space_prefix says.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/character_map.h"
#include "text/vocabulary.h"

namespace thimble {

class Unigram {
 public:
  // tokenizer.ggml.add_space_prefix and .remove_extra_whitespaces (both false where absent) are read. Throws
  // Error(bad_file) where there is no `unknown` token, or a token longer than 255 bytes. Gguf and vocabulary must outlive
  // the object.
  Unigram(const Gguf& gguf, const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  // Throws Error(usage) where the normalized text has more than 64 MB.
  void encode(std::string_view text, std::vector<TokenId>& ids) const;
  bool adds_space() const { return add_space_prefix_; }
  size_t memory_bytes() const;
  static size_t planned_bytes(uint64_t token_count);

 private:
  struct Step;
  void index(const Gguf& gguf);
  void find_bytes();
  void insert(TokenId id, const Gguf& gguf, size_t& budget);
  std::optional<TokenId> find(std::string_view text, uint64_t hash) const;
  std::string normalize(std::string_view text) const;
  void extend(std::string_view text, size_t begin, std::vector<Step>& steps) const;

  const Vocabulary& vocabulary_;
  CharacterMap character_map_;
  TokenId unknown_;
  std::array<TokenId, 256> byte_tokens_ = {};
  bool has_bytes_ = false;  // all of them
  float unknown_score_ = 0;
  bool add_space_prefix_;
  bool merge_spaces_;
  std::vector<uint32_t> slots_;   // open addressing over the tokens that text may become: 8 bits of the hash << 24 | id
  std::vector<uint8_t> longest_;  // by a hash of the first two characters: bytes of the longest token that has them
};

}  // namespace thimble
