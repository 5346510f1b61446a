// ERNIE 4.5 (dense): the Llama block under its own name; the checkpoints pair neighbours as the GGUF files do.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kAttentionBiases);

constexpr std::string_view kClasses[] = {"Ernie4_5_ForCausalLM"};

constexpr ConfigFlag kFlags[] = {{"use_bias", Role::attn_q_bias}};

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
    .checkpoint = {.model_type = "ernie4_5",
                   .classes = kClasses,
                   .defaults = R"({"head_dim":128,"max_position_embeddings":131072,"rms_norm_eps":1e-5,)"
                               R"("rope_theta":500000,"tie_word_embeddings":true})",
                   .rope_pairs = RopePairs::interleaved,
                   .flags = kFlags},
    .vocabulary = {.config_has_space_prefix = true},
};

}  // namespace thimble
