// A set of tokens, one bit each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

class TokenMask {
 public:
  explicit TokenMask(size_t vocabulary_size = 0) : words_((vocabulary_size + 63) / 64) {}

  bool contains(TokenId id) const { return (words_[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0; }
  void insert(TokenId id) { words_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); }
  void insert(std::span<const TokenId> ids) {
    for (const TokenId id : ids) insert(id);
  }
  void insert(const TokenMask& other) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
  }
  size_t count() const;
  std::span<const uint64_t> words() const { return words_; }
  size_t memory_bytes() const { return words_.capacity() * sizeof(uint64_t); }
  bool operator==(const TokenMask&) const = default;

 private:
  std::vector<uint64_t> words_;
};

}  // namespace thimble
