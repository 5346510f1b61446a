// Qwen 2 and 2.5: the Llama block with biases on Q, K and V.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(
    kDecoderTensors,
    std::array{
        TensorRow{Role::attn_qkv_bias, "blk.%.attn_qkv.bias", "", Dim::query_key_value, Dim::one, Presence::optional},
        TensorRow{Role::attn_q_bias, "blk.%.attn_q.bias", "model.layers.%.self_attn.q_proj.bias", Dim::query},
        TensorRow{Role::attn_k_bias, "blk.%.attn_k.bias", "model.layers.%.self_attn.k_proj.bias", Dim::key},
        TensorRow{Role::attn_v_bias, "blk.%.attn_v.bias", "model.layers.%.self_attn.v_proj.bias", Dim::value},
    });

constexpr std::string_view kClasses[] = {"Qwen2Model"};

}  // namespace

extern const ArchSpec kQwen2;
constinit const ArchSpec kQwen2{
    .name = "qwen2",
    .families = "Qwen 2, Qwen 2.5, Qwen 2.5 Coder",
    .hf_class = "Qwen2ForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    .block = {},
    .checkpoint = {.model_type = "qwen2",
                   .classes = kClasses,
                   .defaults = R"({"max_position_embeddings":32768,"rms_norm_eps":1e-6,"rope_theta":10000,)"
                               R"("tie_word_embeddings":false})",
                   .fixed = R"({"use_sliding_window":false})"},
};

}  // namespace thimble
