#include "model/pass.h"

#include <algorithm>

#include "model/products.h"

namespace thimble {
namespace {

constexpr size_t kSlotTile = 16;   // neighbouring slots of K share bytes
constexpr size_t kTokenTile = 32;  // tokens that attend together

size_t slot_tiles(const Sequence& s) {
  return (s.first_slot + s.end - s.begin - 1) / kSlotTile - s.first_slot / kSlotTile + 1;
}
size_t token_tiles(const Sequence& s) { return (s.end - s.begin + kTokenTile - 1) / kTokenTile; }

}  // namespace

void apply_norm(const Model& model, const Kernels& kernels, const float* x, const float* weight, const float* bias,
                size_t n, float* y) {
  const float epsilon = model.hyper().layer_norm_epsilon;
  if (model.spec().block.norm == Norm::rms) return kernels.rms_norm(x, weight, n, epsilon, y);
  kernels.layer_norm(x, weight, bias, n, epsilon, y);
}

Pass::Pass(const ForwardContext& context, const KvView& cache, size_t tokens, std::span<const Sequence> sequences)
    : model_(context.model),
      kernels_(context.kernels),
      space_(context.workspace),
      h_(context.model.hyper()),
      recipe_(context.model.spec().block),
      cache_(cache),
      probe_(context.probe),
      tape_(context.tape),
      tokens_(tokens),
      sequences_(sequences) {}

void Pass::run(Worker& worker, uint32_t first, uint32_t end) const {
  for (uint32_t block = first; block < end; ++block) {
    attention_input(worker, block, block > first);
    project_qkv(worker, block);
    store_keys_values(worker, block);
    attend(worker, block);
    attention_output(worker, block);
    feed_forward(worker, block);
  }
  if (tape_ != nullptr && tape_->ffn_branch == nullptr) return;  // nothing reads what the feed-forward gives
  for_each_token(worker, [&](size_t token) { finish_feed_forward(token, end - 1); });
}

template <class F>
void Pass::for_each_token(Worker& worker, F&& f) const {
  worker.for_each_piece(tokens_, 1, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) f(token);
  });
}

template <class Tiles, class F>
void Pass::for_each_tile(Worker& worker, Tiles tiles_of, size_t times, F&& f) const {
  size_t all = 0;
  for (const Sequence& sequence : sequences_) all += tiles_of(sequence);
  worker.for_each_piece(all * times, 1, [&](size_t piece, size_t) {
    size_t tile = piece / times;
    const Sequence* sequence = sequences_.data();
    for (size_t tiles = tiles_of(*sequence); tile >= tiles; tiles = tiles_of(*++sequence)) tile -= tiles;
    f(*sequence, tile, piece % times);
  });
}

// The records of what attention or the feed-forward reads: the residual, normalised where the family does so.
void Pass::make_input(Worker& worker, size_t token, uint32_t block, Role weight, Role bias, Role reader,
                      RecordTypes types, float* Tape::*kept) const {
  const float* row = residual(token);
  if (const float* w = model_.vector(block, weight)) {
    float* normal = space_.row(worker.index());
    apply_norm(model_, kernels_, row, w, model_.vector(block, bias), h_.embedding_length, normal);
    row = normal;
  }
  keep(kept, token, row, h_.embedding_length);
  make_reader_records(worker, token, block, reader, {row, h_.embedding_length}, types);
}

// The records of one token's values for the products of `reader`, seen by the probe where there is one.
void Pass::make_reader_records(Worker& worker, size_t token, uint32_t block, Role reader, std::span<const float> values,
                               RecordTypes types) const {
  if (probe_ != nullptr) probe_->see(worker, block, reader, token, values);
  make_records(kernels_, space_, types, token, values.data(), values.size());
}

void Pass::finish_probe(Worker& worker, uint32_t block, Role reader) const {
  if (probe_ != nullptr) probe_->finish(worker, block, reader, tokens_);
}

// One token's row of what the tape keeps.
void Pass::keep(float* Tape::*kept, size_t token, const float* values, size_t width) const {
  if (tape_ != nullptr && tape_->*kept != nullptr) std::copy_n(values, width, tape_->*kept + token * width);
}

// residual += branch, with its bias, norm and factor where the family has them.
void Pass::add_branch(size_t token, const float* bias, const float* post_norm, float* Tape::*kept) const {
  const size_t width = h_.embedding_length;
  float* row = branch(token);
  if (bias != nullptr) kernels_.add(bias, width, row);
  keep(kept, token, row, width);
  if (post_norm != nullptr) apply_norm(model_, kernels_, row, post_norm, nullptr, width, row);
  if (h_.residual_scale != 0) kernels_.scale(h_.residual_scale, width, row);
  kernels_.add(row, width, residual(token));
}

void Pass::finish_attention(size_t token, uint32_t block) const {
  add_branch(token, model_.vector(block, Role::attn_output_bias), model_.vector(block, Role::post_attention_norm),
             &Tape::attention_branch);
  if (const float* weight = model_.vector(block, Role::attn_output_norm)) {
    apply_norm(model_, kernels_, residual(token), weight, model_.vector(block, Role::attn_output_norm_bias),
               h_.embedding_length, residual(token));
  }
}

void Pass::finish_feed_forward(size_t token, uint32_t block) const {
  add_branch(token, model_.vector(block, Role::ffn_down_bias), model_.vector(block, Role::post_ffw_norm),
             &Tape::ffn_branch);
  if (const float* weight = model_.vector(block, Role::layer_output_norm)) {
    apply_norm(model_, kernels_, residual(token), weight, model_.vector(block, Role::layer_output_norm_bias),
               h_.embedding_length, residual(token));
  }
}

void Pass::attention_input(Worker& worker, uint32_t block, bool finish_previous) const {
  const RecordTypes types = record_types(
      {&model_.matrix(block, Role::attn_q), &model_.matrix(block, Role::attn_k), &model_.matrix(block, Role::attn_v)});
  for_each_token(worker, [&](size_t token) {
    if (finish_previous) finish_feed_forward(token, block - 1);
    make_input(worker, token, block, Role::attn_norm, Role::attn_norm_bias, Role::attn_q, types,
               &Tape::attention_input);
  });
  finish_probe(worker, block, Role::attn_q);
}

void Pass::project_qkv(Worker& worker, uint32_t block) const {
  const Product products[] = {{&model_.matrix(block, Role::attn_q), space_.query},
                              {&model_.matrix(block, Role::attn_k), space_.key},
                              {&model_.matrix(block, Role::attn_v), space_.value}};
  run_products(worker, kernels_, space_, products, tokens_);
}

// Bias, norm, rotary position and Hadamard rotation of one head's query or key.
void Pass::finish_head(float* x, const float* bias, const float* norm_weight, const float* rope_table,
                       float* kept) const {
  if (bias != nullptr) kernels_.add(bias, h_.key_length, x);
  if (kept != nullptr) std::copy_n(x, h_.key_length, kept);
  if (norm_weight != nullptr) apply_norm(model_, kernels_, x, norm_weight, nullptr, h_.key_length, x);
  if (rope_table != nullptr)
    kernels_.rope(rope_table, h_.rope_dimension_count, recipe_.rope_pairs == RopePairs::halves, x);
  if (cache_.rotation_k != 0) {
    for (size_t i = 0; i < h_.key_length; i += cache_.rotation_k) kernels_.hadamard(cache_.rotation_k, x + i);
  }
}

// One kv head of one token, with the query heads that share it.
void Pass::finish_group(const KvBlock& store, uint32_t block, size_t head, size_t token, size_t slot) const {
  const size_t group = h_.head_count / h_.head_count_kv;
  const size_t width = h_.key_length;
  const float* rope_table = nullptr;
  if (recipe_.rope_pairs != RopePairs::none && h_.is_rope_layer(block)) {
    rope_table = (h_.is_window_layer(block) ? space_.rope_window : space_.rope) + token * h_.rope_dimension_count;
  }
  // A part of a vector for each head, or one for all.
  const auto part = [&](Role role, size_t index) {
    const std::span<const float> values = model_.values(block, role);
    return values.empty() ? nullptr : values.data() + (values.size() > width ? index * width : 0);
  };
  const auto kept = [&](float* Tape::*all, size_t at) {
    return tape_ == nullptr || tape_->*all == nullptr ? nullptr : tape_->*all + at;
  };
  for (size_t q = head * group; q < (head + 1) * group; ++q) {
    const size_t at = token * h_.query_width() + q * width;
    finish_head(space_.query + at, part(Role::attn_q_bias, q), part(Role::attn_q_norm, q), rope_table,
                kept(&Tape::query_input, at));
  }
  const size_t key_at = token * h_.key_width() + head * width;
  float* key = space_.key + key_at;
  finish_head(key, part(Role::attn_k_bias, head), part(Role::attn_k_norm, head), rope_table,
              kept(&Tape::key_input, key_at));
  kernels_.store_k(cache_.k_type, key, width, slot, store.k + head * store.k_head_stride);
  float* value = space_.value + token * h_.value_width() + head * width;
  if (const float* b = part(Role::attn_v_bias, head)) kernels_.add(b, width, value);
  if (cache_.rotation_v != 0) {
    for (size_t i = 0; i < width; i += cache_.rotation_v) kernels_.hadamard(cache_.rotation_v, value + i);
  }
  kernels_.store_v(cache_.v_type, value, width, slot, store.v + head * store.v_head_stride);
}

void Pass::store_keys_values(Worker& worker, uint32_t block) const {
  for_each_tile(worker, slot_tiles, h_.head_count_kv, [&](const Sequence& s, size_t tile, size_t head) {
    const size_t first = (s.first_slot / kSlotTile + tile) * kSlotTile;
    const size_t begin = std::max(first, s.first_slot);
    const size_t end = std::min(first + kSlotTile, s.first_slot + s.end - s.begin);
    const KvBlock& store = store_of(s, block);
    for (size_t slot = begin; slot < end; ++slot) {
      finish_group(store, block, head, s.begin + slot - s.first_slot, slot % store.capacity);
    }
  });
}

void Pass::attend(Worker& worker, uint32_t block) const {
  const size_t group = h_.head_count / h_.head_count_kv;
  // Few kv heads and one token: give each query head's work to whoever is free, reading the cache more than once.
  const bool split = tokens_ <= kTokenTile && h_.head_count_kv < 2;
  const size_t heads = split ? 1 : group;
  for_each_tile(worker, token_tiles, h_.head_count / heads, [&](const Sequence& s, size_t tile, size_t piece) {
    // The last tokens have the most keys: first come the longest pieces.
    const size_t token = s.begin + (token_tiles(s) - 1 - tile) * kTokenTile;
    attend_heads(worker, block, s, token, piece * heads, heads);
  });
}

void Pass::attend_heads(Worker& worker, uint32_t block, const Sequence& s, size_t token, size_t first_head,
                        size_t heads) const {
  const KvBlock& store = store_of(s, block);
  const size_t kv_head = first_head / (h_.head_count / h_.head_count_kv);
  AttentionTask task{};
  task.q = space_.query + token * h_.query_width() + first_head * h_.key_length;
  task.q_stride = h_.query_width();
  task.tokens = std::min(kTokenTile, s.end - token);
  task.heads = heads;
  task.head_dim = h_.key_length;
  task.k = store.k + kv_head * store.k_head_stride;
  task.v = store.v + kv_head * store.v_head_stride;
  task.k_type = cache_.k_type;
  task.v_type = cache_.v_type;
  task.capacity = store.capacity;
  task.first_position = s.first_slot + token - s.begin;
  task.lowest_position = s.first_slot - s.first_position;
  task.window = h_.is_window_layer(block) ? h_.sliding_window : 0;
  task.bidirectional = !h_.causal_attention;
  task.last_position = s.first_slot + s.end - s.begin - 1;
  task.scale = h_.attention_scale;
  task.softcap = h_.attention_softcap;
  task.out = space_.attention + token * h_.attention_width() + first_head * h_.value_length;
  task.out_stride = h_.attention_width();
  task.scratch = space_.kernel_scratch(worker.index());
  kernels_.attention(task);
}

void Pass::attention_output(Worker& worker, uint32_t block) const {
  const Weight& projection = model_.matrix(block, Role::attn_output);
  const RecordTypes types = record_types({&projection});
  for_each_token(worker, [&](size_t token) {
    float* row = space_.attention + token * h_.attention_width();
    if (cache_.rotation_v != 0) {
      for (size_t i = 0; i < h_.attention_width(); i += cache_.rotation_v)
        kernels_.hadamard(cache_.rotation_v, row + i);
    }
    make_reader_records(worker, token, block, Role::attn_output, {row, h_.attention_width()}, types);
  });
  finish_probe(worker, block, Role::attn_output);
  const Product products[] = {{&projection, space_.branch}};
  run_products(worker, kernels_, space_, products, tokens_);
}

// The hidden row of the feed-forward: gate times up, or, where the family has no gate, of up alone, which is in its place.
void Pass::activate(float* gate, uint32_t block, size_t token, float* hidden) const {
  const size_t width = h_.feed_forward_length;
  float* up = space_.up + token * width;
  const bool gated = static_cast<bool>(model_.matrix(block, Role::ffn_gate));
  if (const float* bias = model_.vector(block, Role::ffn_gate_bias)) kernels_.add(bias, width, gate);
  if (const float* bias = model_.vector(block, Role::ffn_up_bias)) kernels_.add(bias, width, gated ? up : gate);
  switch (recipe_.activation) {
    case Activation::silu: return kernels_.silu_multiply(gate, gated ? up : nullptr, width, hidden);
    case Activation::gelu_tanh: return kernels_.gelu_multiply(gate, gated ? up : nullptr, width, hidden);
    case Activation::gelu: return kernels_.gelu_exact_multiply(gate, gated ? up : nullptr, width, hidden);
  }
}

void Pass::feed_forward(Worker& worker, uint32_t block) const {
  const Weight& gate = model_.matrix(block, Role::ffn_gate);
  const Weight& up = model_.matrix(block, Role::ffn_up);
  const Weight& down = model_.matrix(block, Role::ffn_down);
  const RecordTypes input_types = gate ? record_types({&gate, &up}) : record_types({&up});
  const bool parallel = recipe_.parallel && model_.vector(block, Role::ffn_norm) == nullptr;
  for_each_token(worker, [&](size_t token) {
    const auto make = [&](Role weight, Role bias) {
      make_input(worker, token, block, weight, bias, Role::ffn_up, input_types, &Tape::ffn_input);
    };
    if (parallel) make(Role::attn_norm, Role::attn_norm_bias);
    finish_attention(token, block);
    keep(&Tape::middle, token, residual(token), h_.embedding_length);
    if (!parallel) make(Role::ffn_norm, Role::ffn_norm_bias);
  });
  finish_probe(worker, block, Role::ffn_up);
  const Product inputs[] = {{gate ? &gate : &up, space_.gate}, {&up, space_.up}};
  run_products(worker, kernels_, space_, std::span(inputs).first(gate ? 2 : 1), tokens_);
  const RecordTypes down_types = record_types({&down});
  for_each_token(worker, [&](size_t token) {
    float* gate_row = space_.gate + token * h_.feed_forward_length;
    float* hidden = tape_ == nullptr ? gate_row : tape_->hidden + token * h_.feed_forward_length;
    activate(gate_row, block, token, hidden);
    make_reader_records(worker, token, block, Role::ffn_down, {hidden, h_.feed_forward_length}, down_types);
  });
  finish_probe(worker, block, Role::ffn_down);
  if (tape_ != nullptr && tape_->ffn_branch == nullptr) return;
  const Product outputs[] = {{&down, space_.branch}};
  run_products(worker, kernels_, space_, outputs, tokens_);
}

}  // namespace thimble
