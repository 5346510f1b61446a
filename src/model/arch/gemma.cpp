// Gemma 1: the Llama block with a GELU gate and scaled embeddings. GGUF files hold the norm weights with Gemma's "+ 1" already
// added.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {

namespace {

constexpr auto kVocabulary = joined(kGemmaVocabulary, std::array{VocabularyValue{"eot_token_id", 107u}});

}  // namespace

extern const ArchSpec kGemma;
constinit const ArchSpec kGemma{
    .name = "gemma",
    .families = "Gemma 1, CodeGemma",
    .hf_class = "GemmaForCausalLM",
    .defaults = {},
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kDecoderTensors,
    .block = {.activation = Activation::gelu_tanh, .scale_embeddings = true},
    .vocabulary = {.values = kVocabulary},
};

}  // namespace thimble
