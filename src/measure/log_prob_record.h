// One position's log-probabilities in 16 bits each, as llama-perplexity --kl-divergence-base writes them: a float step, a float
// minimum, a code for each token of the vocabulary, and one more where that is odd. What is e^16 times less likely than the first
// choice is at the minimum.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "text/tokenizer.h"

namespace thimble {

inline constexpr size_t kLogProbHeader = 4;  // 16-bit words before the codes

constexpr size_t log_prob_words(size_t vocabulary) { return (vocabulary + 1) / 2 * 2 + kLogProbHeader; }

// How many of a chunk's records are held at once, and the memory that this takes.
constexpr size_t held_records(size_t chunk_tokens) { return std::min<size_t>(chunk_tokens - chunk_tokens / 2, 256); }
constexpr size_t held_record_bytes(size_t vocabulary, size_t chunk_tokens) {
  return held_records(chunk_tokens) * log_prob_words(vocabulary) * sizeof(uint16_t);
}

struct LogProbHeader {
  float step;
  float minimum;
};
LogProbHeader log_prob_header(std::span<const uint16_t> record);

// Writes the record of finite logits [vocabulary], log_prob_words(vocabulary) long; returns -log of the probability of `next`.
double encode_log_probs(std::span<const float> logits, TokenId next, std::span<uint16_t> record);

// Of logit - largest, `largest` being the largest of them.
double sum_of_exponentials(std::span<const float> logits, float largest);

// -log of the softmax probability of `token`; logits: [vocabulary], finite.
double negative_log_probability(std::span<const float> logits, TokenId token);

}  // namespace thimble
