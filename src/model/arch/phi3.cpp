// Phi 3, 3.5 and 4 mini: the Llama block with Q, K and V in one matrix and gate and up in another, a window over all layers
// where the file has one, and LongRoPE's factors (arXiv 2402.13753): short ones up to the original context, long ones beyond.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kDecoderHyperparameters, kOptionalWindow);
constexpr auto kTensors =
    joined(kEmbeddingAndHead, kAttention, kFeedForwardNorm,
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
    .vocabulary = {.literal_added_tokens = true},
};

}  // namespace thimble
