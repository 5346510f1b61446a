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

// What only training needs.
constexpr std::string_view kUnused[] = {"embeddings.position_ids", "pooler.", "cls."};

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
    .checkpoint =
        {.model_type = "nomic_bert",
         .defaults = R"({"max_position_embeddings":2048,"layer_norm_eps":1e-12,"type_vocab_size":2,)"
                     R"("rope_theta":1000})",
         .unused = kUnused,
         .has_last_names = true,
         .fixed =
             R"({"activation_function":"swiglu","causal":false,"qkv_proj_bias":false,"mlp_fc1_bias":false,"mlp_fc2_bias":false,"prenorm":false})"},
};

}  // namespace thimble
