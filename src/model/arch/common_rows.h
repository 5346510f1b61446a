// Rows that most decoder families share. A family's own rows follow them in its table.
#pragma once

#include <array>

#include "model/arch_spec.h"

namespace thimble {

template <class Row, size_t A, size_t B>
constexpr std::array<Row, A + B> joined(const std::array<Row, A>& a, const std::array<Row, B>& b) {
  std::array<Row, A + B> rows{};
  for (size_t i = 0; i < A; ++i) rows[i] = a[i];
  for (size_t i = 0; i < B; ++i) rows[A + i] = b[i];
  return rows;
}

using H = Hyperparameters;

inline constexpr std::array kDecoderHyperparameters{
    HyperRow{&H::block_count, "block_count", "num_hidden_layers"},
    HyperRow{&H::context_length, "context_length", "max_position_embeddings"},
    HyperRow{&H::embedding_length, "embedding_length", "hidden_size"},
    HyperRow{&H::feed_forward_length, "feed_forward_length", "intermediate_size"},
    HyperRow{&H::head_count, "attention.head_count", "num_attention_heads"},
    HyperRow{&H::head_count_kv, "attention.head_count_kv", "num_key_value_heads", Presence::optional},
    HyperRow{&H::key_length, "attention.key_length", "head_dim", Presence::optional},
    HyperRow{&H::value_length, "attention.value_length", "head_dim", Presence::optional},
    HyperRow{&H::layer_norm_rms_epsilon, "attention.layer_norm_rms_epsilon", "rms_norm_eps"},
    HyperRow{&H::rope_dimension_count, "rope.dimension_count", "", Presence::optional},
    HyperRow{&H::rope_freq_base, "rope.freq_base", "rope_theta", Presence::optional},
    HyperRow{&H::rope_scaling_factor, "rope.scaling.factor", "rope_scaling.factor", Presence::optional},
    HyperRow{&H::rope_original_context_length, "rope.scaling.original_context_length",
             "rope_scaling.original_max_position_embeddings", Presence::optional},
    HyperRow{&H::rope_attention_factor, "rope.scaling.attn_factor", "rope_scaling.attention_factor",
             Presence::optional},
    HyperRow{&H::rope_yarn_beta_fast, "rope.scaling.yarn_beta_fast", "rope_scaling.beta_fast", Presence::optional},
    HyperRow{&H::rope_yarn_beta_slow, "rope.scaling.yarn_beta_slow", "rope_scaling.beta_slow", Presence::optional},
};

inline constexpr std::array kDecoderTensors{
    TensorRow{Role::token_embd, "token_embd.weight", "model.embed_tokens.weight", Dim::embedding, Dim::vocabulary},
    TensorRow{Role::output_norm, "output_norm.weight", "model.norm.weight", Dim::embedding},
    // Absent where the head is tied to the embedding.
    TensorRow{Role::output, "output.weight", "lm_head.weight", Dim::embedding, Dim::vocabulary, Presence::optional},
    TensorRow{Role::attn_norm, "blk.%.attn_norm.weight", "model.layers.%.input_layernorm.weight", Dim::embedding},
    TensorRow{Role::attn_q, "blk.%.attn_q.weight", "model.layers.%.self_attn.q_proj.weight", Dim::embedding,
              Dim::query},
    TensorRow{Role::attn_k, "blk.%.attn_k.weight", "model.layers.%.self_attn.k_proj.weight", Dim::embedding, Dim::key},
    TensorRow{Role::attn_v, "blk.%.attn_v.weight", "model.layers.%.self_attn.v_proj.weight", Dim::embedding,
              Dim::value},
    TensorRow{Role::attn_output, "blk.%.attn_output.weight", "model.layers.%.self_attn.o_proj.weight", Dim::attention,
              Dim::embedding},
    TensorRow{Role::ffn_gate, "blk.%.ffn_gate.weight", "model.layers.%.mlp.gate_proj.weight", Dim::embedding,
              Dim::feed_forward},
    TensorRow{Role::ffn_up, "blk.%.ffn_up.weight", "model.layers.%.mlp.up_proj.weight", Dim::embedding,
              Dim::feed_forward},
    TensorRow{Role::ffn_down, "blk.%.ffn_down.weight", "model.layers.%.mlp.down_proj.weight", Dim::feed_forward,
              Dim::embedding},
};

}  // namespace thimble
