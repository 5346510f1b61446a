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
    .vocabulary = {.values = kGemmaVocabulary},
};

}  // namespace thimble
