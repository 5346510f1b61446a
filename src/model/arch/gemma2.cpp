// Gemma 2: norms before and after attention and feed-forward, every second layer with a window, scores and logits capped.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kDecoderHyperparameters, kOptionalWindow, kWindowPattern, kSoftCaps);
constexpr auto kTensors = joined(kEmbeddingAndHead, kAttention, kSandwichNorms, kGatedFeedForward);

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.sliding_window = 4096;
  values.sliding_window_pattern = 2;
  values.attention_softcap = 50.0f;
  values.final_logit_softcap = 30.0f;
  return values;
}

// The head is always tied.
constexpr std::string_view kUnused[] = {"lm_head."};

}  // namespace

extern const ArchSpec kGemma2;
constinit const ArchSpec kGemma2{
    .name = "gemma2",
    .families = "Gemma 2",
    .hf_class = "Gemma2ForCausalLM",
    .defaults = defaults(),
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.activation = Activation::gelu_tanh, .scale_embeddings = true},
    .checkpoint = {.model_type = "gemma2",
                   .defaults = R"({"head_dim":256,"max_position_embeddings":8192,"rms_norm_eps":1e-6,)"
                               R"("rope_theta":10000,"tie_word_embeddings":true,"sliding_window":4096,)"
                               R"("attn_logit_softcapping":50,"final_logit_softcapping":30})",
                   .norm_shift = 1,
                   .unused = kUnused},
    .vocabulary = {.values = kGemmaVocabulary},
};

}  // namespace thimble
