// Gemma 1: the Llama block with a GELU gate and scaled embeddings. GGUF files hold the norm weights with Gemma's "+ 1" already
// added.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

// The head is always tied.
constexpr std::string_view kUnused[] = {"lm_head."};

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
    .checkpoint = {.model_type = "gemma",
                   .defaults = R"({"head_dim":256,"max_position_embeddings":8192,"rms_norm_eps":1e-6,)"
                               R"("rope_theta":10000,"tie_word_embeddings":true})",
                   .norm_shift = 1,
                   .unused = kUnused},
    .vocabulary = {.values = kVocabulary},
};

}  // namespace thimble
