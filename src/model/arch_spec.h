// A model family is data: one ArchSpec in one file under arch/, listed once in arch/registry.cpp. Loader checks, memory plan,
// decoder and documentation all read these rows; nothing else in the program asks which family a model is of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "model/hyperparameters.h"

namespace thimble {

// What a tensor is for.
enum class Role : uint8_t {
  token_embd,
  output_norm,
  output,
  rope_freqs,
  attn_norm,
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
  post_attention_norm,
  ffn_norm,
  ffn_gate,
  ffn_up,
  ffn_down,
  post_ffw_norm,
};
inline constexpr size_t kRoleCount = static_cast<size_t>(Role::post_ffw_norm) + 1;

// A symbolic size; resolved against the hyper-parameters.
enum class Dim : uint8_t { one, embedding, query, key, value, attention, head, feed_forward, vocabulary, rope_pairs };

enum class Presence : uint8_t { required, optional };

struct TensorRow {
  Role role;
  std::string_view gguf;  // name; "blk.%." stands for each block
  std::string_view hf;    // name in Hugging Face checkpoints; "%" stands for the block's number
  Dim columns;            // the contiguous axis
  Dim rows = Dim::one;    // Dim::one: a vector, kept as float32
  Presence presence = Presence::required;

  bool in_block() const { return gguf.starts_with("blk.%."); }
  bool is_vector() const { return rows == Dim::one; }
};

uint64_t resolve(Dim dim, const Hyperparameters& hyper);
// The row's name in a GGUF file; `block` counts only for tensors of a block.
std::string tensor_name(const TensorRow& row, uint32_t block);

struct HyperRow {
  std::variant<uint32_t Hyperparameters::*, float Hyperparameters::*> field;
  std::string_view gguf;  // key after "<architecture>."
  std::string_view hf;    // key in config.json
  Presence presence = Presence::required;
};

enum class RopePairs : uint8_t {
  interleaved,  // (2i, 2i + 1)
  halves,       // (i, i + n/2), as GPT-NeoX
};
enum class Activation : uint8_t { silu, gelu_tanh };

// How a block computes beyond what its tensors say by being there (biases, QK-norm, norms after attention and feed-forward).
struct BlockRecipe {
  RopePairs rope_pairs = RopePairs::halves;
  Activation activation = Activation::silu;
  bool scale_embeddings = false;  // by sqrt(embedding_length)
};

struct ArchSpec {
  std::string_view name;      // general.architecture
  std::string_view families;  // published models of this architecture, for people
  std::string_view hf_class;  // "architectures" entry of config.json
  Hyperparameters defaults;   // values where the file says nothing
  std::span<const HyperRow> hyperparameters;
  std::span<const TensorRow> tensors;
  BlockRecipe block;
};

// All families, in the order of the documentation.
std::span<const ArchSpec* const> all_architectures();
// Throws Error(bad_file) naming `path`, the architecture found and the known ones.
const ArchSpec& find_architecture(std::string_view name, std::string_view path);

}  // namespace thimble
