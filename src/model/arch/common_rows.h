// Rows that most families share, in groups that a family joins with its own.
#pragma once

#include <array>

#include "model/arch_spec.h"

namespace thimble {

// The groups one after the other; a single row is a group of its own.
template <class Row, size_t... N>
constexpr auto joined(const std::array<Row, N>&... groups) {
  std::array<Row, (N + ...)> rows{};
  size_t next = 0;
  const auto append = [&](const auto& group) {
    for (const Row& row : group) rows[next++] = row;
  };
  (append(groups), ...);
  return rows;
}

using H = Hyperparameters;

inline constexpr std::array kCommonHyperparameters{
    HyperRow{&H::block_count, "block_count", "num_hidden_layers|n_layer"},
    HyperRow{&H::context_length, "context_length", "max_position_embeddings|n_positions"},
    HyperRow{&H::embedding_length, "embedding_length", "hidden_size|n_embd"},
    HyperRow{&H::feed_forward_length, "feed_forward_length", "intermediate_size|n_inner"},
    HyperRow{&H::head_count, "attention.head_count", "num_attention_heads|n_head"},
    HyperRow{&H::head_count_kv, "attention.head_count_kv", "num_key_value_heads", Presence::optional},
    HyperRow{&H::key_length, "attention.key_length", "head_dim", Presence::optional},
    HyperRow{&H::value_length, "attention.value_length", "head_dim", Presence::optional},
    HyperRow{&H::causal_attention, "attention.causal", "", Presence::optional},
    HyperRow{&H::pooling_type, "pooling_type", "", Presence::optional},
};

inline constexpr std::array kRmsNorm{
    HyperRow{&H::layer_norm_epsilon, "attention.layer_norm_rms_epsilon", "rms_norm_eps"},
};
inline constexpr std::array kLayerNorm{
    HyperRow{&H::layer_norm_epsilon, "attention.layer_norm_epsilon", "layer_norm_eps|layer_norm_epsilon|norm_eps"},
};

inline constexpr std::array kRotary{
    HyperRow{&H::rope_dimension_count, "rope.dimension_count", "", Presence::optional},
    HyperRow{&H::rope_freq_base, "rope.freq_base", "rope_parameters.rope_theta", Presence::optional},
    HyperRow{&H::rope_scaling_factor, "rope.scaling.factor", "rope_parameters.factor", Presence::optional},
    HyperRow{&H::rope_original_context_length, "rope.scaling.original_context_length",
             "rope_parameters.original_max_position_embeddings", Presence::optional},
    HyperRow{&H::rope_attention_factor, "rope.scaling.attn_factor", "rope_parameters.attention_factor",
             Presence::optional},
    HyperRow{&H::rope_yarn_beta_fast, "rope.scaling.yarn_beta_fast", "rope_parameters.beta_fast", Presence::optional},
    HyperRow{&H::rope_yarn_beta_slow, "rope.scaling.yarn_beta_slow", "rope_parameters.beta_slow", Presence::optional},
};

inline constexpr auto kDecoderHyperparameters = joined(kCommonHyperparameters, kRmsNorm, kRotary);

inline constexpr std::array kEmbeddingAndHead{
    TensorRow{Role::token_embd, "token_embd.weight", "model.embed_tokens.weight", Dim::embedding, Dim::vocabulary},
    TensorRow{Role::output_norm, "output_norm.weight", "model.norm.weight", Dim::embedding},
    // Absent where the head is tied to the embedding.
    TensorRow{Role::output, "output.weight", "lm_head.weight", Dim::embedding, Dim::vocabulary, Presence::optional},
};

// Q, K and V may also come as one matrix.
inline constexpr std::array kAttention{
    TensorRow{Role::attn_norm, "blk.%.attn_norm.weight", "model.layers.%.input_layernorm.weight", Dim::embedding},
    TensorRow{Role::attn_qkv, "blk.%.attn_qkv.weight", "", Dim::embedding, Dim::query_key_value, Presence::optional},
    TensorRow{Role::attn_q, "blk.%.attn_q.weight", "model.layers.%.self_attn.q_proj.weight", Dim::embedding,
              Dim::query},
    TensorRow{Role::attn_k, "blk.%.attn_k.weight", "model.layers.%.self_attn.k_proj.weight", Dim::embedding, Dim::key},
    TensorRow{Role::attn_v, "blk.%.attn_v.weight", "model.layers.%.self_attn.v_proj.weight", Dim::embedding,
              Dim::value},
    TensorRow{Role::attn_output, "blk.%.attn_output.weight", "model.layers.%.self_attn.o_proj.weight", Dim::attention,
              Dim::embedding},
};

inline constexpr std::array kAttentionBiases{
    TensorRow{Role::attn_qkv_bias, "blk.%.attn_qkv.bias", "", Dim::query_key_value, Dim::one, Presence::optional},
    TensorRow{Role::attn_q_bias, "blk.%.attn_q.bias", "model.layers.%.self_attn.q_proj.bias", Dim::query, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_k_bias, "blk.%.attn_k.bias", "model.layers.%.self_attn.k_proj.bias", Dim::key, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_v_bias, "blk.%.attn_v.bias", "model.layers.%.self_attn.v_proj.bias", Dim::value, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_output_bias, "blk.%.attn_output.bias", "model.layers.%.self_attn.o_proj.bias", Dim::embedding,
              Dim::one, Presence::optional},
};

inline constexpr std::array kQueryKeyNorms{
    TensorRow{Role::attn_q_norm, "blk.%.attn_q_norm.weight", "model.layers.%.self_attn.q_norm.weight", Dim::head},
    TensorRow{Role::attn_k_norm, "blk.%.attn_k_norm.weight", "model.layers.%.self_attn.k_norm.weight", Dim::head},
};

inline constexpr std::array kFeedForwardNorm{
    TensorRow{Role::ffn_norm, "blk.%.ffn_norm.weight", "model.layers.%.post_attention_layernorm.weight",
              Dim::embedding},
};

inline constexpr std::array kGatedFeedForward{
    TensorRow{Role::ffn_gate, "blk.%.ffn_gate.weight", "model.layers.%.mlp.gate_proj.weight", Dim::embedding,
              Dim::feed_forward},
    TensorRow{Role::ffn_up, "blk.%.ffn_up.weight", "model.layers.%.mlp.up_proj.weight", Dim::embedding,
              Dim::feed_forward},
    TensorRow{Role::ffn_down, "blk.%.ffn_down.weight", "model.layers.%.mlp.down_proj.weight", Dim::feed_forward,
              Dim::embedding},
};

inline constexpr std::array kFeedForwardBiases{
    TensorRow{Role::ffn_gate_bias, "blk.%.ffn_gate.bias", "model.layers.%.mlp.gate_proj.bias", Dim::feed_forward,
              Dim::one, Presence::optional},
    TensorRow{Role::ffn_up_bias, "blk.%.ffn_up.bias", "model.layers.%.mlp.up_proj.bias", Dim::feed_forward, Dim::one,
              Presence::optional},
    TensorRow{Role::ffn_down_bias, "blk.%.ffn_down.bias", "model.layers.%.mlp.down_proj.bias", Dim::embedding, Dim::one,
              Presence::optional},
};

// Llama 3.1 and later divide the rotary frequencies by these.
inline constexpr std::array kRotaryFactors{
    TensorRow{Role::rope_freqs, "rope_freqs.weight", "", Dim::rope_pairs, Dim::one, Presence::optional},
};

// The Llama block: norm, attention, norm, gated feed-forward.
inline constexpr auto kDecoderTensors = joined(kEmbeddingAndHead, kAttention, kFeedForwardNorm, kGatedFeedForward);

// Gemma 2, 3 and EmbeddingGemma: norms on both sides of attention and feed-forward.
inline constexpr std::array kSandwichNorms{
    TensorRow{Role::post_attention_norm, "blk.%.post_attention_norm.weight",
              "model.layers.%.post_attention_layernorm.weight", Dim::embedding},
    TensorRow{Role::ffn_norm, "blk.%.ffn_norm.weight", "model.layers.%.pre_feedforward_layernorm.weight",
              Dim::embedding},
    TensorRow{Role::post_ffw_norm, "blk.%.post_ffw_norm.weight", "model.layers.%.post_feedforward_layernorm.weight",
              Dim::embedding},
};

inline constexpr std::array kWindow{
    HyperRow{&H::sliding_window, "attention.sliding_window", "sliding_window"},
};
inline constexpr std::array kOptionalWindow{
    HyperRow{&H::sliding_window, "attention.sliding_window", "sliding_window", Presence::optional},
};
// Which layers have the window, and what else Gemma has of its own.
inline constexpr std::array kWindowPattern{
    HyperRow{&H::sliding_window_pattern, "attention.sliding_window_pattern", "sliding_window_pattern",
             Presence::optional},
    HyperRow{&H::rope_freq_base_swa, "rope.freq_base_swa", "rope_parameters.sliding_attention.rope_theta",
             Presence::optional},
    HyperRow{&H::attention_scale, "attention.scale", "", Presence::optional},
};
inline constexpr std::array kSoftCaps{
    HyperRow{&H::attention_softcap, "attn_logit_softcapping", "attn_logit_softcapping", Presence::optional},
    HyperRow{&H::final_logit_softcap, "final_logit_softcapping", "final_logit_softcapping", Presence::optional},
};

}  // namespace thimble
