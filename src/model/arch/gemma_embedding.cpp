// EmbeddingGemma: Gemma 3's blocks with attention in both directions, the mean over the tokens, and two dense layers behind it.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kDecoderHyperparameters, kWindow, kWindowPattern,
                                         std::array{
                                             HyperRow{&H::dense_2_feat_out, "dense_2_feat_out", "", Presence::optional},
                                             HyperRow{&H::dense_3_feat_in, "dense_3_feat_in", "", Presence::optional},
                                         });
constexpr auto kTensors = joined(
    kEmbeddingAndHead, kAttention, kQueryKeyNorms, kSandwichNorms, kGatedFeedForward,
    std::array{
        TensorRow{Role::dense_2, "dense_2.weight", "dense_2.weight", Dim::embedding, Dim::dense_2, Presence::optional},
        TensorRow{Role::dense_3, "dense_3.weight", "dense_3.weight", Dim::dense_2, Dim::embedding, Presence::optional},
    });

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.causal_attention = false;
  values.pooling_type = static_cast<uint32_t>(Pooling::mean);
  values.rope_freq_base = 1'000'000.0f;
  values.rope_freq_base_swa = 10'000.0f;
  values.sliding_window_pattern = 6;
  return values;
}

}  // namespace

extern const ArchSpec kGemmaEmbedding;
constinit const ArchSpec kGemmaEmbedding{
    .name = "gemma-embedding",
    .families = "EmbeddingGemma",
    .hf_class = "Gemma3TextModel",
    .defaults = defaults(),
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.activation = Activation::gelu_tanh, .scale_embeddings = true},
    .head = Head::none,
    .vocabulary = {.values = kGemmaVocabulary},
};

}  // namespace thimble
