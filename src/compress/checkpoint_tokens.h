// The tokens of a checkpoint by id, as they come together from its files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

struct CheckpointToken {
  std::string text;
  float score = 0;
  TokenType type = TokenType::unused;
  bool is_named = false;  // by any file; the others are padding
};

class CheckpointTokens {
 public:
  // `size` tokens. Throws Error(bad_file) naming `source` (the folder) for more than a GGUF's vocabulary may have.
  CheckpointTokens(uint32_t size, const std::string& source);

  uint32_t size() const { return static_cast<uint32_t>(tokens_.size()); }
  bool contains(uint64_t id) const { return id < tokens_.size(); }
  const CheckpointToken& operator[](uint64_t id) const { return tokens_[id]; }
  const std::vector<CheckpointToken>& all() const { return tokens_; }
  std::optional<uint32_t> find(std::string_view text) const;

  // Throws Error(bad_file) naming `file`, the token and the id: an id that is outside or has another text already, a text that has
  // another id. The same token again gets the new score and type.
  void add(uint64_t id, std::string_view text, TokenType type, float score, const std::string& file);
  // Of an id inside, whatever was there. Throws Error(bad_file) where another id has the text.
  void replace(uint64_t id, std::string_view text, TokenType type, float score, const std::string& file);
  void set_type(uint64_t id, TokenType type) { tokens_[id].type = type; }
  // For display: two tokens may come to have the same text.
  void set_text(uint64_t id, std::string text);
  void set_score(uint64_t id, float score) { tokens_[id].score = score; }

  // What no file named becomes [PADn] with this score.
  void pad(float score);

 private:
  void require_free(uint64_t id, std::string_view text, const std::string& file) const;
  std::vector<CheckpointToken> tokens_;           // never resized: the index looks into it
  std::map<std::string_view, uint32_t> by_text_;  // no hash table, whose keys could be made to collide
};

}  // namespace thimble
