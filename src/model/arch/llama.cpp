// Llama and the many families with its block: RMS norm, rotary positions, grouped heads, SiLU-gated feed-forward.
// Llama 3.1 and later scale the rotary frequencies by the factors in rope_freqs.weight.
#include "model/arch/common_rows.h"
#include "model/arch/registry.h"

namespace thimble {
namespace {

constexpr auto kTensors =
    joined(kDecoderTensors,
           std::array{
               TensorRow{Role::ffn_norm, "blk.%.ffn_norm.weight", "model.layers.%.post_attention_layernorm.weight",
                         Dim::embedding},
               TensorRow{Role::rope_freqs, "rope_freqs.weight", "", Dim::rope_pairs, Dim::one, Presence::optional},
               TensorRow{Role::attn_q_bias, "blk.%.attn_q.bias", "model.layers.%.self_attn.q_proj.bias", Dim::query,
                         Dim::one, Presence::optional},
               TensorRow{Role::attn_k_bias, "blk.%.attn_k.bias", "model.layers.%.self_attn.k_proj.bias", Dim::key,
                         Dim::one, Presence::optional},
               TensorRow{Role::attn_v_bias, "blk.%.attn_v.bias", "model.layers.%.self_attn.v_proj.bias", Dim::value,
                         Dim::one, Presence::optional},
               TensorRow{Role::attn_output_bias, "blk.%.attn_output.bias", "model.layers.%.self_attn.o_proj.bias",
                         Dim::embedding, Dim::one, Presence::optional},
           });

}  // namespace

constinit const ArchSpec kLlama{
    .name = "llama",
    .families = "Llama 2, Llama 3.x, Mistral, SmolLM, SmolLM2, TinyLlama",
    .hf_class = "LlamaForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    // The checkpoints pair halves; GGUF files of this architecture have Q and K permuted to pair neighbours.
    .block = {.rope_pairs = RopePairs::interleaved},
};

}  // namespace thimble
