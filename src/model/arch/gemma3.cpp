// Gemma 3 (text): norms before and after attention and feed-forward, normalised Q and K, five window layers for one that sees
// everything, each kind with its own rotary base. GGUF files hold the norm weights with Gemma's "+ 1" already added.
#include "model/arch/common_rows.h"
#include "model/arch/registry.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(
    kDecoderHyperparameters,
    std::array{
        HyperRow{&H::sliding_window, "attention.sliding_window", "sliding_window"},
        HyperRow{&H::sliding_window_pattern, "attention.sliding_window_pattern", "sliding_window_pattern",
                 Presence::optional},
        HyperRow{&H::rope_freq_base_swa, "rope.freq_base_swa", "rope_local_base_freq", Presence::optional},
        HyperRow{&H::attention_scale, "attention.scale", "", Presence::optional},
        HyperRow{&H::final_logit_softcap, "final_logit_softcapping", "final_logit_softcapping", Presence::optional},
    });

constexpr auto kTensors = joined(
    kDecoderTensors,
    std::array{
        TensorRow{Role::attn_q_norm, "blk.%.attn_q_norm.weight", "model.layers.%.self_attn.q_norm.weight", Dim::head},
        TensorRow{Role::attn_k_norm, "blk.%.attn_k_norm.weight", "model.layers.%.self_attn.k_norm.weight", Dim::head},
        TensorRow{Role::post_attention_norm, "blk.%.post_attention_norm.weight",
                  "model.layers.%.post_attention_layernorm.weight", Dim::embedding},
        TensorRow{Role::ffn_norm, "blk.%.ffn_norm.weight", "model.layers.%.pre_feedforward_layernorm.weight",
                  Dim::embedding},
        TensorRow{Role::post_ffw_norm, "blk.%.post_ffw_norm.weight", "model.layers.%.post_feedforward_layernorm.weight",
                  Dim::embedding},
    });

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.rope_freq_base = 1'000'000.0f;
  values.rope_freq_base_swa = 10'000.0f;
  values.sliding_window_pattern = 6;
  return values;
}

}  // namespace

constinit const ArchSpec kGemma3{
    .name = "gemma3",
    .families = "Gemma 3 (text)",
    .hf_class = "Gemma3ForCausalLM",
    .defaults = defaults(),
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.activation = Activation::gelu_tanh, .scale_embeddings = true},
};

}  // namespace thimble
