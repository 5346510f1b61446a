// Phi 1.5 and 2: attention and feed-forward side by side behind one LayerNorm, biases everywhere, positions on part of a head.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kCommonHyperparameters, kLayerNorm, kRotary);
constexpr auto kTensors = joined(
    std::array{
        TensorRow{Role::token_embd, "token_embd.weight", "model.embed_tokens.weight", Dim::embedding, Dim::vocabulary},
        TensorRow{Role::output_norm, "output_norm.weight", "model.final_layernorm.weight", Dim::embedding},
        TensorRow{Role::output_norm_bias, "output_norm.bias", "model.final_layernorm.bias", Dim::embedding},
        TensorRow{Role::output, "output.weight", "lm_head.weight", Dim::embedding, Dim::vocabulary},
        TensorRow{Role::output_bias, "output.bias", "lm_head.bias", Dim::vocabulary},
    },
    std::array{
        TensorRow{Role::attn_norm, "blk.%.attn_norm.weight", "model.layers.%.input_layernorm.weight", Dim::embedding},
        TensorRow{Role::attn_norm_bias, "blk.%.attn_norm.bias", "model.layers.%.input_layernorm.bias", Dim::embedding},
        TensorRow{Role::attn_qkv, "blk.%.attn_qkv.weight", "", Dim::embedding, Dim::query_key_value,
                  Presence::optional},
        TensorRow{Role::attn_q, "blk.%.attn_q.weight", "model.layers.%.self_attn.q_proj.weight", Dim::embedding,
                  Dim::query},
        TensorRow{Role::attn_k, "blk.%.attn_k.weight", "model.layers.%.self_attn.k_proj.weight", Dim::embedding,
                  Dim::key},
        TensorRow{Role::attn_v, "blk.%.attn_v.weight", "model.layers.%.self_attn.v_proj.weight", Dim::embedding,
                  Dim::value},
        TensorRow{Role::attn_output, "blk.%.attn_output.weight", "model.layers.%.self_attn.dense.weight",
                  Dim::attention, Dim::embedding},
        TensorRow{Role::attn_qkv_bias, "blk.%.attn_qkv.bias", "", Dim::query_key_value, Dim::one, Presence::optional},
        TensorRow{Role::attn_q_bias, "blk.%.attn_q.bias", "model.layers.%.self_attn.q_proj.bias", Dim::query},
        TensorRow{Role::attn_k_bias, "blk.%.attn_k.bias", "model.layers.%.self_attn.k_proj.bias", Dim::key},
        TensorRow{Role::attn_v_bias, "blk.%.attn_v.bias", "model.layers.%.self_attn.v_proj.bias", Dim::value},
        TensorRow{Role::attn_output_bias, "blk.%.attn_output.bias", "model.layers.%.self_attn.dense.bias",
                  Dim::embedding},
    },
    std::array{
        TensorRow{Role::ffn_up, "blk.%.ffn_up.weight", "model.layers.%.mlp.fc1.weight", Dim::embedding,
                  Dim::feed_forward},
        TensorRow{Role::ffn_up_bias, "blk.%.ffn_up.bias", "model.layers.%.mlp.fc1.bias", Dim::feed_forward},
        TensorRow{Role::ffn_down, "blk.%.ffn_down.weight", "model.layers.%.mlp.fc2.weight", Dim::feed_forward,
                  Dim::embedding},
        TensorRow{Role::ffn_down_bias, "blk.%.ffn_down.bias", "model.layers.%.mlp.fc2.bias", Dim::embedding},
    });

constexpr std::array<std::string_view, 1> kPreTokenizers = {"phi-2"};
constexpr std::array kVocabularyValues{VocabularyValue{"add_bos_token", false}};

}  // namespace

extern const ArchSpec kPhi2;
constinit const ArchSpec kPhi2{
    .name = "phi2",
    .families = "Phi 1, Phi 1.5, Phi 2",
    .hf_class = "PhiForCausalLM",
    .defaults = {},
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.norm = Norm::layer, .activation = Activation::gelu_tanh, .parallel = true},
    .checkpoint = {.model_type = "phi",
                   .defaults = R"({"max_position_embeddings":2048,"layer_norm_eps":1e-5,"rope_theta":10000,)"
                               R"("partial_rotary_factor":0.5,"tie_word_embeddings":false})",
                   .fixed = R"({"qk_layernorm":false})"},
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kVocabularyValues},
};

}  // namespace thimble
