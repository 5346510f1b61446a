#include "model/hyperparameters.h"

#include <cmath>
#include <string>

#include "base/error.h"
#include "model/arch_spec.h"

namespace thimble {
namespace {

// Bounds far above any model of the class this program is for, low enough that products of three of them cannot overflow.
struct Bounds {
  uint32_t Hyperparameters::*field;
  const char* key;
  uint32_t least;
  uint32_t most;
};
constexpr Bounds kBounds[] = {
    {&Hyperparameters::block_count, "block_count", 1, kMostBlocks},
    {&Hyperparameters::context_length, "context_length", 1, 1u << 30},
    {&Hyperparameters::embedding_length, "embedding_length", 1, 1u << 16},
    {&Hyperparameters::feed_forward_length, "feed_forward_length", 1, 1u << 18},
    {&Hyperparameters::head_count, "attention.head_count", 1, 1024},
    {&Hyperparameters::head_count_kv, "attention.head_count_kv", 1, 1024},
    {&Hyperparameters::key_length, "attention.key_length", 2, 512},
    {&Hyperparameters::value_length, "attention.value_length", 1, 512},
    {&Hyperparameters::sliding_window, "attention.sliding_window", 0, 1u << 30},
    {&Hyperparameters::sliding_window_pattern, "attention.sliding_window_pattern", 0, kMostBlocks},
    {&Hyperparameters::pooling_type, "pooling_type", 0, static_cast<uint32_t>(Pooling::rank)},
    {&Hyperparameters::token_type_count, "token_type_count", 0, 1u << 16},
    {&Hyperparameters::dense_2_feat_out, "dense_2_feat_out", 0, 1u << 16},
    {&Hyperparameters::dense_3_feat_in, "dense_3_feat_in", 0, 1u << 16},
};

constexpr std::string_view kWindowPattern = "attention.sliding_window_pattern";

class Reader {
 public:
  Reader(const Gguf& gguf, const ArchSpec& spec) : gguf_(gguf), spec_(spec) {}

  std::string key(std::string_view suffix) const { return hyper_key(spec_.name, suffix); }

  template <class T, class Expected>
  [[noreturn]] void refuse(std::string_view suffix, T found, const Expected& expected) const {
    fail(ExitCode::bad_file, "{}: {} is {}; expected {}", gguf_.path(), key(suffix), found, expected);
  }

  void read(const HyperRow& row, Hyperparameters& into) const {
    const std::string name = key(row.gguf);
    if (gguf_.find(name) == nullptr) {
      if (row.presence == Presence::required) fail(ExitCode::bad_file, "{}: {} is missing", gguf_.path(), name);
      return;
    }
    if (const auto* integer = std::get_if<uint32_t Hyperparameters::*>(&row.field)) {
      into.** integer = read_integer(row.gguf, name);
    } else if (const auto* real = std::get_if<float Hyperparameters::*>(&row.field)) {
      into.** real = static_cast<float>(gguf_.real(name).value());
    } else {
      into.*std::get<bool Hyperparameters::*>(row.field) = gguf_.boolean(name).value();
    }
  }

 private:
  // Some files have one value a block; this engine runs those whose blocks are all alike, but for the window pattern, which
  // find_window_blocks() reads again.
  uint32_t read_integer(std::string_view suffix, const std::string& name) const {
    if (gguf_.find(name)->type == GgufValueType::ARRAY) {
      const std::vector<int64_t> values = gguf_.integers(name);
      if (suffix == kWindowPattern) return 0;
      for (int64_t value : values) {
        if (value != values.front()) refuse(suffix, "different from block to block", "one value for all blocks");
      }
      if (values.empty() || values.front() < 0 || values.front() > UINT32_MAX) refuse(suffix, "an array", "a number");
      return static_cast<uint32_t>(values.front());
    }
    const uint64_t value = gguf_.unsigned_integer(name).value();
    if (value > UINT32_MAX) refuse(suffix, value, "at most 4294967295");
    return static_cast<uint32_t>(value);
  }

  const Gguf& gguf_;
  const ArchSpec& spec_;
};

// A factor without a type is linear, as llama.cpp has it.
RopeScaling read_rope_scaling(const Gguf& gguf, const Reader& reader) {
  const auto type = gguf.string(reader.key("rope.scaling.type"));
  if (!type || *type == "linear") return RopeScaling::linear;
  if (*type == "none") return RopeScaling::none;
  if (*type == "yarn") return RopeScaling::yarn;
  if (*type == "longrope") return RopeScaling::longrope;
  reader.refuse("rope.scaling.type", printable(*type), "none, linear, yarn or longrope");
}

void find_window_blocks(Hyperparameters& h, const Gguf& gguf, const Reader& reader) {
  if (h.sliding_window == 0) return;
  const std::string key = reader.key(kWindowPattern);
  const GgufValue* value = gguf.find(key);
  if (value != nullptr && value->type == GgufValueType::ARRAY) {
    if (value->count < h.block_count) reader.refuse(kWindowPattern, value->count, "a value for each block");
    const std::vector<int64_t> flags = gguf.integers(key);
    for (uint32_t block = 0; block < h.block_count; ++block) h.window_blocks[block] = flags[block] != 0;
    return;
  }
  const uint32_t pattern = h.sliding_window_pattern;
  for (uint32_t block = 0; block < h.block_count; ++block) {
    h.window_blocks[block] = pattern == 0 || (block + 1) % pattern != 0;
  }
}

void complete(Hyperparameters& h, const Gguf& gguf, const Reader& reader, const BlockRecipe& recipe) {
  if (h.head_count_kv == 0) h.head_count_kv = h.head_count;
  if (h.key_length == 0 && h.head_count != 0) {
    if (h.embedding_length % h.head_count != 0)
      reader.refuse("attention.head_count", h.head_count, "a divisor of embedding_length");
    h.key_length = h.embedding_length / h.head_count;
  }
  if (h.value_length == 0) h.value_length = h.key_length;
  if (h.rope_dimension_count == 0) h.rope_dimension_count = h.key_length;
  if (h.sliding_window == 0) h.rope_freq_base_swa = 0;
  if (h.attention_scale == 0 && h.key_length != 0)
    h.attention_scale = 1.0f / std::sqrt(static_cast<float>(h.key_length));
  if (recipe.scale_embeddings) h.embedding_scale = std::sqrt(static_cast<float>(h.embedding_length));
  h.rope_scaling = read_rope_scaling(gguf, reader);
  if (h.rope_original_context_length == 0) h.rope_original_context_length = h.context_length;
}

void check_positive(const Reader& reader, std::string_view key, float value, float most) {
  if (!(value > 0) || !(value <= most)) reader.refuse(key, value, fmt::format("a number above 0, at most {}", most));
}

// 0 switches such a scale off.
void check_scale(const Reader& reader, std::string_view key, float value) {
  if (!(value >= 0) || !(value <= 1e6f)) reader.refuse(key, value, "0 to 1000000");
}

void check(const Hyperparameters& h, const Reader& reader, const BlockRecipe& recipe) {
  for (const Bounds& bound : kBounds) {
    const uint32_t value = h.*bound.field;
    if (value < bound.least || value > bound.most) {
      reader.refuse(bound.key, value, fmt::format("{} to {}", bound.least, bound.most));
    }
  }
  if (h.head_count % h.head_count_kv != 0)
    reader.refuse("attention.head_count_kv", h.head_count_kv, "a divisor of head_count");
  if (h.rope_dimension_count % 2 != 0 || h.rope_dimension_count > h.key_length) {
    reader.refuse("rope.dimension_count", h.rope_dimension_count, fmt::format("an even number up to {}", h.key_length));
  }
  if (h.key_length != h.value_length) {
    reader.refuse("attention.value_length", h.value_length, fmt::format("the key length, {}", h.key_length));
  }
  const bool is_rms = recipe.norm == Norm::rms;
  check_positive(reader, is_rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon",
                 h.layer_norm_epsilon, 1.0f);
  check_positive(reader, "attention.scale", h.attention_scale, 1e4f);
  check_positive(reader, "rope.freq_base", h.rope_freq_base, 1e12f);
  if (h.rope_freq_base_swa != 0) check_positive(reader, "rope.freq_base_swa", h.rope_freq_base_swa, 1e12f);
  check_positive(reader, "rope.scaling.factor", h.rope_scaling_factor, 1e6f);
  check_positive(reader, "rope.scaling.yarn_beta_fast", h.rope_yarn_beta_fast, 1e6f);
  check_positive(reader, "rope.scaling.yarn_beta_slow", h.rope_yarn_beta_slow, 1e6f);
  if (!(h.rope_attention_factor >= 0) || h.rope_attention_factor > 1e3f) {
    reader.refuse("rope.scaling.attn_factor", h.rope_attention_factor, "0 to 1000");
  }
  check_scale(reader, "final_logit_softcapping", h.final_logit_softcap);
  check_scale(reader, "attn_logit_softcapping", h.attention_softcap);
  check_scale(reader, "embedding_scale", h.embedding_scale);
  check_scale(reader, "residual_scale", h.residual_scale);
  check_scale(reader, "logit_scale", h.logit_scale);
  if (h.dense_3_feat_in != h.dense_2_feat_out) {
    reader.refuse("dense_3_feat_in", h.dense_3_feat_in, fmt::format("dense_2_feat_out, {}", h.dense_2_feat_out));
  }
}

}  // namespace

Hyperparameters read_hyperparameters(const Gguf& gguf, const ArchSpec& spec) {
  const Reader reader(gguf, spec);
  Hyperparameters h = spec.defaults;
  for (const HyperRow& row : spec.hyperparameters) reader.read(row, h);
  complete(h, gguf, reader, spec.block);
  check(h, reader, spec.block);
  find_window_blocks(h, gguf, reader);
  return h;
}

}  // namespace thimble
