// Gemma 3 (text): norms before and after attention and feed-forward, normalised Q and K, five window layers for one that sees
// everything, each kind with its own rotary base. GGUF files hold the norm weights with Gemma's "+ 1" already added.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kDecoderHyperparameters, kWindow, kWindowPattern, kSoftCaps);
constexpr auto kTensors = joined(kEmbeddingAndHead, kAttention, kQueryKeyNorms, kSandwichNorms, kGatedFeedForward);

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.rope_freq_base = 1'000'000.0f;
  values.rope_freq_base_swa = 10'000.0f;
  values.sliding_window_pattern = 6;
  return values;
}

constexpr std::string_view kClasses[] = {"Gemma3ForConditionalGeneration"};
// What sees.
constexpr std::string_view kUnused[] = {"vision_tower.", "multi_modal_projector."};

}  // namespace

extern const ArchSpec kGemma3;
constinit const ArchSpec kGemma3{
    .name = "gemma3",
    .families = "Gemma 3 (text)",
    .hf_class = "Gemma3ForCausalLM",
    .defaults = defaults(),
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.activation = Activation::gelu_tanh, .scale_embeddings = true},
    .checkpoint = {.model_type = "gemma3_text",
                   .classes = kClasses,
                   .defaults = R"({"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,)"
                               R"("max_position_embeddings":131072,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
                               R"("rope_local_base_freq":10000,"sliding_window":4096,"tie_word_embeddings":true})",
                   .norm_shift = 1,
                   .unused = kUnused},
    .vocabulary = {.values = kGemmaVocabulary},
};

}  // namespace thimble
