// A model family is data: one ArchSpec in one file under arch/, which the build joins to the registry. Loader checks, memory
// plan, forward pass and documentation all read these rows; nothing else in the program asks which family a model is of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "model/hyperparameters.h"
#include "model/vocabulary_rules.h"

namespace thimble {

// What a tensor is for.
enum class Role : uint8_t {
  token_embd,
  token_types,  // row 0 is added to every token
  position_embd,
  token_embd_norm,
  token_embd_norm_bias,
  output_norm,
  output_norm_bias,
  output,
  output_bias,
  dense_2,  // after pooling, of sentence-transformers
  dense_3,
  rope_freqs,
  rope_factors_long,
  rope_factors_short,
  attn_norm,
  attn_norm_bias,
  attn_q,
  attn_k,
  attn_v,
  attn_output,
  attn_q_bias,
  attn_k_bias,
  attn_v_bias,
  attn_output_bias,
  attn_q_norm,
  attn_k_norm,
  post_attention_norm,  // of what attention adds
  attn_output_norm,     // of the sum
  attn_output_norm_bias,
  ffn_norm,
  ffn_norm_bias,
  ffn_gate,
  ffn_up,
  ffn_down,
  ffn_gate_bias,
  ffn_up_bias,
  ffn_down_bias,
  post_ffw_norm,      // of what the feed-forward adds
  layer_output_norm,  // of the sum
  layer_output_norm_bias,
  // Fused tensors: bound as their parts, in this order from row 0 on.
  attn_qkv,
  attn_qkv_bias,
  ffn_gate_up,
};
inline constexpr size_t kRoleCount = static_cast<size_t>(Role::ffn_gate_up) + 1;

// What a tensor of this role is bound as: its parts where it is fused, else itself.
std::span<const Role> parts_of(Role role);

// A symbolic size; resolved against the hyper-parameters.
enum class Dim : uint8_t {
  one,
  embedding,
  query,
  key,
  value,
  query_key_value,
  attention,
  head,
  heads,
  kv_heads,
  feed_forward,
  gate_up,
  vocabulary,
  context,
  token_types,
  rope_pairs,
  dense_2,
};

enum class Presence : uint8_t { required, optional };

struct TensorRow {
  Role role;
  std::string_view gguf;  // name; "blk.%." stands for each block
  std::string_view hf;    // name in Hugging Face checkpoints: see CheckpointRecipe; empty where they have none
  Dim columns;            // the contiguous axis
  Dim rows = Dim::one;
  Presence presence = Presence::required;

  bool in_block() const { return gguf.starts_with("blk.%."); }
  // Kept as float32: norms and biases.
  bool is_vector() const { return rows == Dim::one || rows == Dim::heads || rows == Dim::kv_heads; }
};

uint64_t resolve(Dim dim, const Hyperparameters& hyper);
// A hyper-parameter's whole key in a GGUF file.
std::string hyper_key(std::string_view architecture, std::string_view key);
// The row's name in a GGUF file; `block` counts only for tensors of a block.
std::string tensor_name(const TensorRow& row, uint32_t block);

struct HyperRow {
  std::variant<uint32_t Hyperparameters::*, float Hyperparameters::*, bool Hyperparameters::*> field;
  std::string_view gguf;  // key after "<architecture>.", or a whole one where it begins with "tokenizer."
  std::string_view hf;    // key in config.json: see CheckpointRecipe; empty where it has none
  Presence presence = Presence::required;
};

enum class RopePairs : uint8_t {
  none,
  interleaved,  // (2i, 2i + 1)
  halves,       // (i, i + n/2), as GPT-NeoX
};
enum class Norm : uint8_t { rms, layer };
enum class Activation : uint8_t { silu, gelu_tanh, gelu };
enum class Head : uint8_t {
  logits,
  none,  // an encoder: what comes out is one vector a text
};

// How a block computes beyond what its tensors say by being there: biases, QK-norm, norms before, after and behind attention and
// feed-forward, a gate.
struct BlockRecipe {
  Norm norm = Norm::rms;
  RopePairs rope_pairs = RopePairs::halves;
  Activation activation = Activation::silu;
  bool scale_embeddings = false;  // by sqrt(embedding_length)
  bool parallel = false;          // a block without ffn_norm: the feed-forward reads what attention reads
};

// A key of config.json that llama.cpp's converter passes on and nothing here needs.
struct CopiedKey {
  std::string_view gguf;  // after "<architecture>."
  std::string_view hf;    // a whole number, a real number or a flag
};

// A flag of config.json that follows from whether block 0 has a tensor.
struct ConfigFlag {
  std::string_view hf;
  Role role;
  bool when_present = true;
};

// How a family's Hugging Face checkpoints differ from its GGUF files, beyond names. Names of tensors and keys are alternatives
// with "|" between, transformers' own first. In a tensor's name the first "%" stands for the block's number; a second one for
// the row, where each is a tensor of its own. "FOLDER/NAME" is a tensor of the sentence-transformers module in that folder. What
// is in front of a name ("model.", "bert." and the like) does not count. Keys may lead into objects: "rope_parameters.factor".
struct CheckpointRecipe {
  std::string_view model_type;                // "model_type" of config.json
  std::span<const std::string_view> classes;  // "architectures" entries beside ArchSpec::hf_class
  std::span<const std::string_view>
      classes_padded_positions;              // the same; positions begin behind the padding token's id
  std::string_view defaults = "{}";          // JSON: what transformers takes where config.json is silent
  RopePairs rope_pairs = RopePairs::halves;  // rows of Q and K are reordered where BlockRecipe says otherwise
  float norm_shift = 0;                      // added to the weights of every norm
  bool has_head_size = false;                // transformers completes "head_dim"
  bool writes_rope_dimension_count = false;  // as llama.cpp's converter, though it is the head's size
  bool writes_vocab_size = false;            // likewise, though it is the embedding's
  std::span<const CopiedKey> copied;
  std::span<const std::string_view> unused;  // beginnings of names of tensors that are left out
  bool has_last_names = false;  // of alternative names of a tensor the family's own is the last, not the first
  // What else config.json says, for the way back.
  std::span<const ConfigFlag> flags;
  std::string_view fixed = "{}";  // JSON
};

struct ArchSpec {
  std::string_view name;      // general.architecture
  std::string_view families;  // published models of this architecture, for people
  std::string_view hf_class;  // "architectures" entry of config.json
  Hyperparameters defaults;   // values where the file says nothing
  std::span<const HyperRow> hyperparameters;
  std::span<const TensorRow> tensors;
  BlockRecipe block;
  Head head = Head::logits;
  CheckpointRecipe checkpoint = {};
  VocabularyRules vocabulary = {};  // of checkpoints
};

// All families, by the names of their files.
std::span<const ArchSpec* const> all_architectures();
// Throws Error(bad_file) naming `path`, the architecture found and the known ones.
const ArchSpec& find_architecture(std::string_view name, std::string_view path);

}  // namespace thimble
