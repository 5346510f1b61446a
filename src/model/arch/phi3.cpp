// Phi 3, 3.5 and 4 mini: the Llama block with Q, K and V in one matrix and gate and up in another, a window over all layers
// where the file has one, and LongRoPE's factors (arXiv 2402.13753): short ones up to the original context, long ones beyond.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

// Files with Q, K and V apart exist; checkpoints have them in one.
constexpr std::array kFusedAttention{
    TensorRow{Role::attn_norm, "blk.%.attn_norm.weight", "model.layers.%.input_layernorm.weight", Dim::embedding},
    TensorRow{Role::attn_qkv, "blk.%.attn_qkv.weight", "model.layers.%.self_attn.qkv_proj.weight", Dim::embedding,
              Dim::query_key_value, Presence::optional},
    TensorRow{Role::attn_q, "blk.%.attn_q.weight", "", Dim::embedding, Dim::query},
    TensorRow{Role::attn_k, "blk.%.attn_k.weight", "", Dim::embedding, Dim::key},
    TensorRow{Role::attn_v, "blk.%.attn_v.weight", "", Dim::embedding, Dim::value},
    TensorRow{Role::attn_output, "blk.%.attn_output.weight", "model.layers.%.self_attn.o_proj.weight", Dim::attention,
              Dim::embedding},
};
constexpr auto kHyperparameters = joined(kDecoderHyperparameters, kOptionalWindow);
constexpr auto kTensors =
    joined(kEmbeddingAndHead, kFusedAttention, kFeedForwardNorm,
           std::array{
               TensorRow{Role::ffn_gate_up, "blk.%.ffn_up.weight", "model.layers.%.mlp.gate_up_proj.weight",
                         Dim::embedding, Dim::gate_up},
               TensorRow{Role::ffn_down, "blk.%.ffn_down.weight", "model.layers.%.mlp.down_proj.weight",
                         Dim::feed_forward, Dim::embedding},
               TensorRow{Role::rope_factors_long, "rope_factors_long.weight", "", Dim::rope_pairs, Dim::one,
                         Presence::optional},
               TensorRow{Role::rope_factors_short, "rope_factors_short.weight", "", Dim::rope_pairs, Dim::one,
                         Presence::optional},
           });

}  // namespace

extern const ArchSpec kPhi3;
constinit const ArchSpec kPhi3{
    .name = "phi3",
    .families = "Phi 3 mini, Phi 3.5 mini, Phi 4 mini",
    .hf_class = "Phi3ForCausalLM",
    .defaults = {},
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {},
    .checkpoint = {.model_type = "phi3",
                   .defaults = R"({"max_position_embeddings":4096,"rms_norm_eps":1e-5,"rope_theta":10000,)"
                               R"("partial_rotary_factor":1,"original_max_position_embeddings":4096,)"
                               R"("tie_word_embeddings":false,"sliding_window":0})"},
    .vocabulary = {.literal_added_tokens = true},
};

}  // namespace thimble
