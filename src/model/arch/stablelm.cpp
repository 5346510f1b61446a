// StableLM: LayerNorm, positions on a quarter of a head, a SiLU gate. The 12B model normalises each head of Q and K with weights
// of its own and runs attention and feed-forward side by side.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kCommonHyperparameters, kLayerNorm, kRotary);
constexpr auto kTensors = joined(
    std::array{
        TensorRow{Role::token_embd, "token_embd.weight", "model.embed_tokens.weight", Dim::embedding, Dim::vocabulary},
        TensorRow{Role::output_norm, "output_norm.weight", "model.norm.weight", Dim::embedding},
        TensorRow{Role::output_norm_bias, "output_norm.bias", "model.norm.bias", Dim::embedding},
        TensorRow{Role::output, "output.weight", "lm_head.weight", Dim::embedding, Dim::vocabulary},
    },
    kAttention, kAttentionBiases, kGatedFeedForward,
    std::array{
        TensorRow{Role::attn_norm_bias, "blk.%.attn_norm.bias", "model.layers.%.input_layernorm.bias", Dim::embedding},
        TensorRow{Role::attn_q_norm, "blk.%.attn_q_norm.weight", "model.layers.%.self_attn.q_layernorm.norms.%.weight",
                  Dim::head, Dim::heads, Presence::optional},
        TensorRow{Role::attn_k_norm, "blk.%.attn_k_norm.weight", "model.layers.%.self_attn.k_layernorm.norms.%.weight",
                  Dim::head, Dim::kv_heads, Presence::optional},
        TensorRow{Role::ffn_norm, "blk.%.ffn_norm.weight", "model.layers.%.post_attention_layernorm.weight",
                  Dim::embedding, Dim::one, Presence::optional},
        TensorRow{Role::ffn_norm_bias, "blk.%.ffn_norm.bias", "model.layers.%.post_attention_layernorm.bias",
                  Dim::embedding, Dim::one, Presence::optional},
    });

// Whether attention and feed-forward run side by side follows from the norms that a file has.
constexpr CopiedKey kCopied[] = {{"use_parallel_residual", "use_parallel_residual"}};
constexpr std::string_view kClasses[] = {"StableLMEpochForCausalLM"};
constexpr std::array<std::string_view, 1> kPreTokenizers = {"stablelm2"};

constexpr ConfigFlag kFlags[] = {{"use_qkv_bias", Role::attn_q_bias},
                                 {"qk_layernorm", Role::attn_q_norm},
                                 {"use_parallel_residual", Role::ffn_norm, false}};

}  // namespace

extern const ArchSpec kStablelm;
constinit const ArchSpec kStablelm{
    .name = "stablelm",
    .families = "StableLM 3B, StableLM 2",
    .hf_class = "StableLmForCausalLM",
    .defaults = {},
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.norm = Norm::layer, .parallel = true},
    .checkpoint = {.model_type = "stablelm",
                   .classes = kClasses,
                   .defaults = R"({"max_position_embeddings":4096,"layer_norm_eps":1e-5,"rope_theta":10000,)"
                               R"("partial_rotary_factor":0.25,"tie_word_embeddings":false,)"
                               R"("use_parallel_residual":false})",
                   .copied = kCopied,
                   .flags = kFlags},
    .vocabulary = {.pre_tokenizers = kPreTokenizers},
};

}  // namespace thimble
