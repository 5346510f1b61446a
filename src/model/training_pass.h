// Loss of a batch of texts and its gradients in the factors of adapters: forward, cross-entropy by chunks of tokens (never a whole
// matrix of logits), backward. The forward pass is inference's own with activations and unpacked weights in floats
// (docs/decisions/0008-training-in-floats.md).
#pragma once

#include <span>

#include "model/backward_products.h"
#include "model/forward.h"
#include "model/training_space.h"

namespace thimble {

inline constexpr TokenId kNotScored = -1;

struct TrainingBatch {
  std::span<const TokenId> tokens;
  std::span<const Sequence> sequences;  // whole texts, that cover the tokens
  std::span<const TokenId> targets;     // the id that should follow each token, or kNotScored
};

class TrainingPass {
 public:
  // Of a decoder. All references outlive this; adapters have been attached to the model before the space was made.
  TrainingPass(const Model& model, const Kernels& kernels, Team& team, TrainingSpace& space);

  // The sum of the scored tokens' cross-entropies in nats; not finite where the model's values are not.
  double loss(const TrainingBatch& batch);
  // The same, adding `weight` times the sum's gradient to `gradients`, by tensor.
  double add_gradients(const TrainingBatch& batch, float weight, std::span<const LowRankGradient> gradients);

 private:
  void run_forward(const TrainingBatch& batch);
  double run_head(const TrainingBatch& batch, float weight, bool with_gradient);
  double finish_row(float* logits, TokenId target, float weight, bool with_gradient) const;
  void fill_back_rotations(size_t tokens);

  const ForwardContext context_;
  TrainingSpace& space_;
};

}  // namespace thimble
