#include "compress/export_config.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "compress/checkpoint_rope.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// The shortest text that is this float, as a person would have written it: 1e-05 and not 9.999999747378752e-06. Always with a
// point: transformers tells 30.0 from 30.
Json number(float value) { return Json::parse(fmt::format("{}", value)).get<double>(); }

std::string first_key(std::string_view keys) { return std::string(keys.substr(0, keys.find('|'))); }

bool has_tensor(const Gguf& gguf, const ArchSpec& spec, Role role) {
  const auto row = std::ranges::find(spec.tensors, role, &TensorRow::role);
  return row != spec.tensors.end() && gguf.find_tensor(tensor_name(*row, 0)) != nullptr;
}

std::vector<float> vector_of(const Gguf& gguf, const ArchSpec& spec, Role role) {
  const auto row = std::ranges::find(spec.tensors, role, &TensorRow::role);
  const GgufTensor* tensor = row == spec.tensors.end() ? nullptr : gguf.find_tensor(row->gguf);
  if (tensor == nullptr) return {};
  std::vector<float> values(tensor->elements());
  tensor->type->unpack(tensor->data.data(), values.data(), values.size() / tensor->type->block_size);
  return values;
}

Json list(const std::vector<float>& values) {
  Json out = Json::array();
  for (const float value : values) out.push_back(number(value));
  return out;
}

std::string_view activation_name(const ArchSpec& spec) {
  switch (spec.block.activation) {
    case Activation::silu: return "silu";
    case Activation::gelu: return "gelu";
    case Activation::gelu_tanh: return spec.block.scale_embeddings ? "gelu_pytorch_tanh" : "gelu_new";
  }
  return {};
}

// The numbers behind Llama 3's factors are not in the file: those of the published models are tried.
Json llama3_scaling(const Model& model, const std::vector<float>& factors) {
  const Hyperparameters& h = model.hyper();
  Llama3Scaling scaling{.factor = *std::ranges::max_element(factors)};
  for (const float high : {4.0f, 2.0f, 8.0f}) {
    for (uint32_t original = 32; original <= (1u << 17); original *= 2) {
      scaling.high = high;
      scaling.original = original;
      if (llama3_factors(scaling, h.rope_freq_base, h.rope_dimension_count) != factors) continue;
      return {{"rope_type", "llama3"},
              {"factor", number(scaling.factor)},
              {"low_freq_factor", number(scaling.low)},
              {"high_freq_factor", number(scaling.high)},
              {"original_max_position_embeddings", scaling.original}};
    }
  }
  fail(ExitCode::bad_file, "{}: rope_freqs.weight follows no rule that config.json has a name for",
       printable(model.gguf().path()));
}

Json rope_scaling(const Model& model) {
  const Gguf& gguf = model.gguf();
  const ArchSpec& spec = model.spec();
  const Hyperparameters& h = model.hyper();
  if (const auto factors = vector_of(gguf, spec, Role::rope_freqs); !factors.empty()) {
    return llama3_scaling(model, factors);
  }
  if (const auto factors = vector_of(gguf, spec, Role::rope_factors_long); !factors.empty()) {
    Json scaling = {{"type", "longrope"},
                    {"long_factor", list(factors)},
                    {"short_factor", list(vector_of(gguf, spec, Role::rope_factors_short))}};
    if (h.rope_attention_factor > 0) scaling["attention_factor"] = number(h.rope_attention_factor);
    return scaling;
  }
  if (h.rope_scaling == RopeScaling::yarn) {
    Json scaling = {{"rope_type", "yarn"},
                    {"factor", number(h.rope_scaling_factor)},
                    {"original_max_position_embeddings", h.rope_original_context_length},
                    {"beta_fast", number(h.rope_yarn_beta_fast)},
                    {"beta_slow", number(h.rope_yarn_beta_slow)}};
    if (h.rope_attention_factor > 0) {
      const float own = 1 + 0.1f * std::log(std::max(1.0f, h.rope_scaling_factor));
      scaling["attention_factor"] = number(h.rope_attention_factor * own);
    }
    return scaling;
  }
  if (h.rope_scaling == RopeScaling::linear && h.rope_scaling_factor != 1) {
    return {{"rope_type", "linear"}, {"factor", number(h.rope_scaling_factor)}};
  }
  return nullptr;
}

// The spelling of transformers before 5, which later ones read too.
void add_positions(const Model& model, Json& config) {
  const ArchSpec& spec = model.spec();
  const Hyperparameters& h = model.hyper();
  if (spec.block.rope_pairs == RopePairs::none) return;
  config["rope_theta"] = number(h.rope_freq_base);
  config["rope_scaling"] = rope_scaling(model);
  if (h.rope_freq_base_swa != 0) config["rope_local_base_freq"] = number(h.rope_freq_base_swa);
  if (h.rope_dimension_count != h.key_length) {
    config["partial_rotary_factor"] = static_cast<double>(h.rope_dimension_count) / static_cast<double>(h.key_length);
  }
  const auto has_row = [&](Role role) {
    return std::ranges::find(spec.tensors, role, &TensorRow::role) != spec.tensors.end();
  };
  if (has_row(Role::rope_factors_long)) config["original_max_position_embeddings"] = h.rope_original_context_length;
}

void add_layers(const Model& model, Json& config) {
  const ArchSpec& spec = model.spec();
  const Hyperparameters& h = model.hyper();
  const bool has_pattern =
      std::ranges::count(spec.hyperparameters, &Hyperparameters::sliding_window_pattern, [](const HyperRow& row) {
        const auto* field = std::get_if<uint32_t Hyperparameters::*>(&row.field);
        return field == nullptr ? nullptr : *field;
      }) != 0;
  if (has_pattern) {
    Json kinds = Json::array();
    for (uint32_t block = 0; block < h.block_count; ++block) {
      kinds.push_back(h.is_window_layer(block) ? "sliding_attention" : "full_attention");
    }
    config["layer_types"] = std::move(kinds);
    config["query_pre_attn_scalar"] = number(1 / (h.attention_scale * h.attention_scale));
    const float rounded = std::round(1 / (h.attention_scale * h.attention_scale));
    if (1 / std::sqrt(rounded) == h.attention_scale) config["query_pre_attn_scalar"] = static_cast<uint32_t>(rounded);
  }
  if (h.no_rope_layer_interval != 0) {
    Json rotary = Json::array();
    for (uint32_t block = 0; block < h.block_count; ++block) rotary.push_back(h.is_rope_layer(block) ? 1 : 0);
    config["no_rope_layers"] = std::move(rotary);
    config["no_rope_layer_interval"] = h.no_rope_layer_interval;
  }
}

void add_token_ids(const Gguf& gguf, Json& config) {
  for (const auto& [theirs, ours] : {std::pair("bos_token_id", "tokenizer.ggml.bos_token_id"),
                                     std::pair("eos_token_id", "tokenizer.ggml.eos_token_id"),
                                     std::pair("pad_token_id", "tokenizer.ggml.padding_token_id")}) {
    const auto id = gguf.unsigned_integer(ours);
    config[theirs] = id ? Json(*id) : Json();
  }
}

}  // namespace

Json export_config(const Model& model, const std::string& type) {
  const Gguf& gguf = model.gguf();
  const ArchSpec& spec = model.spec();
  const CheckpointRecipe& recipe = spec.checkpoint;
  const Hyperparameters& h = model.hyper();
  Json config = {{"architectures", {std::string(spec.hf_class)}}, {"model_type", std::string(recipe.model_type)}};
  for (const HyperRow& row : spec.hyperparameters) {
    const std::string key = first_key(row.hf);
    if (key.empty() || key.find('.') != std::string::npos || key == "sliding_window_pattern") continue;
    if (const auto* integer = std::get_if<uint32_t Hyperparameters::*>(&row.field)) {
      const bool is_off = *integer == &Hyperparameters::sliding_window && h.**integer == 0;
      config[key] = is_off ? Json() : Json(h.**integer);
    } else if (const auto* real = std::get_if<float Hyperparameters::*>(&row.field)) {
      config[key] = h.**real == 0 ? Json() : number(h.**real);
    }
  }
  config["vocab_size"] = h.vocabulary_size;
  if (model.has_head()) config["tie_word_embeddings"] = model.is_tied();
  config["hidden_act"] = activation_name(spec);
  if (spec.block.scale_embeddings) config["hidden_activation"] = activation_name(spec);
  add_positions(model, config);
  add_layers(model, config);
  for (const ConfigFlag& flag : recipe.flags) {
    config[std::string(flag.hf)] = has_tensor(gguf, spec, flag.role) == flag.when_present;
  }
  config.update(Json::parse(recipe.fixed));
  add_token_ids(gguf, config);
  config["torch_dtype"] = type;
  return config;
}

Json export_generation_config(const Gguf& gguf) {
  Json config = Json::object();
  add_token_ids(gguf, config);
  for (const auto& [theirs, ours] :
       {std::pair("temperature", "general.sampling.temp"), std::pair("top_p", "general.sampling.top_p"),
        std::pair("min_p", "general.sampling.min_p"),
        std::pair("repetition_penalty", "general.sampling.penalty_repeat")}) {
    if (const auto value = gguf.real(ours)) config[theirs] = number(static_cast<float>(*value));
  }
  if (const auto value = gguf.integer("general.sampling.top_k")) config["top_k"] = *value;
  return config;
}

}  // namespace thimble
