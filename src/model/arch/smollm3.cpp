// SmolLM3: the Llama block; every fourth layer goes without positions (NoPE, arXiv 2501.18795).
#include "model/arch/common_rows.h"
#include "model/arch/vocabulary_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kDecoderTensors, kAttentionBiases);

constexpr Hyperparameters defaults() {
  Hyperparameters values;
  values.no_rope_layer_interval = 4;
  return values;
}

constexpr std::array<std::string_view, 1> kPreTokenizers = {"smaug-bpe"};

constexpr ConfigFlag kFlags[] = {{"attention_bias", Role::attn_q_bias}, {"mlp_bias", Role::ffn_up_bias}};

}  // namespace

extern const ArchSpec kSmollm3;
constinit const ArchSpec kSmollm3{
    .name = "smollm3",
    .families = "SmolLM3",
    .hf_class = "SmolLM3ForCausalLM",
    .defaults = defaults(),
    .hyperparameters = kDecoderHyperparameters,
    .tensors = kTensors,
    .block = {.rope_pairs = RopePairs::interleaved},
    .checkpoint = {.model_type = "smollm3",
                   .defaults = R"({"max_position_embeddings":32768,"rms_norm_eps":1e-6,"rope_theta":2000000,)"
                               R"("tie_word_embeddings":true})",
                   .writes_rope_dimension_count = true,
                   .writes_vocab_size = true,
                   .flags = kFlags},
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kLlamaVocabulary, .config_has_space_prefix = true},
};

}  // namespace thimble
