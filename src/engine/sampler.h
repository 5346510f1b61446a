// The choice of the next token. The same options, seed, logits and history give the same token on every machine.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "text/tokenizer.h"

namespace thimble {

// Names and defaults as llama.cpp has them.
struct SamplerOptions {
  float temperature = 0.8f;  // 0: always the most probable token
  uint32_t top_k = 40;       // 0: all
  float top_p = 0.95f;       // 1: all
  float min_p = 0.05f;       // 0: all
  float repeat_penalty = 1.0f;
  uint32_t repeat_last_n = 64;
  uint64_t seed = 0;
};

class Sampler {
 public:
  // Throws Error(usage) naming the option that is out of its range.
  explicit Sampler(const SamplerOptions& options);

  // logits: [vocabulary], finite. history: the tokens so far, of which the last repeat_last_n are penalised.
  TokenId sample(std::span<const float> logits, std::span<const TokenId> history);

 private:
  struct Candidate {
    TokenId id;
    float logit;
  };
  void gather(std::span<const float> logits, std::span<const TokenId> history);
  void keep_most_probable();
  TokenId draw();

  SamplerOptions options_;
  std::mt19937_64 random_;
  std::vector<Candidate> candidates_;
};

}  // namespace thimble
