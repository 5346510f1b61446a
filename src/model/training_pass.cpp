#include "model/training_pass.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <vector>

#include "model/backward.h"
#include "model/head.h"
#include "model/pass.h"

namespace thimble {
namespace {

constexpr size_t kSegment = 4096;  // of a row of logits

std::vector<size_t> scored_tokens(const TrainingBatch& batch) {
  std::vector<size_t> scored;
  for (size_t i = 0; i < batch.targets.size(); ++i) {
    if (batch.targets[i] != kNotScored) scored.push_back(i);
  }
  return scored;
}

}  // namespace

TrainingPass::TrainingPass(const Model& model, const Kernels& kernels, Team& team, TrainingSpace& space)
    : context_{model, kernels, team, space.workspace}, space_(space) {
  assert(model.has_head() && model.hyper().causal_attention);
}

double TrainingPass::loss(const TrainingBatch& batch) {
  run_forward(batch);
  return run_head(batch, 0, false);
}

double TrainingPass::add_gradients(const TrainingBatch& batch, float weight,
                                   std::span<const LowRankGradient> gradients) {
  run_forward(batch);
  const double loss = run_head(batch, weight, true);
  const Model& model = context_.model;
  const size_t tokens = batch.tokens.size();
  fill_back_rotations(tokens);
  ForwardContext again = context_;
  again.tape = &space_.tape;
  const Pass pass(again, space_.cache(), tokens, batch.sequences);
  const BlockBackward backward(again, space_, tokens, batch.sequences, gradients);
  context_.team.run([&](Worker& worker) {
    for (uint32_t block = model.hyper().block_count; block-- > 0;) {
      worker.for_each_piece(tokens, 16, [&](size_t begin, size_t end) {
        const size_t width = model.hyper().embedding_length;
        std::copy(space_.input(block) + begin * width, space_.input(block) + end * width,
                  space_.workspace.residual + begin * width);
      });
      pass.run(worker, block, block + 1);
      backward.run(worker, block, block == 0);
    }
  });
  return loss;
}

void TrainingPass::run_forward(const TrainingBatch& batch) {
  assert(batch.tokens.size() == batch.targets.size());
  embed_tokens(context_, batch.tokens, batch.sequences);
  const size_t floats = batch.tokens.size() * context_.model.hyper().embedding_length;
  for (uint32_t block = 0; block < context_.model.hyper().block_count; ++block) {
    std::copy_n(space_.workspace.residual, floats, space_.input(block));
    forward_blocks(context_, space_.cache(), batch.tokens.size(), batch.sequences, block, block + 1);
  }
}

// The rotations' transposes: the same with the sines' signs changed.
void TrainingPass::fill_back_rotations(size_t tokens) {
  if (space_.rope == nullptr) return;
  const size_t floats = tokens * context_.model.hyper().rope_dimension_count;
  for (const auto& [from, to] :
       {std::pair(space_.workspace.rope, space_.rope), std::pair(space_.workspace.rope_window, space_.rope_window)}) {
    for (size_t i = 0; i < floats; ++i) to[i] = i % 2 == 0 ? from[i] : -from[i];
  }
}

// One token's logits: its loss, and the gradient of weight times that in their place.
double TrainingPass::finish_row(float* logits, TokenId target, float weight, bool with_gradient) const {
  const Hyperparameters& h = context_.model.hyper();
  const Kernels& kernels = context_.kernels;
  const size_t width = h.vocabulary_size;
  finish_logits(context_, {logits, width});
  std::array<float, kSegment> segment;
  const float largest = kernels.largest(logits, width);
  double sum = 0;
  for (size_t i = 0; i < width; i += kSegment) {
    sum += kernels.exp_less(logits + i, largest, std::min(kSegment, width - i), segment.data());
  }
  const double log_sum = largest + std::log(sum);
  const double loss = log_sum - logits[target];
  if (!with_gradient) return loss;
  for (size_t i = 0; i < width; i += kSegment) {
    const size_t count = std::min(kSegment, width - i);
    std::copy_n(logits + i, count, segment.data());
    kernels.exp_less(logits + i, static_cast<float>(log_sum), count, logits + i);
    if (static_cast<size_t>(target) >= i && static_cast<size_t>(target) < i + count) logits[target] -= 1;
    if (h.final_logit_softcap > 0) {
      kernels.softcap_gradient(h.final_logit_softcap, segment.data(), count, logits + i);
    }
    kernels.scale(h.logit_scale != 0 ? weight / h.logit_scale : weight, count, logits + i);
  }
  return loss;
}

// From the residual that the workspace holds; with_gradient: to space.d_residual.
double TrainingPass::run_head(const TrainingBatch& batch, float weight, bool with_gradient) {
  const Model& model = context_.model;
  const Hyperparameters& h = model.hyper();
  Workspace& work = space_.workspace;
  const std::vector<size_t> scored = scored_tokens(batch);
  const Weight& head = model.head();
  if (with_gradient) std::fill_n(space_.d_residual, batch.tokens.size() * h.embedding_length, 0.0f);
  const auto run_chunk = [&](Worker& worker, size_t begin, size_t count) {
    worker.for_each_piece(count, 1, [&](size_t i, size_t) {
      float* row = space_.head_input + i * h.embedding_length;
      final_norm(context_, scored[begin + i], row);
      make_records(context_.kernels, work, record_types({&head}), i, row, h.embedding_length);
    });
    const Product products[] = {{&head, work.logits}};
    run_products(worker, context_.kernels, work, products, count);
    worker.for_each_piece(count, 1, [&](size_t i, size_t) {
      space_.losses[begin + i] =
          finish_row(work.logits + i * h.vocabulary_size, batch.targets[scored[begin + i]], weight, with_gradient);
    });
    if (!with_gradient) return;
    const ProductGradient gradient[] = {{&head, work.logits}};
    ProductGradientsTask task;
    task.products = gradient;
    task.x = space_.head_input;
    task.dx = space_.d_head_input;
    task.tokens = count;
    run_product_gradients(worker, context_.kernels, work, space_.products, task);
    worker.for_each_piece(count, 1, [&](size_t i, size_t) {
      const size_t at = scored[begin + i] * h.embedding_length;
      add_norm_gradient(model, context_.kernels, work.residual + at, model.vector(Role::output_norm),
                        space_.d_head_input + i * h.embedding_length, h.embedding_length, space_.d_residual + at);
    });
  };
  context_.team.run([&](Worker& worker) {
    for (size_t begin = 0; begin < scored.size(); begin += space_.layout().head_rows) {
      run_chunk(worker, begin, std::min(space_.layout().head_rows, scored.size() - begin));
    }
  });
  double sum = 0;
  for (size_t i = 0; i < scored.size(); ++i) sum += space_.losses[i];
  return sum;
}

}  // namespace thimble
