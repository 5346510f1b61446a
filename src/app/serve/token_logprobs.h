// How probable the tokens of an answer were, as the model saw it, in the two shapes of OpenAI's API.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

struct TokenLogprob {
  TokenId token;
  float logprob = 0;                             // 0 also where a grammar left no choice
  std::vector<std::pair<TokenId, float>> top{};  // the most probable first
};

// Of `token` among `logits`, with the `count` most probable ones.
TokenLogprob logprob_of(std::span<const float> logits, TokenId token, size_t count);

class LogprobRecorder {
 public:
  LogprobRecorder(const Tokenizer& tokenizer, size_t top) : tokenizer_(tokenizer), top_(top) {}

  // GenerateCallbacks::on_choice. What a grammar forced since the last one is among `answer`.
  void see(std::span<const float> logits, std::span<const TokenId> answer, TokenId token);
  void fill(std::span<const TokenId> answer);  // whatever is not there yet
  void add(TokenLogprob entry) { entries_.push_back(std::move(entry)); }
  std::span<const TokenLogprob> entries() const { return entries_; }
  // What has been added since the last call.
  std::span<const TokenLogprob> take_new();

  // {"content": [{"token", "logprob", "bytes", "top_logprobs"}]}
  nlohmann::ordered_json chat_json(std::span<const TokenLogprob> entries) const;
  // {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; `offset`: of the first token in the text. The first `unseen`
  // entries have no probability: nothing is in front of them.
  nlohmann::ordered_json legacy_json(std::span<const TokenLogprob> entries, size_t offset, size_t unseen = 0) const;

 private:
  std::string name_of(TokenId token) const;

  const Tokenizer& tokenizer_;
  size_t top_;
  size_t taken_ = 0;
  std::vector<TokenLogprob> entries_;
};

}  // namespace thimble
