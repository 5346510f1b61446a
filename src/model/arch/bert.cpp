// BERT and the sentence encoders made of it: learned positions, LayerNorm behind every half of a block.
#include "model/arch/encoder_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kEncoderEmbedding, kEncoderBlock,
                                 std::array{
                                     TensorRow{Role::position_embd, "position_embd.weight",
                                               "embeddings.position_embeddings.weight", Dim::embedding, Dim::context},
                                 });

}  // namespace

extern const ArchSpec kBert;
constinit const ArchSpec kBert{
    .name = "bert",
    .families = "BERT, all-MiniLM, BGE, E5, GTE, Arctic Embed",
    .hf_class = "BertModel",
    .defaults = encoder_defaults(),
    .hyperparameters = kEncoderHyperparameters,
    .tensors = kTensors,
    .block = {.norm = Norm::layer, .rope_pairs = RopePairs::none, .activation = Activation::gelu},
    .head = Head::none,
};

}  // namespace thimble
