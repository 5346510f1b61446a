// BERT and the sentence encoders made of it: learned positions, LayerNorm behind every half of a block.
#include "model/arch/encoder_rows.h"

namespace thimble {
namespace {

constexpr auto kTensors = joined(kEncoderEmbedding, kEncoderBlock,
                                 std::array{
                                     TensorRow{Role::position_embd, "position_embd.weight",
                                               "embeddings.position_embeddings.weight", Dim::embedding, Dim::context},
                                 });

constexpr std::string_view kClasses[] = {"BertForMaskedLM"};
constexpr std::string_view kPaddedPositions[] = {"RobertaModel", "XLMRobertaModel", "CamembertModel"};
// What only training needs, and a head that sentence encoders do not use.
constexpr std::string_view kUnused[] = {"embeddings.position_ids", "pooler.", "cls."};

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
    .checkpoint = {.model_type = "bert",
                   .classes = kClasses,
                   .classes_padded_positions = kPaddedPositions,
                   .defaults = R"({"max_position_embeddings":512,"layer_norm_eps":1e-12,"type_vocab_size":2})",
                   .unused = kUnused},
};

}  // namespace thimble
