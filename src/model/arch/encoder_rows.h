// Rows of the encoders with BERT's block (arXiv 1810.04805): LayerNorm over the sum of what came in and what attention, then the
// feed-forward, adds.
#pragma once

#include "model/arch/common_rows.h"

namespace thimble {

inline constexpr auto kEncoderHyperparameters =
    joined(kCommonHyperparameters, kLayerNorm,
           std::array{HyperRow{&H::token_type_count, "tokenizer.ggml.token_type_count", "type_vocab_size"}});

inline constexpr std::array kEncoderEmbedding{
    TensorRow{Role::token_embd, "token_embd.weight", "embeddings.word_embeddings.weight", Dim::embedding,
              Dim::vocabulary},
    TensorRow{Role::token_types, "token_types.weight", "embeddings.token_type_embeddings.weight", Dim::embedding,
              Dim::token_types, Presence::optional},
    TensorRow{Role::token_embd_norm, "token_embd_norm.weight", "embeddings.LayerNorm.weight|emb_ln.weight",
              Dim::embedding},
    TensorRow{Role::token_embd_norm_bias, "token_embd_norm.bias", "embeddings.LayerNorm.bias|emb_ln.bias",
              Dim::embedding},
};

inline constexpr std::array kEncoderBlock{
    TensorRow{Role::attn_qkv, "blk.%.attn_qkv.weight", "encoder.layers.%.attn.Wqkv.weight", Dim::embedding,
              Dim::query_key_value, Presence::optional},
    TensorRow{Role::attn_q, "blk.%.attn_q.weight", "encoder.layer.%.attention.self.query.weight", Dim::embedding,
              Dim::query},
    TensorRow{Role::attn_k, "blk.%.attn_k.weight", "encoder.layer.%.attention.self.key.weight", Dim::embedding,
              Dim::key},
    TensorRow{Role::attn_v, "blk.%.attn_v.weight", "encoder.layer.%.attention.self.value.weight", Dim::embedding,
              Dim::value},
    TensorRow{Role::attn_qkv_bias, "blk.%.attn_qkv.bias", "", Dim::query_key_value, Dim::one, Presence::optional},
    TensorRow{Role::attn_q_bias, "blk.%.attn_q.bias", "encoder.layer.%.attention.self.query.bias", Dim::query, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_k_bias, "blk.%.attn_k.bias", "encoder.layer.%.attention.self.key.bias", Dim::key, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_v_bias, "blk.%.attn_v.bias", "encoder.layer.%.attention.self.value.bias", Dim::value, Dim::one,
              Presence::optional},
    TensorRow{Role::attn_output, "blk.%.attn_output.weight",
              "encoder.layer.%.attention.output.dense.weight|encoder.layers.%.attn.out_proj.weight", Dim::attention,
              Dim::embedding},
    TensorRow{Role::attn_output_bias, "blk.%.attn_output.bias", "encoder.layer.%.attention.output.dense.bias",
              Dim::embedding, Dim::one, Presence::optional},
    TensorRow{Role::attn_output_norm, "blk.%.attn_output_norm.weight",
              "encoder.layer.%.attention.output.LayerNorm.weight|encoder.layers.%.norm1.weight", Dim::embedding},
    TensorRow{Role::attn_output_norm_bias, "blk.%.attn_output_norm.bias",
              "encoder.layer.%.attention.output.LayerNorm.bias|encoder.layers.%.norm1.bias", Dim::embedding},
    TensorRow{Role::ffn_up, "blk.%.ffn_up.weight",
              "encoder.layer.%.intermediate.dense.weight|encoder.layers.%.mlp.fc11.weight", Dim::embedding,
              Dim::feed_forward},
    TensorRow{Role::ffn_up_bias, "blk.%.ffn_up.bias", "encoder.layer.%.intermediate.dense.bias", Dim::feed_forward,
              Dim::one, Presence::optional},
    TensorRow{Role::ffn_down, "blk.%.ffn_down.weight",
              "encoder.layer.%.output.dense.weight|encoder.layers.%.mlp.fc2.weight", Dim::feed_forward, Dim::embedding},
    TensorRow{Role::ffn_down_bias, "blk.%.ffn_down.bias", "encoder.layer.%.output.dense.bias", Dim::embedding, Dim::one,
              Presence::optional},
    TensorRow{Role::layer_output_norm, "blk.%.layer_output_norm.weight",
              "encoder.layer.%.output.LayerNorm.weight|encoder.layers.%.norm2.weight", Dim::embedding},
    TensorRow{Role::layer_output_norm_bias, "blk.%.layer_output_norm.bias",
              "encoder.layer.%.output.LayerNorm.bias|encoder.layers.%.norm2.bias", Dim::embedding},
};

constexpr Hyperparameters encoder_defaults() {
  Hyperparameters values;
  values.causal_attention = false;
  return values;
}

}  // namespace thimble
