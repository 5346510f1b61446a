#include "model/arch_spec.h"

#include <fmt/format.h>

namespace thimble {

uint64_t resolve(Dim dim, const Hyperparameters& h) {
  switch (dim) {
    case Dim::one: return 1;
    case Dim::embedding: return h.embedding_length;
    case Dim::query: return h.query_width();
    case Dim::key: return h.key_width();
    case Dim::value: return h.value_width();
    case Dim::attention: return h.attention_width();
    case Dim::head: return h.key_length;
    case Dim::feed_forward: return h.feed_forward_length;
    case Dim::vocabulary: return h.vocabulary_size;
    case Dim::rope_pairs: return h.rope_dimension_count / 2;
  }
  return 0;
}

std::string tensor_name(const TensorRow& row, uint32_t block) {
  if (!row.in_block()) return std::string(row.gguf);
  return fmt::format("blk.{}.{}", block, row.gguf.substr(std::string_view("blk.%.").size()));
}

}  // namespace thimble
