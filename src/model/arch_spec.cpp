#include "model/arch_spec.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace thimble {

std::span<const Role> parts_of(Role role) {
  static constexpr auto kSelf = [] {
    std::array<Role, kRoleCount> roles{};
    for (size_t i = 0; i < kRoleCount; ++i) roles[i] = static_cast<Role>(i);
    return roles;
  }();
  static constexpr Role kQkv[] = {Role::attn_q, Role::attn_k, Role::attn_v};
  static constexpr Role kQkvBias[] = {Role::attn_q_bias, Role::attn_k_bias, Role::attn_v_bias};
  static constexpr Role kGateUp[] = {Role::ffn_gate, Role::ffn_up};
  switch (role) {
    case Role::attn_qkv: return kQkv;
    case Role::attn_qkv_bias: return kQkvBias;
    case Role::ffn_gate_up: return kGateUp;
    default: return std::span(kSelf).subspan(static_cast<size_t>(role), 1);
  }
}

uint64_t resolve(Dim dim, const Hyperparameters& h) {
  switch (dim) {
    case Dim::one: return 1;
    case Dim::embedding: return h.embedding_length;
    case Dim::query: return h.query_width();
    case Dim::key: return h.key_width();
    case Dim::value: return h.value_width();
    case Dim::query_key_value: return uint64_t{h.query_width()} + h.key_width() + h.value_width();
    case Dim::attention: return h.attention_width();
    case Dim::head: return h.key_length;
    case Dim::heads: return h.head_count;
    case Dim::kv_heads: return h.head_count_kv;
    case Dim::feed_forward: return h.feed_forward_length;
    case Dim::gate_up: return uint64_t{h.feed_forward_length} * 2;
    case Dim::vocabulary: return h.vocabulary_size;
    case Dim::context: return h.context_length;
    case Dim::token_types: return h.token_type_count;
    case Dim::rope_pairs: return h.rope_dimension_count / 2;
    case Dim::dense_2: return h.dense_2_feat_out;
  }
  return 0;
}

std::string hyper_key(std::string_view architecture, std::string_view key) {
  if (key.starts_with("tokenizer.")) return std::string(key);
  return fmt::format("{}.{}", architecture, key);
}

std::string tensor_name(const TensorRow& row, uint32_t block) {
  if (!row.in_block()) return std::string(row.gguf);
  return fmt::format("blk.{}.{}", block, row.gguf.substr(std::string_view("blk.%.").size()));
}

const ArchSpec& find_architecture(std::string_view name, std::string_view path) {
  std::string known;
  for (const ArchSpec* spec : all_architectures()) {
    if (spec->name == name) return *spec;
    known += (known.empty() ? "" : ", ") + std::string(spec->name);
  }
  fail(ExitCode::bad_file, "{}: general.architecture is \"{}\"; this version runs: {}", path, printable(name), known);
}

}  // namespace thimble
