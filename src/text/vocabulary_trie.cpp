#include "text/vocabulary_trie.h"

#include <algorithm>
#include <string>

namespace thimble {
namespace {

// Longer ones exist in no real vocabulary; they are never chosen then.
constexpr size_t kLongestToken = 1024;

uint64_t first_bytes(std::string_view text) {
  uint64_t word = 0;
  for (size_t i = 0; i < sizeof word; ++i) word = word << 8 | (i < text.size() ? static_cast<uint8_t>(text[i]) : 0);
  return word;
}

bool is_text(TokenType type) {
  return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::byte;
}

}  // namespace

struct VocabularyTrie::Entry {
  uint64_t order;  // the first bytes, which decide most comparisons
  uint32_t begin;
  uint32_t length;
  TokenId id;
};

VocabularyTrie::VocabularyTrie(const Tokenizer& tokenizer) : vocabulary_size_(tokenizer.vocabulary_size()) {
  std::string pool;
  std::vector<Entry> entries;
  entries.reserve(vocabulary_size_);
  for (TokenId id = 0; static_cast<uint32_t>(id) < vocabulary_size_; ++id) {
    if (tokenizer.is_end_of_generation(id)) {
      end_tokens_.push_back(id);
      continue;
    }
    if (!is_text(tokenizer.type(id))) continue;
    const std::string piece = tokenizer.piece(id);
    if (piece.empty() || piece.size() > kLongestToken) continue;
    entries.push_back(
        {first_bytes(piece), static_cast<uint32_t>(pool.size()), static_cast<uint32_t>(piece.size()), id});
    pool += piece;
    longest_token_ = std::max(longest_token_, piece.size());
  }
  const auto text = [&](const Entry& entry) { return std::string_view(pool).substr(entry.begin, entry.length); };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    if (a.order != b.order) return a.order < b.order;
    const int order = text(a).compare(text(b));
    return order != 0 ? order < 0 : a.id < b.id;
  });
  std::vector<uint32_t> path = {kRoot};  // from the root to where the last token ended
  bytes_.push_back(0);
  depths_.push_back(0);
  ends_.push_back(0);
  token_begins_.push_back(0);
  std::string_view previous;
  for (const Entry& entry : entries) {
    add(previous, text(entry), path);
    tokens_.push_back(entry.id);
    previous = text(entry);
  }
  for (const uint32_t node : path) ends_[node] = node_count();
  token_begins_.push_back(static_cast<uint32_t>(tokens_.size()));
  for (auto* array : {&ends_, &token_begins_}) array->shrink_to_fit();
  bytes_.shrink_to_fit();
  depths_.shrink_to_fit();
}

void VocabularyTrie::add(std::string_view previous, std::string_view text, std::vector<uint32_t>& path) {
  const auto shared = static_cast<size_t>(
      std::mismatch(previous.begin(), previous.end(), text.begin(), text.end()).second - text.begin());
  while (path.size() > shared + 1) {
    ends_[path.back()] = node_count();
    path.pop_back();
  }
  for (size_t i = shared; i < text.size(); ++i) {
    path.push_back(node_count());
    bytes_.push_back(static_cast<uint8_t>(text[i]));
    depths_.push_back(static_cast<uint16_t>(i + 1));
    ends_.push_back(0);
    token_begins_.push_back(static_cast<uint32_t>(tokens_.size()));
  }
}

uint32_t VocabularyTrie::find(std::string_view wanted) const {
  uint32_t node = kRoot;
  for (const char c : wanted) {
    const uint32_t end = ends_[node];
    uint32_t child = node + 1;
    while (child < end && bytes_[child] != static_cast<uint8_t>(c)) child = ends_[child];
    if (child >= end) return kNone;
    node = child;
  }
  return node;
}

size_t VocabularyTrie::memory_bytes() const {
  return sizeof *this + bytes_.capacity() + depths_.capacity() * sizeof(uint16_t) +
         (ends_.capacity() + token_begins_.capacity()) * sizeof(uint32_t) +
         (tokens_.capacity() + end_tokens_.capacity()) * sizeof(TokenId);
}

}  // namespace thimble
