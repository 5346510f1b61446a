#include "measure/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace thimble {
namespace {

// Sum and sum of squares of the scores so far.
struct Scores {
  double sum = 0;
  double squares = 0;
  size_t count = 0;

  void add(double score) {
    sum += score;
    squares += score * score;
    ++count;
  }

  PerplexityResult result(size_t chunks) const {
    PerplexityResult r;
    const double mean = sum / static_cast<double>(count);
    const double variance = squares / static_cast<double>(count) - mean * mean;
    r.perplexity = std::exp(mean);
    if (variance > 0 && count > 1) r.error = std::sqrt(variance / static_cast<double>(count - 1)) * r.perplexity;
    r.chunks = chunks;
    r.tokens = count;
    return r;
  }
};

}  // namespace

double negative_log_probability(std::span<const float> logits, TokenId token) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - best);
  return std::log(sum) - static_cast<double>(logits[static_cast<size_t>(token)] - best);
}

PerplexityResult measure_perplexity(Session& session, const Tokenizer& tokenizer, std::span<const TokenId> tokens,
                                    size_t chunk_tokens, size_t max_chunks, const PerplexityProgress& progress) {
  if (chunk_tokens < 4) fail(ExitCode::usage, "-c {}: a chunk needs at least 4 tokens", chunk_tokens);
  if (tokens.size() < 2 * chunk_tokens) {
    fail(ExitCode::usage, "the text has {} tokens; at least {} (two chunks) are needed: give more text or a smaller -c",
         tokens.size(), 2 * chunk_tokens);
  }
  size_t chunks = tokens.size() / chunk_tokens;
  if (max_chunks != 0) chunks = std::min(chunks, max_chunks);
  const size_t first = chunk_tokens / 2;
  Scores scores;
  for (size_t chunk = 0; chunk < chunks; ++chunk) {
    std::vector<TokenId> ids(tokens.begin() + static_cast<std::ptrdiff_t>(chunk * chunk_tokens),
                             tokens.begin() + static_cast<std::ptrdiff_t>((chunk + 1) * chunk_tokens));
    if (tokenizer.adds_bos() && tokenizer.bos()) ids[0] = *tokenizer.bos();
    session.rewind(0);
    session.append_all(ids, first, [&](size_t index, std::span<const float> logits) {
      if (index + 1 < chunk_tokens) {
        scores.add(negative_log_probability(logits, tokens[chunk * chunk_tokens + index + 1]));
      }
    });
    if (progress && !progress(scores.result(chunk + 1), chunks)) return scores.result(chunk + 1);
  }
  return scores.result(chunks);
}

}  // namespace thimble
