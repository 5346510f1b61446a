#include "compress/checkpoint_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace thimble {

std::string with_number(std::string_view name, uint64_t number) {
  const size_t at = name.find('%');
  if (at == std::string_view::npos) return std::string(name);
  return fmt::format("{}{}{}", name.substr(0, at), number, name.substr(at + 1));
}

uint32_t reordered_head_rows(const ArchSpec& spec, const Hyperparameters& hyper, Role role) {
  constexpr Role kRotated[] = {Role::attn_q, Role::attn_k, Role::attn_q_bias, Role::attn_k_bias};
  const bool is_reordered =
      spec.block.rope_pairs == RopePairs::interleaved && spec.checkpoint.rope_pairs == RopePairs::halves;
  return is_reordered && std::ranges::count(kRotated, role) != 0 ? hyper.key_length : 0;
}

uint64_t rows_of_part(const ArchSpec& spec, const Hyperparameters& hyper, Role part, uint64_t rest) {
  const auto row = std::ranges::find(spec.tensors, part, &TensorRow::role);
  if (row == spec.tensors.end()) return rest;
  return resolve(row->rows == Dim::one ? row->columns : row->rows, hyper);
}

}  // namespace thimble
