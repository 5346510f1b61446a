// Granite 3 (dense): the Llama block with factors on embeddings, scores, what each half of a block adds, and logits.
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters =
    joined(kDecoderHyperparameters,
           std::array{
               HyperRow{&H::attention_scale, "attention.scale", "attention_multiplier", Presence::optional},
               HyperRow{&H::embedding_scale, "embedding_scale", "embedding_multiplier", Presence::optional},
               HyperRow{&H::residual_scale, "residual_scale", "residual_multiplier", Presence::optional},
               HyperRow{&H::logit_scale, "logit_scale", "logits_scaling"},
               HyperRow{&H::rope_finetuned, "rope.scaling.finetuned", "", Presence::optional},
           });
constexpr auto kTensors = joined(kDecoderTensors, kRotaryFactors, kAttentionBiases, kFeedForwardBiases);

constexpr std::array<std::string_view, 1> kPreTokenizers = {"refact"};

constexpr ConfigFlag kFlags[] = {{"attention_bias", Role::attn_q_bias}, {"mlp_bias", Role::ffn_up_bias}};

}  // namespace

extern const ArchSpec kGranite;
constinit const ArchSpec kGranite{
    .name = "granite",
    .families = "Granite 3.x (dense)",
    .hf_class = "GraniteForCausalLM",
    .defaults = {},
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.rope_pairs = RopePairs::interleaved},
    .checkpoint = {.model_type = "granite",
                   .defaults = R"({"max_position_embeddings":2048,"rms_norm_eps":1e-6,"rope_theta":10000,)"
                               R"("tie_word_embeddings":false,"attention_multiplier":1,"embedding_multiplier":1,)"
                               R"("residual_multiplier":1,"logits_scaling":1})",
                   .writes_rope_dimension_count = true,
                   .writes_vocab_size = true,
                   .flags = kFlags},
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kLlamaVocabulary, .config_has_space_prefix = true},
};

}  // namespace thimble
