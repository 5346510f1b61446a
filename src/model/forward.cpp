#include "model/forward.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "model/products.h"

namespace thimble {
namespace {

// One pass, run by all workers together: every method is called by all of them and ends in step.
class Pass {
 public:
  Pass(const ForwardContext& context, const KvView& cache, size_t tokens, size_t first_position, size_t lowest_position)
      : model_(context.model),
        kernels_(context.kernels),
        space_(context.workspace),
        h_(context.model.hyper()),
        cache_(cache),
        tokens_(tokens),
        first_(first_position),
        lowest_(lowest_position) {}

  void run(Worker& worker) const {
    for (uint32_t block = 0; block < h_.block_count; ++block) {
      attention_input(worker, block);
      project_qkv(worker, block);
      store_keys_values(worker, block);
      attend(worker, block);
      attention_output(worker, block);
      feed_forward(worker, block);
    }
    for_each_token(worker, [&](size_t token) { add_branch(token, last_norm_after_block(h_.block_count - 1)); });
  }

 private:
  template <class F>
  void for_each_token(Worker& worker, F&& f) const {
    worker.for_each_piece(tokens_, 1, [&](size_t begin, size_t end) {
      for (size_t token = begin; token < end; ++token) f(token);
    });
  }

  float* residual(size_t token) const { return space_.residual + token * h_.embedding_length; }
  float* branch(size_t token) const { return space_.branch + token * h_.embedding_length; }
  const float* last_norm_after_block(uint32_t block) const { return model_.vector(block, Role::post_ffw_norm); }

  // residual += branch, normalised first where the family does so.
  void add_branch(size_t token, const float* post_norm) const {
    if (post_norm != nullptr) {
      kernels_.rms_norm(branch(token), post_norm, h_.embedding_length, h_.layer_norm_rms_epsilon, branch(token));
    }
    kernels_.add(branch(token), h_.embedding_length, residual(token));
  }

  void normalised_records(Worker& worker, size_t token, const float* norm, RecordTypes types) const {
    float* row = space_.row(worker.index());
    kernels_.rms_norm(residual(token), norm, h_.embedding_length, h_.layer_norm_rms_epsilon, row);
    make_records(kernels_, space_, types, token, row, h_.embedding_length);
  }

  void attention_input(Worker& worker, uint32_t block) const {
    const RecordTypes types = record_types({&model_.matrix(block, Role::attn_q), &model_.matrix(block, Role::attn_k),
                                            &model_.matrix(block, Role::attn_v)});
    for_each_token(worker, [&](size_t token) {
      if (block > 0) add_branch(token, last_norm_after_block(block - 1));
      normalised_records(worker, token, model_.vector(block, Role::attn_norm), types);
    });
  }

  void project_qkv(Worker& worker, uint32_t block) const {
    const Product products[] = {{&model_.matrix(block, Role::attn_q), space_.query},
                                {&model_.matrix(block, Role::attn_k), space_.key},
                                {&model_.matrix(block, Role::attn_v), space_.value}};
    run_products(worker, kernels_, space_, products, tokens_);
  }

  // Bias, norm, rotary position and Hadamard rotation of one head's query or key.
  void finish_head(float* x, const float* bias, const float* norm, const float* rope_table) const {
    if (bias != nullptr) kernels_.add(bias, h_.key_length, x);
    if (norm != nullptr) kernels_.rms_norm(x, norm, h_.key_length, h_.layer_norm_rms_epsilon, x);
    kernels_.rope(rope_table, h_.rope_dimension_count, model_.spec().block.rope_pairs == RopePairs::halves, x);
    if (cache_.rotation_k != 0) {
      for (size_t i = 0; i < h_.key_length; i += cache_.rotation_k) kernels_.hadamard(cache_.rotation_k, x + i);
    }
  }

  // One kv head of one token, with the query heads that share it.
  void finish_group(uint32_t block, size_t head, size_t token) const {
    const KvBlock& store = cache_.blocks[block];
    const size_t group = h_.head_count / h_.head_count_kv;
    const size_t width = h_.key_length;
    const size_t slot = (first_ + token) % store.capacity;
    const float* rope_table =
        (h_.is_window_layer(block) ? space_.rope_window : space_.rope) + token * h_.rope_dimension_count;
    const auto bias = [&](Role role, size_t index) {
      const float* values = model_.vector(block, role);
      return values == nullptr ? nullptr : values + index * width;
    };
    for (size_t q = head * group; q < (head + 1) * group; ++q) {
      finish_head(space_.query + token * h_.query_width() + q * width, bias(Role::attn_q_bias, q),
                  model_.vector(block, Role::attn_q_norm), rope_table);
    }
    float* key = space_.key + token * h_.key_width() + head * width;
    finish_head(key, bias(Role::attn_k_bias, head), model_.vector(block, Role::attn_k_norm), rope_table);
    kernels_.store_k(cache_.k_type, key, width, slot, store.k + head * store.k_head_stride);
    float* value = space_.value + token * h_.value_width() + head * width;
    if (const float* b = bias(Role::attn_v_bias, head)) kernels_.add(b, width, value);
    if (cache_.rotation_v != 0) {
      for (size_t i = 0; i < width; i += cache_.rotation_v) kernels_.hadamard(cache_.rotation_v, value + i);
    }
    kernels_.store_v(cache_.v_type, value, width, slot, store.v + head * store.v_head_stride);
  }

  // A tile of 16 positions is one worker's: neighbouring slots of K share bytes.
  void store_keys_values(Worker& worker, uint32_t block) const {
    const size_t first_tile = first_ / 16;
    const size_t tiles = (first_ + tokens_ - 1) / 16 - first_tile + 1;
    worker.for_each_piece(tiles * h_.head_count_kv, 1, [&](size_t piece, size_t) {
      const size_t head = piece / tiles;
      const size_t tile = first_tile + piece % tiles;
      const size_t begin = std::max(tile * 16, first_);
      const size_t end = std::min(tile * 16 + 16, first_ + tokens_);
      for (size_t position = begin; position < end; ++position) finish_group(block, head, position - first_);
    });
  }

  void attend(Worker& worker, uint32_t block) const {
    constexpr size_t kTokens = 32;
    const size_t group = h_.head_count / h_.head_count_kv;
    const size_t tiles = (tokens_ + kTokens - 1) / kTokens;
    // Few kv heads and one token: give each query head's work to whoever is free, reading the cache more than once.
    const bool split = tiles * h_.head_count_kv < 2;
    const size_t heads = split ? 1 : group;
    const size_t pieces = h_.head_count / heads;
    worker.for_each_piece(tiles * pieces, 1, [&](size_t piece, size_t) {
      // The last tokens have the most keys: first come the longest pieces.
      const size_t token = (tiles - 1 - piece / pieces) * kTokens;
      attend_heads(worker, block, token, piece % pieces * heads, heads);
    });
  }

  void attend_heads(Worker& worker, uint32_t block, size_t token, size_t first_head, size_t heads) const {
    const KvBlock& store = cache_.blocks[block];
    const size_t kv_head = first_head / (h_.head_count / h_.head_count_kv);
    AttentionTask task{};
    task.q = space_.query + token * h_.query_width() + first_head * h_.key_length;
    task.q_stride = h_.query_width();
    task.tokens = std::min<size_t>(32, tokens_ - token);
    task.heads = heads;
    task.head_dim = h_.key_length;
    task.k = store.k + kv_head * store.k_head_stride;
    task.v = store.v + kv_head * store.v_head_stride;
    task.k_type = cache_.k_type;
    task.v_type = cache_.v_type;
    task.capacity = store.capacity;
    task.first_position = first_ + token;
    task.lowest_position = lowest_;
    task.window = h_.is_window_layer(block) ? h_.sliding_window : 0;
    task.scale = h_.attention_scale;
    task.softcap = h_.attention_softcap;
    task.out = space_.attention + token * h_.attention_width() + first_head * h_.value_length;
    task.out_stride = h_.attention_width();
    task.scratch = space_.kernel_scratch(worker.index());
    kernels_.attention(task);
  }

  void attention_output(Worker& worker, uint32_t block) const {
    const Weight& projection = model_.matrix(block, Role::attn_output);
    const RecordTypes types = record_types({&projection});
    for_each_token(worker, [&](size_t token) {
      float* row = space_.attention + token * h_.attention_width();
      if (cache_.rotation_v != 0) {
        for (size_t i = 0; i < h_.attention_width(); i += cache_.rotation_v)
          kernels_.hadamard(cache_.rotation_v, row + i);
      }
      make_records(kernels_, space_, types, token, row, h_.attention_width());
    });
    const Product products[] = {{&projection, space_.branch}};
    run_products(worker, kernels_, space_, products, tokens_);
  }

  void feed_forward(Worker& worker, uint32_t block) const {
    const Weight& gate = model_.matrix(block, Role::ffn_gate);
    const Weight& up = model_.matrix(block, Role::ffn_up);
    const Weight& down = model_.matrix(block, Role::ffn_down);
    const float* attention_bias = model_.vector(block, Role::attn_output_bias);
    const RecordTypes input_types = record_types({&gate, &up});
    for_each_token(worker, [&](size_t token) {
      if (attention_bias != nullptr) kernels_.add(attention_bias, h_.embedding_length, branch(token));
      add_branch(token, model_.vector(block, Role::post_attention_norm));
      normalised_records(worker, token, model_.vector(block, Role::ffn_norm), input_types);
    });
    const Product inputs[] = {{&gate, space_.gate}, {&up, space_.up}};
    run_products(worker, kernels_, space_, inputs, tokens_);
    const auto activate =
        model_.spec().block.activation == Activation::silu ? kernels_.silu_multiply : kernels_.gelu_multiply;
    const RecordTypes down_types = record_types({&down});
    for_each_token(worker, [&](size_t token) {
      float* row = space_.gate + token * h_.feed_forward_length;
      activate(row, space_.up + token * h_.feed_forward_length, h_.feed_forward_length, row);
      make_records(kernels_, space_, down_types, token, row, h_.feed_forward_length);
    });
    const Product outputs[] = {{&down, space_.branch}};
    run_products(worker, kernels_, space_, outputs, tokens_);
  }

  const Model& model_;
  const Kernels& kernels_;
  Workspace& space_;
  const Hyperparameters& h_;
  const KvView& cache_;
  const size_t tokens_;
  const size_t first_;
  const size_t lowest_;
};

void embed(const ForwardContext& context, std::span<const TokenId> tokens) {
  const Hyperparameters& h = context.model.hyper();
  const std::span<std::byte> staging(reinterpret_cast<std::byte*>(context.workspace.row(0)),
                                     context.workspace.layout().row);
  for (size_t i = 0; i < tokens.size(); ++i) {
    float* row = context.workspace.residual + i * h.embedding_length;
    context.model.embedding_row(static_cast<uint32_t>(tokens[i]), staging, row);
    if (context.model.spec().block.scale_embeddings) {
      context.kernels.scale(std::sqrt(static_cast<float>(h.embedding_length)), h.embedding_length, row);
    }
  }
}

void fill_rope(const ForwardContext& context, size_t tokens, size_t first_position) {
  Workspace& space = context.workspace;
  const size_t width = context.model.hyper().rope_dimension_count;
  for (size_t i = 0; i < tokens; ++i) {
    space.rope_tables().fill(first_position + i, false, space.rope + i * width);
    if (space.rope_window != space.rope)
      space.rope_tables().fill(first_position + i, true, space.rope_window + i * width);
  }
}

void require_finite(std::span<const float> logits, const Model& model) {
  // The largest magnitude as bits: no branch a value, and infinities and NaNs are above all numbers.
  uint32_t largest = 0;
  for (float logit : logits) largest = std::max(largest, std::bit_cast<uint32_t>(logit) & 0x7fffffffu);
  if (largest < 0x7f800000u) return;
  model.check_tensors();  // to name the tensor; nothing is lost by being slow here
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float logit) { return !std::isfinite(logit); });
  fail(ExitCode::bad_file, "{}: the logit of token {} is not finite, though every weight is: they do not make a model",
       model.gguf().path(), static_cast<size_t>(bad - logits.begin()) % model.hyper().vocabulary_size);
}

}  // namespace

void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens, size_t first_position,
             size_t lowest_position) {
  assert(!tokens.empty() && tokens.size() <= context.workspace.layout().options.batch_tokens);
  assert(cache.blocks.size() == context.model.hyper().block_count);
  embed(context, tokens);
  fill_rope(context, tokens.size(), first_position);
  const Pass pass(context, cache, tokens.size(), first_position, lowest_position);
  context.team.run([&](Worker& worker) { pass.run(worker); });
}

std::span<const float> compute_logits(const ForwardContext& context, size_t first, size_t count) {
  const Model& model = context.model;
  Workspace& space = context.workspace;
  const Hyperparameters& h = model.hyper();
  const Weight& head = model.head();
  assert(count >= 1 && count <= space.layout().options.logit_rows);
  context.team.run([&](Worker& worker) {
    worker.for_each_piece(count, 1, [&](size_t i, size_t) {
      float* row = space.row(worker.index());
      context.kernels.rms_norm(space.residual + (first + i) * h.embedding_length, model.vector(Role::output_norm),
                               h.embedding_length, h.layer_norm_rms_epsilon, row);
      make_records(context.kernels, space, record_types({&head}), i, row, h.embedding_length);
    });
    const Product products[] = {{&head, space.logits}};
    run_products(worker, context.kernels, space, products, count);
  });
  const std::span<float> logits(space.logits, count * h.vocabulary_size);
  if (h.final_logit_softcap > 0) context.kernels.softcap(h.final_logit_softcap, logits.size(), logits.data());
  require_finite(logits, model);
  return logits;
}

}  // namespace thimble
