// The bytes of all ordinary tokens of a vocabulary as a trie, laid out in the order of a depth-first walk: what begins with
// the same bytes is one run of nodes, passed over in one step. Control, unknown and unused tokens are not in it, nor those
// that end an answer. Immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

class VocabularyTrie {
 public:
  static constexpr uint32_t kRoot = 0;
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit VocabularyTrie(const Tokenizer& tokenizer);

  uint32_t node_count() const { return static_cast<uint32_t>(bytes_.size()); }
  uint32_t vocabulary_size() const { return vocabulary_size_; }
  size_t longest_token() const { return longest_token_; }
  std::span<const TokenId> end_tokens() const { return end_tokens_; }  // those that end an answer, ascending

  uint8_t byte(uint32_t node) const { return bytes_[node]; }     // that leads to the node
  uint16_t depth(uint32_t node) const { return depths_[node]; }  // 0 for the root
  uint32_t end(uint32_t node) const { return ends_[node]; }      // the first node behind all that it leads to
  bool has_children(uint32_t node) const { return ends_[node] > node + 1; }
  // Several where the vocabulary has the same bytes several times.
  std::span<const TokenId> tokens(uint32_t node) const {
    return std::span(tokens_).subspan(token_begins_[node], token_begins_[node + 1] - token_begins_[node]);
  }
  // kNone where no token begins so.
  uint32_t find(std::string_view bytes) const;
  size_t memory_bytes() const;

 private:
  struct Entry;
  void add(std::string_view previous, std::string_view text, std::vector<uint32_t>& path);

  uint32_t vocabulary_size_;
  size_t longest_token_ = 0;
  std::vector<uint8_t> bytes_;
  std::vector<uint16_t> depths_;
  std::vector<uint32_t> ends_;
  std::vector<uint32_t> token_begins_;  // and one behind the last node
  std::vector<TokenId> tokens_;
  std::vector<TokenId> end_tokens_;
};

}  // namespace thimble
