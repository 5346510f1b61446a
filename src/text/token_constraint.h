// Which tokens may come next so that the text stays one that a grammar can complete. One thread at a time; grammar and trie
// may be shared.
//
// A mask is the union over the items of the matcher's position. What a state allows whatever its context is computed once a state, in
// part ahead, together with the places in the trie where its rule may have ended; only from there on the context is
// followed. Whole masks are kept by position. Both caches are bounded (kMaskCacheBytes, kStateCacheBytes).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/grammar.h"
#include "text/grammar_matcher.h"
#include "text/token_mask.h"
#include "text/tokenizer.h"
#include "text/vocabulary_trie.h"

namespace thimble {

class TokenConstraint {
 public:
  static constexpr size_t kMaskCacheBytes = size_t{2} << 20;
  static constexpr size_t kStateCacheBytes = size_t{4} << 20;

  // The tokenizer must outlive it.
  TokenConstraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const VocabularyTrie> trie,
                  const Tokenizer& tokenizer);

  void restart();  // the text is empty again; what was learnt about the grammar stays

  bool allows(TokenId id);
  // Exactly the tokens that allows() is true for; valid until the next call. Throws Error(failed) where the grammar is too
  // ambiguous to be followed, here and in what follows.
  const TokenMask& mask();
  void accept(TokenId id);  // expects allows(id)

  bool may_end() const { return matcher_.accepts(position_); }
  bool must_end() const { return may_end() && matcher_.items(position_).empty(); }

  // What has to come next, and accepts it: the bytes that the grammar leaves no choice about, as the tokenizer splits them
  // behind the text so far, without the end of it that might be part of a longer token; `most` tokens at most.
  std::vector<TokenId> take_forced(size_t most);
  std::string forced_bytes();

  size_t memory_bytes() const;

 private:
  // What a state reads before its rule ends.
  struct StateTokens {
    std::vector<TokenId> few;       // either these
    TokenMask many{};               // or these, where there are more than it takes bits
    std::vector<uint32_t> exits{};  // nodes of the trie where the rule may have ended and tokens go on
    size_t memory_bytes() const;
  };

  template <class Token, class Node>
  void walk(uint32_t node, PositionId from, Token on_token, Node on_node);
  const StateTokens& tokens_of(uint32_t state);
  void add_item(TokenMask& mask, const GrammarMatcher::Item& item);
  void prepare();
  void keep_small();
  std::vector<TokenId> split(std::string_view before, std::string_view bytes) const;
  size_t settled_length(std::string_view bytes, PositionId end);

  std::shared_ptr<const Grammar> grammar_;
  std::shared_ptr<const VocabularyTrie> trie_;
  const Tokenizer& tokenizer_;
  GrammarMatcher matcher_;
  PositionId position_;
  std::string last_piece_;
  std::vector<PositionId> path_;  // of a walk, by depth
  std::unordered_map<uint32_t, StateTokens> states_;
  size_t state_bytes_ = 0;
  std::unordered_map<PositionId, TokenMask> masks_;
};

}  // namespace thimble
