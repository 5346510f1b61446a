// What an error in one tensor does to the model's answers, measured: the KL divergence from the model as it is to the model with
// that tensor changed, over a small sample of text.
#pragma once

#include <span>
#include <vector>

#include "compress/block_walk.h"
#include "compress/rounding_units.h"

namespace thimble {

struct SampleOptions {
  size_t chunk_tokens = 256;
  size_t scored = 128;  // at the end of each chunk
  uint64_t reference_bytes =
      256u << 20;  // of the reference's logits at most: of a longer sample the first chunks are used
};

class SensitivityProbe {
 public:
  // Runs the model over the sample, [chunks][chunk_tokens] ids, and keeps its logits and what each block reads. `model` must
  // outlive it and stays as it was after every call.
  SensitivityProbe(Model& model, const Kernels& kernels, Team& team, std::vector<TokenId> sample,
                   const SampleOptions& options);

  // Mean KL divergence a scored token, in nats, with the unit's weights replaced by `rows` of `type`.
  double divergence(const RoundingUnit& unit, NumberType type, const std::byte* rows);
  // Of the model as it has become since.
  double divergence();

  size_t scored_tokens() const { return reference_sums_.size(); }

 private:
  double run_from(uint32_t block);
  void embed();

  Model& model_;
  const Kernels& kernels_;
  Team& team_;
  std::vector<TokenId> sample_;
  SampleOptions options_;
  BlockWalk walk_;
  std::vector<std::vector<float>> block_inputs_;  // the residual of all chunks, by block; then what the head reads
  std::vector<float> reference_;                  // logits, [scored tokens][vocabulary_size]
  std::vector<double> reference_sums_;            // log of the sum of their exponentials
};

}  // namespace thimble
