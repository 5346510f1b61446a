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
constexpr auto kTensors = joined(kEmbeddingAndHead, kAttention, kQueryKeyNorms, kSandwichNorms, kGatedFeedForward,
                                 std::array{
                                     TensorRow{Role::dense_2, "dense_2.weight", "2_Dense/linear.weight", Dim::embedding,
                                               Dim::dense_2, Presence::optional},
                                     TensorRow{Role::dense_3, "dense_3.weight", "3_Dense/linear.weight", Dim::dense_2,
                                               Dim::embedding, Presence::optional},
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
    .checkpoint = {.model_type = "gemma3_text",
                   .defaults = R"({"num_attention_heads":8,"num_key_value_heads":4,"head_dim":256,)"
                               R"("max_position_embeddings":131072,"rms_norm_eps":1e-6,"rope_theta":1000000,)"
                               R"("rope_local_base_freq":10000,"sliding_window":4096,"tie_word_embeddings":true})",
                   .norm_shift = 1,
                   .fixed = R"({"use_bidirectional_attention":true})"},
    .vocabulary = {.values = kGemmaVocabulary},
};

}  // namespace thimble
