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
    .vocabulary = {.pre_tokenizers = kPreTokenizers, .values = kLlamaVocabulary, .config_has_space_prefix = true},
};

}  // namespace thimble
