// ERNIE 4.5 (dense): the Llama block under its own name; the checkpoints pair neighbours as the GGUF files do.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kAttentionBiases);

}  // namespace

extern const ArchSpec kErnie45;
constinit const ArchSpec kErnie45{
    .name = "ernie4_5",
    .families = "ERNIE 4.5 0.3B",
    .hf_class = "Ernie4_5ForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    .block = {.rope_pairs = RopePairs::interleaved},
    .vocabulary = {.config_has_space_prefix = true},
};

}  // namespace thimble
