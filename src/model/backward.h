// The backward pass beside each block of the forward pass, from the same recipe: gradients of the residual stream and of what
// adapters add; the weights themselves are frozen. Each block's forward pass is run again from its input, which is all that is
// kept of it (arXiv 1604.06174).
#pragma once

#include <span>

#include "model/backward_products.h"
#include "model/training_space.h"

namespace thimble {

// dx += the gradient through the family's kind of norm over n values; straight through where there is none (no weight).
void add_norm_gradient(const Model& model, const Kernels& kernels, const float* x, const float* weight, const float* dy,
                       size_t n, float* dx);

class BlockBackward {
 public:
  // `context` is the one that the blocks run in again: its workspace is the space's, its tape the space's. The weights' updates
  // are F32. `gradients`: by tensor.
  BlockBackward(const ForwardContext& context, const TrainingSpace& space, size_t tokens,
                std::span<const Sequence> sequences, std::span<const LowRankGradient> gradients);

  // After Pass::run of the block: space.d_residual, the gradient of what comes out of the block, becomes that of what goes in, but
  // for a first block's, which nothing needs. Called by all workers.
  void run(Worker& worker, uint32_t block, bool is_first) const;

 private:
  template <class F>
  void for_each_token(Worker& worker, F&& f) const;
  void finish_branch(size_t token, uint32_t block, Role post_norm, const float* branch) const;
  void feed_forward(Worker& worker, uint32_t block) const;
  void attention(Worker& worker, uint32_t block, bool is_first) const;
  void activation(uint32_t block, size_t token) const;
  void finish_heads(uint32_t block, size_t token) const;
  void finish_head(float* d, const float* input, const float* norm_weight, const float* rope_table) const;
  void multiply(Worker& worker, std::span<const ProductGradient> products, const float* x, float* dx) const;
  bool is_parallel(uint32_t block) const;

  const Model& model_;
  const Kernels& kernels_;
  const Workspace& work_;
  const TrainingSpace& space_;
  const Hyperparameters& h_;
  const size_t tokens_;
  const std::span<const Sequence> sequences_;
  const std::span<const LowRankGradient> gradients_;
};

}  // namespace thimble
