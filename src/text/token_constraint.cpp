#include "text/token_constraint.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kMostForcedBytes = 4096;
constexpr size_t kMostItemsApart = 16;        // beyond, a position is walked as a whole
constexpr size_t kPreparedNodes = 4'000'000;  // of the trie, visited before the first token

}  // namespace

size_t TokenMask::count() const {
  size_t total = 0;
  for (const uint64_t word : words_) total += static_cast<size_t>(std::popcount(word));
  return total;
}

size_t TokenConstraint::StateTokens::memory_bytes() const {
  return sizeof *this + few.capacity() * sizeof(TokenId) + many.memory_bytes() + exits.capacity() * sizeof(uint32_t);
}

TokenConstraint::TokenConstraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const VocabularyTrie> trie,
                                 const Tokenizer& tokenizer)
    : grammar_(std::move(grammar)),
      trie_(std::move(trie)),
      tokenizer_(tokenizer),
      matcher_(*grammar_),
      position_(matcher_.start()),
      path_(trie_->longest_token() + 1) {
  prepare();
}

void TokenConstraint::restart() {
  position_ = matcher_.start();
  last_piece_.clear();
}

// Visits what the trie holds below `node`, as far as the grammar goes along with it from `from`.
template <class Token, class Node>
void TokenConstraint::walk(uint32_t node, PositionId from, Token on_token, Node on_node) {
  const VocabularyTrie& trie = *trie_;
  path_[trie.depth(node)] = from;
  const uint32_t end = trie.end(node);
  for (uint32_t at = node + 1; at < end;) {
    const uint16_t depth = trie.depth(at);
    const PositionId position = matcher_.next(path_[depth - 1], trie.byte(at));
    if (position == GrammarMatcher::kDead) {
      at = trie.end(at);
      continue;
    }
    path_[depth] = position;
    if (const auto tokens = trie.tokens(at); !tokens.empty()) on_token(tokens);
    on_node(at, position);
    ++at;
  }
}

const TokenConstraint::StateTokens& TokenConstraint::tokens_of(uint32_t state) {
  if (const auto known = states_.find(state); known != states_.end()) return known->second;
  StateTokens found;
  walk(
      VocabularyTrie::kRoot, matcher_.position_outside(state),
      [&](std::span<const TokenId> tokens) { found.few.insert(found.few.end(), tokens.begin(), tokens.end()); },
      [&](uint32_t node, PositionId position) {
        if (matcher_.escapes(position) && trie_->has_children(node)) found.exits.push_back(node);
      });
  if (found.few.size() > trie_->vocabulary_size() / 32) {
    found.many = TokenMask(trie_->vocabulary_size());
    found.many.insert(found.few);
    found.few = {};
  }
  found.few.shrink_to_fit();
  found.exits.shrink_to_fit();
  if (state_bytes_ > kStateCacheBytes) {
    states_.clear();
    state_bytes_ = 0;
  }
  state_bytes_ += found.memory_bytes();
  return states_.emplace(state, std::move(found)).first->second;
}

void TokenConstraint::add_item(TokenMask& mask, const GrammarMatcher::Item& item) {
  const StateTokens& tokens = tokens_of(item.state);
  if (tokens.few.empty() && !tokens.many.words().empty()) {
    mask.insert(tokens.many);
  } else {
    mask.insert(tokens.few);
  }
  if (tokens.exits.empty()) return;
  const PositionId after = matcher_.after(item.context);
  if (matcher_.items(after).empty()) return;
  for (const uint32_t node : tokens.exits) {
    walk(
        node, after, [&](std::span<const TokenId> ids) { mask.insert(ids); }, [](uint32_t, PositionId) {});
  }
}

const TokenMask& TokenConstraint::mask() {
  if (const auto known = masks_.find(position_); known != masks_.end()) return known->second;
  if (masks_.size() * (trie_->vocabulary_size() / 8 + 64) > kMaskCacheBytes) masks_.clear();
  matcher_.allow_steps(GrammarMatcher::kSteps);
  TokenMask mask(trie_->vocabulary_size());
  const std::vector<GrammarMatcher::Item> items(matcher_.items(position_).begin(), matcher_.items(position_).end());
  // Near the limit of nesting the context decides about everything.
  const auto is_deep = [&](const GrammarMatcher::Item& item) {
    return matcher_.depth(item.context) + trie_->longest_token() >= GrammarLimits::kNesting;
  };
  if (items.size() > kMostItemsApart || std::any_of(items.begin(), items.end(), is_deep)) {
    walk(
        VocabularyTrie::kRoot, position_, [&](std::span<const TokenId> ids) { mask.insert(ids); },
        [](uint32_t, PositionId) {});
  } else {
    for (const GrammarMatcher::Item& item : items) add_item(mask, item);
  }
  if (may_end()) mask.insert(trie_->end_tokens());
  return masks_.emplace(position_, std::move(mask)).first->second;
}

// The states that the first texts come by are those of small numbers; the budget ends the rest.
void TokenConstraint::prepare() {
  size_t visited = 0;
  for (uint32_t state = 0; state < grammar_->state_count() && visited < kPreparedNodes; ++state) {
    if (grammar_->bytes(state).empty() || state_bytes_ > kStateCacheBytes / 2 || matcher_.is_full()) continue;
    visited += 512;
    const StateTokens& tokens = tokens_of(state);
    visited += tokens.many.words().empty() ? 4 * tokens.few.size() : trie_->node_count();
  }
  keep_small();
}

bool TokenConstraint::allows(TokenId id) {
  if (tokenizer_.is_end_of_generation(id)) return may_end();
  const TokenType type = tokenizer_.type(id);
  if (type != TokenType::normal && type != TokenType::user_defined && type != TokenType::byte) return false;
  const std::string piece = tokenizer_.piece(id);
  if (piece.empty() || piece.size() > trie_->longest_token()) return false;
  matcher_.allow_steps(GrammarMatcher::kSteps);
  return matcher_.next(position_, piece) != GrammarMatcher::kDead;
}

void TokenConstraint::accept(TokenId id) {
  if (tokenizer_.is_end_of_generation(id)) return;
  last_piece_ = tokenizer_.piece(id);
  matcher_.allow_steps(GrammarMatcher::kSteps);
  position_ = matcher_.next(position_, last_piece_);
  keep_small();
}

void TokenConstraint::keep_small() {
  if (!matcher_.is_full()) return;
  masks_.clear();
  position_ = matcher_.compact(position_);
}

std::string TokenConstraint::forced_bytes() {
  std::string bytes;
  PositionId position = position_;
  matcher_.allow_steps(GrammarMatcher::kSteps);
  while (bytes.size() < kMostForcedBytes) {
    const int byte = matcher_.only_byte(position);
    if (byte < 0) break;
    bytes += static_cast<char>(byte);
    position = matcher_.next(position, static_cast<uint8_t>(byte));
  }
  return bytes;
}

std::vector<TokenId> TokenConstraint::take_forced(size_t most) {
  const std::string bytes = forced_bytes();
  if (bytes.empty() || most == 0) return {};
  const PositionId end = matcher_.next(position_, bytes);
  const size_t settled = settled_length(bytes, end);
  std::vector<TokenId> tokens;
  // Behind the last token, as a text that is split together; where that would split otherwise, behind a new line.
  const bool has_text = !last_piece_.empty() && is_valid_utf8(last_piece_);
  if (settled > 0 && has_text) tokens = split(last_piece_, bytes);
  if (settled > 0 && tokens.empty()) tokens = split("\n", bytes);
  std::vector<TokenId> taken;
  size_t length = 0;
  for (const TokenId token : tokens) {
    length += tokenizer_.piece(token).size();
    if (length > settled || taken.size() == most || !allows(token)) break;
    accept(token);
    taken.push_back(token);
  }
  return taken;
}

// The tokens of `bytes` where they follow `before`; none where a token would reach over the place where they meet.
std::vector<TokenId> TokenConstraint::split(std::string_view before, std::string_view bytes) const {
  const std::string text = std::string(before) + std::string(bytes);
  const std::vector<TokenId> all = tokenizer_.encode(text, {.add_special = false});
  std::string spelled;
  for (const TokenId token : all) spelled += tokenizer_.piece(token);
  // Some tokenizers put a space before every text.
  if (!spelled.ends_with(text)) return {};
  const size_t border = spelled.size() - bytes.size();
  size_t length = 0;
  size_t index = 0;
  while (length < border) length += tokenizer_.piece(all[index++]).size();
  if (length != border) return {};
  return {all.begin() + static_cast<std::ptrdiff_t>(index), all.end()};
}

// How much of the forced bytes cannot become part of a token that reaches beyond them.
size_t TokenConstraint::settled_length(std::string_view bytes, PositionId end) {
  if (matcher_.items(end).empty()) return bytes.size();
  const size_t longest = std::min(bytes.size(), trie_->longest_token());
  for (size_t length = longest; length > 0; --length) {
    const uint32_t node = trie_->find(bytes.substr(bytes.size() - length));
    if (node == VocabularyTrie::kNone || !trie_->has_children(node)) continue;
    bool goes_on = false;
    walk(
        node, end, [&](std::span<const TokenId>) { goes_on = true; }, [](uint32_t, PositionId) {});
    if (goes_on) return bytes.size() - length;
  }
  return bytes.size();
}

size_t TokenConstraint::memory_bytes() const {
  return sizeof *this + matcher_.memory_bytes() + state_bytes_ + masks_.size() * (trie_->vocabulary_size() / 8 + 64);
}

}  // namespace thimble
