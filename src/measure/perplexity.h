// Perplexity of a text, in llama-perplexity's way: chunks.h.
#pragma once

#include <cstddef>
#include <functional>

#include "engine/session.h"
#include "measure/chunks.h"
#include "measure/kept_rows.h"
#include "measure/log_prob_file.h"

namespace thimble {

struct PerplexityResult {
  double perplexity = 0;
  double error = 0;  // one standard error
  size_t chunks = 0;
  size_t tokens = 0;  // scored
};

// Sum and sum of squares of -log probabilities, and what they make.
struct PerplexityScores {
  double sum = 0;
  double squares = 0;
  size_t count = 0;

  void add(double negative_log_probability);
  PerplexityResult result(size_t chunks) const;
};

// Called after each chunk with the result so far; returning false ends there.
using PerplexityProgress = std::function<bool(const PerplexityResult& so_far, size_t total_chunks)>;

// The session's context holds at least a chunk; more logit rows make it faster. `records`: where not nullptr, every scored position's
// log-probabilities are written there, and nothing may be kept; the caller commits the file. Goes on from what is kept, and takes that
// file away at the end.
PerplexityResult measure_perplexity(Session& session, const Chunks& chunks, const PerplexityProgress& progress = {},
                                    LogProbFileWriter* records = nullptr, KeptRows kept = {});

}  // namespace thimble
