// Perplexity of a text, in llama-perplexity's way: chunks of `chunk_tokens`, the second half of each scored, the first token of
// each replaced by BOS where the model wants one.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "engine/session.h"
#include "text/tokenizer.h"

namespace thimble {

struct PerplexityResult {
  double perplexity = 0;
  double error = 0;  // one standard error
  size_t chunks = 0;
  size_t tokens = 0;  // scored
};

// Called after each chunk with the result so far; returning false ends there.
using PerplexityProgress = std::function<bool(const PerplexityResult& so_far, size_t total_chunks)>;

// tokens: the whole text, encoded with its special tokens. The session's context holds at least chunk_tokens; more logit rows
// make it faster. max_chunks: 0 for all. Throws Error(usage) where the text is shorter than two chunks' worth of tokens.
PerplexityResult measure_perplexity(Session& session, const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                                    size_t chunk_tokens, size_t max_chunks, const PerplexityProgress& progress = {});

// -log of the softmax probability of `token`; logits: [vocabulary], finite.
double negative_log_probability(std::span<const float> logits, TokenId token);

}  // namespace thimble
