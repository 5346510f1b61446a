// Qwen 3: the Llama block with normalised Q and K.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kQueryKeyNorms);

}  // namespace

extern const ArchSpec kQwen3;
constinit const ArchSpec kQwen3{
    .name = "qwen3",
    .families = "Qwen 3, Qwen 3 Embedding",
    .hf_class = "Qwen3ForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    .block = {},
};

}  // namespace thimble
