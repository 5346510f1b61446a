#include "compress/mix.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

using enum NumberType;

constexpr Mix kMixes[] = {
    {"Q2_K", 10, Q2_K},   {"Q2_K_S", 21, Q2_K},   {"IQ3_XXS", 23, IQ3_XXS}, {"IQ3_XS", 22, IQ3_S},
    {"IQ3_S", 26, IQ3_S}, {"IQ3_M", 27, IQ3_S},   {"Q3_K_S", 11, Q3_K},     {"Q3_K_M", 12, Q3_K},
    {"Q3_K_L", 13, Q3_K}, {"IQ4_XS", 30, IQ4_XS}, {"IQ4_NL", 25, IQ4_NL},   {"Q4_0", 2, Q4_0},
    {"Q4_1", 3, Q4_1},    {"Q4_K_S", 14, Q4_K},   {"Q4_K_M", 15, Q4_K},     {"Q5_0", 8, Q5_0},
    {"Q5_1", 9, Q5_1},    {"Q5_K_S", 16, Q5_K},   {"Q5_K_M", 17, Q5_K},     {"Q6_K", 18, Q6_K},
    {"Q8_0", 7, Q8_0},    {"F16", 1, F16},        {"BF16", 32, BF16},       {"F32", 0, F32},
};

struct Alias {
  std::string_view name;
  std::string_view mix;
};
constexpr Alias kAliases[] = {{"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};

enum class When : uint8_t {
  always,
  more_bits,  // the first and the last eighth of the blocks, and every third between
  first_two,  // of the tensors of its kind
  first_four,
  first_eighth,
  first_sixteenth,
  middle,        // all but the first and the last eighth
  many_queries,  // four or more heads share a key and a value
  without_imatrix,
  first_eighth_with_imatrix,
  first_eighth_without_imatrix,
};

struct Rule {
  std::string_view mix;
  TensorKind kind;
  When when;
  NumberType type;
};

// The first that applies; none: the mix's own type.
constexpr Rule kRules[] = {
    {"Q2_K", TensorKind::attn_v, When::many_queries, Q4_K},
    {"Q2_K", TensorKind::attn_v, When::always, Q3_K},
    {"Q2_K", TensorKind::ffn_down, When::always, Q3_K},
    {"Q2_K", TensorKind::attn_output, When::always, Q3_K},
    {"Q2_K_S", TensorKind::attn_v, When::many_queries, Q4_K},
    {"Q2_K_S", TensorKind::ffn_down, When::first_eighth, Q4_K},
    {"IQ3_XXS", TensorKind::token_embd, When::always, IQ3_S},
    {"IQ3_XXS", TensorKind::attn_v, When::many_queries, Q4_K},
    {"IQ3_XXS", TensorKind::attn_v, When::without_imatrix, IQ3_S},
    {"IQ3_XXS", TensorKind::attn_k, When::always, IQ2_S},
    {"IQ3_XXS", TensorKind::attn_q, When::always, IQ2_S},
    {"IQ3_XXS", TensorKind::ffn_down, When::first_eighth_without_imatrix, Q4_K},
    {"IQ3_XXS", TensorKind::ffn_down, When::without_imatrix, Q3_K},
    {"IQ3_XXS", TensorKind::attn_output, When::always, IQ3_S},
    {"IQ3_XS", TensorKind::attn_v, When::many_queries, Q4_K},
    {"IQ3_XS", TensorKind::attn_k, When::always, IQ3_XXS},
    {"IQ3_XS", TensorKind::attn_q, When::always, IQ3_XXS},
    {"IQ3_XS", TensorKind::ffn_gate, When::middle, IQ3_XXS},
    {"IQ3_XS", TensorKind::ffn_up, When::middle, IQ3_XXS},
    {"IQ3_S", TensorKind::attn_v, When::many_queries, Q4_K},
    {"IQ3_M", TensorKind::attn_v, When::always, Q4_K},
    {"IQ3_M", TensorKind::ffn_down, When::first_eighth, Q4_K},
    {"IQ3_M", TensorKind::attn_output, When::always, Q4_K},
    {"Q3_K_M", TensorKind::attn_v, When::first_two, Q5_K},
    {"Q3_K_M", TensorKind::attn_v, When::always, Q4_K},
    {"Q3_K_M", TensorKind::ffn_down, When::first_sixteenth, Q5_K},
    {"Q3_K_M", TensorKind::ffn_down, When::always, Q4_K},
    {"Q3_K_M", TensorKind::attn_output, When::always, Q4_K},
    {"Q3_K_L", TensorKind::attn_v, When::always, Q5_K},
    {"Q3_K_L", TensorKind::ffn_down, When::always, Q5_K},
    {"Q3_K_L", TensorKind::attn_output, When::always, Q5_K},
    {"IQ4_NL", TensorKind::attn_v, When::many_queries, Q5_K},
    {"IQ4_NL", TensorKind::ffn_down, When::first_eighth_without_imatrix, Q5_K},
    {"IQ4_XS", TensorKind::attn_v, When::many_queries, Q5_K},
    {"IQ4_XS", TensorKind::ffn_down, When::first_eighth_without_imatrix, Q5_K},
    {"Q4_0", TensorKind::ffn_down, When::first_eighth_with_imatrix, Q4_1},
    {"Q5_0", TensorKind::ffn_down, When::first_eighth_with_imatrix, Q5_1},
    {"Q4_K_S", TensorKind::attn_v, When::first_four, Q5_K},
    {"Q4_K_S", TensorKind::ffn_down, When::first_eighth, Q5_K},
    {"Q4_K_M", TensorKind::attn_v, When::more_bits, Q6_K},
    {"Q4_K_M", TensorKind::ffn_down, When::more_bits, Q6_K},
    {"Q5_K_M", TensorKind::attn_v, When::more_bits, Q6_K},
    {"Q5_K_M", TensorKind::ffn_down, When::more_bits, Q6_K},
};

struct KindOfName {
  std::string_view part;
  TensorKind kind;
};
// The first that a name contains.
constexpr KindOfName kKinds[] = {
    {"attn_qkv.weight", TensorKind::attn_v}, {"attn_kv_b.weight", TensorKind::attn_v},
    {"attn_v.weight", TensorKind::attn_v},   {"attn_k.weight", TensorKind::attn_k},
    {"attn_q.weight", TensorKind::attn_q},   {"attn_output.weight", TensorKind::attn_output},
    {"ffn_up", TensorKind::ffn_up},          {"ffn_gate", TensorKind::ffn_gate},
    {"ffn_down", TensorKind::ffn_down},
};

// Matrices whose names hold one of these keep their type.
constexpr std::string_view kKept[] = {"_norm.weight",
                                      "ffn_gate_inp.weight",
                                      "altup",
                                      "laurel",
                                      "per_layer_model_proj",
                                      "ssm_conv1d",
                                      "shortconv.conv.weight",
                                      "attn_rel_b.weight",
                                      ".position_embd",
                                      ".rel_pos",
                                      ".patch_embd",
                                      ".patch_merger"};
constexpr std::string_view kKeptNames[] = {"position_embd.weight", "token_types.weight"};

struct Fallback {
  NumberType type;
  NumberType stand_in;  // with blocks of 32
};
constexpr Fallback kFallbacks[] = {{IQ2_S, IQ4_NL}, {IQ3_XXS, IQ4_NL}, {IQ3_S, IQ4_NL}, {IQ4_XS, IQ4_NL}, {Q2_K, Q4_0},
                                   {Q3_K, Q4_0},    {Q4_K, Q5_0},      {Q5_K, Q5_1},    {Q6_K, Q8_0}};

constexpr NumberType kNeedImatrix[] = {IQ3_XXS, IQ2_XXS, IQ2_XS, IQ2_S, IQ1_M, IQ1_S};

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return upper(x) == upper(y); });
}

bool uses_more_bits(int64_t index, int64_t count) {
  return index < count / 8 || index >= 7 * count / 8 || (index - count / 8) % 3 == 2;
}

int64_t block_number(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  int64_t number = -1;
  const char* end = name.data() + name.size();
  const auto [after, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return error == std::errc() && after != end && *after == '.' ? number : -1;
}

}  // namespace

std::span<const Mix> all_mixes() { return kMixes; }

const Mix* find_mix(std::string_view name) {
  for (const Alias& alias : kAliases) {
    if (same_name(alias.name, name)) name = alias.mix;
  }
  uint32_t number = UINT32_MAX;
  const auto [after, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || after != name.data() + name.size()) number = UINT32_MAX;
  const auto found = std::ranges::find_if(
      kMixes, [&](const Mix& mix) { return same_name(mix.name, name) || mix.file_type == number; });
  return found == std::end(kMixes) ? nullptr : &*found;
}

std::string mix_names() {
  std::string names;
  for (const Mix& mix : kMixes) names += (names.empty() ? "" : ", ") + std::string(mix.name);
  return names;
}

TensorKind tensor_kind(std::string_view name) {
  if (name == "output.weight") return TensorKind::output;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return TensorKind::token_embd;
  for (const KindOfName& kind : kKinds) {
    if (name.find(kind.part) != name.npos) return kind.kind;
  }
  return TensorKind::other;
}

bool is_quantizable(const GgufTensor& tensor) {
  if (tensor.rows() < 2 || !tensor.name.ends_with("weight")) return false;
  if (std::ranges::find(kKeptNames, tensor.name) != std::end(kKeptNames)) return false;
  return std::ranges::none_of(kKept, [&](std::string_view part) { return tensor.name.find(part) != part.npos; });
}

bool comes_before(std::string_view a, std::string_view b) {
  const int64_t block_a = block_number(a);
  const int64_t block_b = block_number(b);
  return block_a != block_b ? block_a < block_b : a < b;
}

MixModel mix_model(const Gguf& gguf, bool has_imatrix) {
  const auto architecture = gguf.string("general.architecture");
  if (!architecture) {
    fail(ExitCode::bad_file, "{}: no general.architecture: this is no model; quantize takes models",
         printable(gguf.path()));
  }
  const auto number = [&](std::string_view key) -> std::optional<int64_t> {
    const std::string full = std::string(*architecture) + "." + std::string(key);
    const GgufValue* value = gguf.find(full);
    if (value == nullptr) return std::nullopt;
    if (value->type != GgufValueType::ARRAY) return gguf.integer(full);
    constexpr uint64_t kMostBlocks = 65536;
    const std::vector<int64_t> all = value->count <= kMostBlocks ? gguf.integers(full) : std::vector<int64_t>();
    return all.empty() ? std::optional<int64_t>() : all.front();
  };
  MixModel model;
  model.has_imatrix = has_imatrix;
  model.block_count = number("block_count").value_or(0);
  const int64_t heads = number("attention.head_count").value_or(0);
  const int64_t kv_heads = number("attention.head_count_kv").value_or(heads);
  model.heads_per_kv_head = kv_heads > 0 ? heads / kv_heads : 0;
  for (const GgufTensor& tensor : gguf.tensors()) {
    const TensorKind kind = tensor_kind(tensor.name);
    model.attn_v_count += kind == TensorKind::attn_v ? 1 : 0;
    if (kind == TensorKind::output) model.has_tied_output = false;
  }
  return model;
}

NumberType MixChooser::choose(std::string_view name, uint64_t columns, std::optional<NumberType> output_type) {
  const TensorKind kind = tensor_kind(name);
  if (kind == TensorKind::output || (kind == TensorKind::token_embd && model_.has_tied_output)) {
    if (output_type) return *output_type;
    if (columns % type_info(mix_.type).block_size != 0) return NumberType::Q8_0;
    if (mix_.type == NumberType::IQ3_XXS) return NumberType::Q5_K;
    return mix_.type == NumberType::Q8_0 ? NumberType::Q8_0 : NumberType::Q6_K;
  }
  return by_rules(kind, seen_[static_cast<size_t>(kind)]++);
}

NumberType MixChooser::by_rules(TensorKind kind, int64_t index) const {
  const int64_t count = kind == TensorKind::attn_v ? model_.attn_v_count : model_.block_count;
  const auto applies = [&](const Rule& rule) {
    if (rule.mix != mix_.name || rule.kind != kind) return false;
    switch (rule.when) {
      case When::always: return true;
      case When::more_bits: return uses_more_bits(index, count);
      case When::first_two: return index < 2;
      case When::first_four: return index < 4;
      case When::first_eighth: return index < count / 8;
      case When::first_sixteenth: return index < count / 16;
      case When::middle: return index >= count / 8 && index < 7 * count / 8;
      case When::many_queries: return model_.heads_per_kv_head >= 4;
      case When::without_imatrix: return !model_.has_imatrix;
      case When::first_eighth_with_imatrix: return model_.has_imatrix && index < count / 8;
      case When::first_eighth_without_imatrix: return !model_.has_imatrix && index < count / 8;
    }
    return false;
  };
  const auto rule = std::ranges::find_if(kRules, applies);
  return rule == std::end(kRules) ? mix_.type : rule->type;
}

NumberType fallback_type(NumberType type, uint64_t columns) {
  if (columns % type_info(type).block_size == 0) return type;
  const auto fallback = std::ranges::find(kFallbacks, type, &Fallback::type);
  if (fallback == std::end(kFallbacks) || columns % type_info(fallback->stand_in).block_size != 0)
    return NumberType::F16;
  return fallback->stand_in;
}

bool requires_imatrix(const Mix& mix, std::string_view name, NumberType type) {
  const TensorKind kind = tensor_kind(name);
  if (kind == TensorKind::token_embd || kind == TensorKind::output) return false;
  if (type == NumberType::Q2_K) return mix.name == "Q2_K_S";
  return std::ranges::find(kNeedImatrix, type) != std::end(kNeedImatrix);
}

}  // namespace thimble
