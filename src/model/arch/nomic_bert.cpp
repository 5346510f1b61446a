// Nomic Embed Text 1 and 1.5: BERT's block with rotary positions and a SiLU gate.
#include "model/arch/encoder_rows.h"

namespace thimble {
namespace {

constexpr auto kHyperparameters = joined(kEncoderHyperparameters, kRotary);
constexpr auto kTensors = joined(kEncoderEmbedding, kEncoderBlock,
                                 std::array{
                                     TensorRow{Role::ffn_gate, "blk.%.ffn_gate.weight",
                                               "encoder.layers.%.mlp.fc12.weight", Dim::embedding, Dim::feed_forward},
                                 });

}  // namespace

extern const ArchSpec kNomicBert;
constinit const ArchSpec kNomicBert{
    .name = "nomic-bert",
    .families = "Nomic Embed Text 1 and 1.5",
    .hf_class = "NomicBertModel",
    .defaults = encoder_defaults(),
    .hyperparameters = kHyperparameters,
    .tensors = kTensors,
    .block = {.norm = Norm::layer},
    .head = Head::none,
};

}  // namespace thimble
