// SmolLM3: the Llama block; every fourth layer goes without positions (NoPE, arXiv 2501.18795).
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kAttentionBiases);

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.no_rope_layer_interval = 4;
  return values;
}

}  // namespace

extern const ArchSpec kSmollm3;
constinit const ArchSpec kSmollm3{
    .name = "smollm3",
    .families = "SmolLM3",
    .hf_class = "SmolLM3ForCausalLM",
    .defaults = defaults(),
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    .block = {.rope_pairs = RopePairs::interleaved},
};

}  // namespace thimble
