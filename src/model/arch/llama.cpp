// Llama and the many families with its block: RMS norm, rotary positions, grouped heads, SiLU-gated feed-forward.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kRotaryFactors, kAttentionBiases, kFeedForwardBiases);

constexpr std::array<std::string_view, 2> kPreTokenizers = {"smollm", "smaug-bpe"};

}  // namespace

extern const ArchSpec kLlama;
constinit const ArchSpec kLlama{
    .name = "llama",
    .families = "Llama 2, Llama 3.x, Mistral, SmolLM, SmolLM2, TinyLlama",
    .hf_class = "LlamaForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    // The checkpoints pair halves; GGUF files of this architecture have Q and K permuted to pair neighbours.
    .block = {.rope_pairs = RopePairs::interleaved},
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kLlamaVocabulary, .config_has_space_prefix = true},
};

}  // namespace thimble
