// Llama and the many families with its block: RMS norm, rotary positions, grouped heads, SiLU-gated feed-forward.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kRotaryFactors, kAttentionBiases, kFeedForwardBiases);

constexpr std::string_view kClasses[] = {"LLaMAForCausalLM", "LlamaModel", "MistralForCausalLM"};
constexpr std::array<std::string_view, 2> kPreTokenizers = {"smollm", "smaug-bpe"};

constexpr ConfigFlag kFlags[] = {{"attention_bias", Role::attn_q_bias}, {"mlp_bias", Role::ffn_up_bias}};

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
    .checkpoint = {.model_type = "llama",
                   .classes = kClasses,
                   .defaults = R"({"max_position_embeddings":2048,"rms_norm_eps":1e-6,"rope_theta":10000,)"
                               R"("tie_word_embeddings":false})",
                   .has_head_size = true,
                   .writes_rope_dimension_count = true,
                   .writes_vocab_size = true,
                   .flags = kFlags},
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kLlamaVocabulary, .config_has_space_prefix = true},
};

}  // namespace thimble
