// The choice of the next token. The same options, seed, logits and history give the same token on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "text/token_constraint.h"
#include "text/tokenizer.h"

namespace thimble {

// Names and defaults as llama.cpp has them.
struct SamplerOptions {
  float temperature = 0.8f;  // 0: always the most probable token
  uint32_t top_k = 40;       // 0: all
  float top_p = 0.95f;       // 1: all
  float min_p = 0.05f;       // 0: all
  float repeat_penalty = 1.0f;
  float presence_penalty = 0;   // taken off the logit of what is among the last ones
  float frequency_penalty = 0;  // the same, for each time that it is
  uint32_t repeat_last_n = 64;
  std::vector<std::pair<TokenId, float>> logit_bias{};  // added first; ids of the vocabulary
  uint64_t seed = 0;
};

class Sampler {
 public:
  // Throws Error(usage) naming the option that is out of its range.
  explicit Sampler(const SamplerOptions& options);

  // logits: [vocabulary], finite. history: the tokens so far, of which the last repeat_last_n are penalised.
  // With a constraint only what it allows is chosen among, as if the rest had no logits. Throws Error(failed) where it allows nothing.
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history,
                 TokenConstraint* constraint = nullptr);

 private:
  struct Candidate {
    TokenId id;
    float logit;
  };
  static bool is_before(const Candidate& a, const Candidate& b);  // most probable first
  void gather(std::span<const float> logits, std::span<const TokenId> history);
  TokenId most_probable() const;
  bool keep_allowed_best(TokenConstraint& constraint);
  void keep_allowed(TokenConstraint& constraint);
  void keep_most_probable();
  TokenId draw();

  SamplerOptions options_;
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_;
};

}  // namespace thimble
