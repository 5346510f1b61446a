#include "model/backward.h"

#include <algorithm>
#include <array>

#include "model/backward_attention.h"

namespace thimble {

void add_norm_gradient(const Model& model, const Kernels& kernels, const float* x, const float* weight, const float* dy,
                       size_t n, float* dx) {
  if (weight == nullptr) return kernels.add(dy, n, dx);
  const bool is_rms = model.spec().block.norm == Norm::rms;
  (is_rms ? kernels.rms_norm_gradient : kernels.layer_norm_gradient)(x, weight, dy, n, model.hyper().layer_norm_epsilon,
                                                                     dx);
}

BlockBackward::BlockBackward(const ForwardContext& context, const TrainingSpace& space, size_t tokens,
                             std::span<const Sequence> sequences, std::span<const LowRankGradient> gradients)
    : model_(context.model),
      kernels_(context.kernels),
      work_(space.workspace),
      space_(space),
      h_(context.model.hyper()),
      tokens_(tokens),
      sequences_(sequences),
      gradients_(gradients) {}

void BlockBackward::run(Worker& worker, uint32_t block, bool is_first) const {
  feed_forward(worker, block);
  attention(worker, block, is_first);
}

template <class F>
void BlockBackward::for_each_token(Worker& worker, F&& f) const {
  worker.for_each_piece(tokens_, 4, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) f(token);
  });
}

bool BlockBackward::is_parallel(uint32_t block) const {
  return model_.spec().block.parallel && model_.vector(block, Role::ffn_norm) == nullptr;
}

// d_branch: the gradient of what the branch's last product gives, from that of the residual.
void BlockBackward::finish_branch(size_t token, uint32_t block, Role post_norm, const float* branch) const {
  const size_t width = h_.embedding_length, at = token * width;
  float* out = space_.d_branch + at;
  if (const float* weight = model_.vector(block, post_norm)) {
    std::fill_n(out, width, 0.0f);
    add_norm_gradient(model_, kernels_, branch + at, weight, space_.d_residual + at, width, out);
  } else {
    std::copy_n(space_.d_residual + at, width, out);
  }
  if (h_.residual_scale != 0) kernels_.scale(h_.residual_scale, width, out);
}

void BlockBackward::multiply(Worker& worker, std::span<const ProductGradient> products, const float* x,
                             float* dx) const {
  ProductGradientsTask task;
  task.products = products;
  task.x = x;
  task.dx = dx;
  task.tokens = tokens_;
  task.gradients = gradients_;
  run_product_gradients(worker, kernels_, work_, space_.products, task);
}

// d_gate and d_up from the gradient of the hidden row, which lies in d_gate.
void BlockBackward::activation(uint32_t block, size_t token) const {
  const size_t width = h_.feed_forward_length, at = token * width;
  const bool gated = static_cast<bool>(model_.matrix(block, Role::ffn_gate));
  const auto run = [&](Kernels::ActivationGradient gradient) {
    gradient(work_.gate + at, gated ? work_.up + at : nullptr, space_.d_gate + at, width, space_.d_gate + at,
             space_.d_up + at);
  };
  switch (model_.spec().block.activation) {
    case Activation::silu: return run(kernels_.silu_gradient);
    case Activation::gelu_tanh: return run(kernels_.gelu_gradient);
    case Activation::gelu: return run(kernels_.gelu_exact_gradient);
  }
}

// From the residual's gradient behind the block: d_input, of what gate and up read; in a block that is not parallel the residual's
// gradient then is that of its middle.
void BlockBackward::feed_forward(Worker& worker, uint32_t block) const {
  for_each_token(worker,
                 [&](size_t token) { finish_branch(token, block, Role::post_ffw_norm, space_.tape.ffn_branch); });
  const ProductGradient down[] = {{&model_.matrix(block, Role::ffn_down), space_.d_branch}};
  multiply(worker, down, space_.tape.hidden, space_.d_gate);
  for_each_token(worker, [&](size_t token) { activation(block, token); });
  const Weight& gate = model_.matrix(block, Role::ffn_gate);
  const Weight& up = model_.matrix(block, Role::ffn_up);
  const ProductGradient inputs[] = {{gate ? &gate : &up, space_.d_gate}, {&up, space_.d_up}};
  multiply(worker, std::span(inputs).first(gate ? 2 : 1), space_.tape.ffn_input, space_.d_input);
  const size_t width = h_.embedding_length;
  const float* residual = is_parallel(block) ? space_.input(block) : space_.tape.middle;
  const float* weight = model_.vector(block, is_parallel(block) ? Role::attn_norm : Role::ffn_norm);
  // A parallel block's attention still needs the gradient as it came in.
  float* sum = is_parallel(block) ? space_.d_parallel : space_.d_residual;
  for_each_token(worker, [&](size_t token) {
    const size_t at = token * width;
    if (is_parallel(block)) std::copy_n(space_.d_residual + at, width, sum + at);
    add_norm_gradient(model_, kernels_, residual + at, weight, space_.d_input + at, width, sum + at);
  });
}

// One head's query or key: back through the rotation and the norm, in place.
void BlockBackward::finish_head(float* d, const float* input, const float* norm_weight, const float* rope_table) const {
  const size_t width = h_.key_length;
  if (rope_table != nullptr) {
    const bool halves = model_.spec().block.rope_pairs == RopePairs::halves;
    kernels_.rope(rope_table, h_.rope_dimension_count, halves, d);
  }
  if (norm_weight == nullptr) return;
  std::array<float, 512> through{};
  add_norm_gradient(model_, kernels_, input, norm_weight, d, width, through.data());
  std::copy_n(through.data(), width, d);
}

void BlockBackward::finish_heads(uint32_t block, size_t token) const {
  const size_t width = h_.key_length;
  const float* rope_table = nullptr;
  if (model_.spec().block.rope_pairs != RopePairs::none && h_.is_rope_layer(block)) {
    rope_table = (h_.is_window_layer(block) ? space_.rope_window : space_.rope) + token * h_.rope_dimension_count;
  }
  const auto finish = [&](Role norm, size_t heads, float* d, const float* input) {
    const std::span<const float> weights = model_.values(block, norm);
    for (size_t head = 0; head < heads; ++head) {
      const size_t at = (token * heads + head) * width;
      // A part of the norm's weights for each head, or one for all.
      const float* weight = weights.empty() ? nullptr : weights.data() + (weights.size() > width ? head * width : 0);
      finish_head(d + at, weight == nullptr ? nullptr : input + at, weight, rope_table);
    }
  };
  finish(Role::attn_q_norm, h_.head_count, space_.d_query, space_.tape.query_input);
  finish(Role::attn_k_norm, h_.head_count_kv, space_.d_key, space_.tape.key_input);
}

void BlockBackward::attention(Worker& worker, uint32_t block, bool is_first) const {
  for_each_token(worker, [&](size_t token) {
    finish_branch(token, block, Role::post_attention_norm, space_.tape.attention_branch);
  });
  const ProductGradient output[] = {{&model_.matrix(block, Role::attn_output), space_.d_branch}};
  multiply(worker, output, work_.attention, space_.d_attention);
  AttentionGradientsTask task{work_.query,
                              work_.key,
                              work_.value,
                              space_.d_attention,
                              space_.d_query,
                              space_.d_key,
                              space_.d_value,
                              space_.d_head_keys,
                              space_.d_head_values,
                              space_.attention_scratch(),
                              space_.layout().attention,
                              tokens_,
                              h_.is_window_layer(block) ? h_.sliding_window : 0};
  run_attention_gradients(worker, kernels_, h_, sequences_, task);
  for_each_token(worker, [&](size_t token) { finish_heads(block, token); });
  const ProductGradient inputs[] = {{&model_.matrix(block, Role::attn_q), space_.d_query},
                                    {&model_.matrix(block, Role::attn_k), space_.d_key},
                                    {&model_.matrix(block, Role::attn_v), space_.d_value}};
  multiply(worker, inputs, space_.tape.attention_input, is_first ? nullptr : space_.d_input);
  if (is_first) return;
  const size_t width = h_.embedding_length;
  const float* weight = model_.vector(block, Role::attn_norm);
  for_each_token(worker, [&](size_t token) {
    const size_t at = token * width;
    if (is_parallel(block)) std::copy_n(space_.d_parallel + at, width, space_.d_residual + at);
    add_norm_gradient(model_, kernels_, space_.input(block) + at, weight, space_.d_input + at, width,
                      space_.d_residual + at);
  });
}

}  // namespace thimble
