// The tokens of a GGUF file: texts (views into the mapping), types, scores, and a hash index over the texts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "format/gguf.h"
#include "text/tokenizer.h"

namespace thimble {

class Vocabulary {
 public:
  // Throws Error(bad_file). The Gguf must outlive the object.
  explicit Vocabulary(const Gguf& gguf);

  uint32_t size() const { return static_cast<uint32_t>(offsets_.size()); }
  bool contains(TokenId id) const { return id >= 0 && static_cast<uint32_t>(id) < size(); }

  // The rest expects contains(id).
  std::string_view text(TokenId id) const;
  TokenType type(TokenId id) const { return static_cast<TokenType>(attributes_[id] & kTypeBits); }
  TokenType declared_type(TokenId id) const {
    return static_cast<TokenType>(attributes_[id] >> kDeclaredShift & kTypeBits);
  }
  float score(TokenId id) const;      // finite; 0 where the file has none
  bool is_special(TokenId id) const;  // control, unknown or user_defined: matched as a whole, before all else
  // Whether, where it is found in text, white space before or after it belongs to it.
  bool strips_left(TokenId id) const { return (attributes_[id] & kStripsLeft) != 0; }
  bool strips_right(TokenId id) const { return (attributes_[id] & kStripsRight) != 0; }
  bool is_plain(TokenId id) const;            // none that the file declares as control, unknown or byte
  void set_type(TokenId id, TokenType type);  // the declared type stays
  void set_strips_left(TokenId id);
  void set_strips_right(TokenId id, bool strips);

  // The token with exactly this text; the last one where several have it.
  std::optional<TokenId> find(std::string_view text) const;
  // The same, but only what merging ordinary text may end in.
  std::optional<TokenId> find_plain(std::string_view text) const;

  size_t longest_text() const { return longest_text_; }
  size_t memory_bytes() const;
  static size_t planned_bytes(uint64_t token_count);

 private:
  static constexpr uint8_t kTypeBits = 7;
  static constexpr int kDeclaredShift = 3;
  static constexpr uint8_t kStripsRight = 1 << 6;
  static constexpr uint8_t kStripsLeft = 1 << 7;

  static uint8_t both_types(TokenType type);
  void read_texts(const Gguf& gguf);
  void read_types(const Gguf& gguf);
  void read_scores(const Gguf& gguf);
  void index(const Gguf& gguf);

  const std::byte* texts_ = nullptr;   // the array in the mapping: length-prefixed strings
  std::vector<uint32_t> offsets_;      // [tokens], of each length prefix in texts_
  std::vector<uint8_t> attributes_;    // [tokens], TokenType, declared TokenType, flags
  const std::byte* scores_ = nullptr;  // [tokens], in the mapping, unaligned; may be null
  bool scores_are_integers_ = false;
  std::vector<uint32_t> slots_;  // open addressing: 8 bits of the hash << 24 | id
  size_t longest_text_ = 0;
};

}  // namespace thimble
