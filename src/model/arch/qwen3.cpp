// Qwen 3: the Llama block with normalised Q and K.
#include "model/arch/common_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kQueryKeyNorms);

constexpr std::string_view kClasses[] = {"Qwen3Model"};

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
    .checkpoint = {.model_type = "qwen3",
                   .classes = kClasses,
                   .defaults = R"({"head_dim":128,"max_position_embeddings":32768,"rms_norm_eps":1e-6,)"
                               R"("rope_theta":10000,"tie_word_embeddings":false})",
                   .fixed = R"({"use_sliding_window":false,"attention_bias":false})"},
};

}  // namespace thimble
