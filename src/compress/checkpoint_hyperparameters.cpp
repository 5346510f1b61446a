#include "compress/checkpoint_hyperparameters.h"

#include <algorithm>
#include <cmath>

#include "compress/checkpoint_rope.h"

namespace thimble {
namespace {

using H = Hyperparameters;

constexpr std::string_view kWindowPattern = "attention.sliding_window_pattern";

class Converter {
 public:
  Converter(const CheckpointConfig& config, GgufWriter& writer)
      : config_(config), spec_(config.spec()), recipe_(spec_.checkpoint), writer_(writer), h_(spec_.defaults) {}

  Hyperparameters run(const SentenceModules& modules) {
    check_computation();
    for (const HyperRow& row : spec_.hyperparameters) {
      if (!row.hf.empty() && !row.gguf.starts_with("rope.scaling.")) read(row);
    }
    complete_heads();
    complete_positions();
    complete_attention();
    check_layers();
    copy_keys();
    write_modules(modules);
    write_rope_scaling(config_, h_, writer_);
    return h_;
  }

 private:
  std::string key(std::string_view suffix) const { return hyper_key(spec_.name, suffix); }
  bool has_row(std::string_view gguf) const {
    return std::ranges::find(spec_.hyperparameters, gguf, &HyperRow::gguf) != spec_.hyperparameters.end();
  }

  void read(const HyperRow& row) {
    bool found = false;
    if (const auto* integer = std::get_if<uint32_t H::*>(&row.field)) {
      found = take(row, config_.integer(row.hf), h_.**integer, *integer == &H::sliding_window);
    } else if (const auto* real = std::get_if<float H::*>(&row.field)) {
      found = take(row, config_.real(row.hf), h_.**real, false);
    } else {
      const auto flag = std::get<bool H::*>(row.field);
      found = take(row, config_.boolean(row.hf), h_.*flag, false);
    }
    if (!found && row.presence == Presence::required) {
      fail(ExitCode::bad_file, "{}: {} is missing", printable(config_.path()), row.hf.substr(0, row.hf.find('|')));
    }
  }

  // "null" switches off what the GGUF file's silence would leave at the family's value.
  template <class T>
  bool take(const HyperRow& row, std::optional<T> value, T& into, bool is_off_by_none) {
    if (!value && config_.says_none(row.hf) && (into != T{} || is_off_by_none)) value = T{};
    if (!value) return false;
    const bool is_usual_pattern = row.gguf == kWindowPattern && *value == into;
    into = *value;
    if (!is_usual_pattern) writer_.set(key(row.gguf), into);
    return true;
  }

  void complete_heads() {
    if (h_.head_count == 0) config_.refuse("num_attention_heads", nlohmann::json(0), "at least 1");
    if (h_.head_count_kv == 0) {
      h_.head_count_kv = h_.head_count;
      if (spec_.head == Head::logits) writer_.set(key("attention.head_count_kv"), h_.head_count_kv);
    }
    if (h_.key_length == 0) {
      if (h_.embedding_length % h_.head_count != 0) {
        config_.refuse("num_attention_heads", nlohmann::json(h_.head_count), "a divisor of hidden_size");
      }
      h_.key_length = h_.value_length = h_.embedding_length / h_.head_count;
      if (recipe_.has_head_size) {
        writer_.set(key("attention.key_length"), h_.key_length);
        writer_.set(key("attention.value_length"), h_.value_length);
      }
    }
  }

  void complete_positions() {
    const bool is_padded = std::ranges::count(recipe_.classes_padded_positions, config_.architecture()) != 0;
    if (is_padded) {
      const uint32_t offset = config_.integer("pad_token_id").value_or(0) + 1;
      if (h_.context_length <= offset) {
        config_.refuse("max_position_embeddings", nlohmann::json(h_.context_length),
                       fmt::format("more than the {} places before the first token's", offset));
      }
      h_.context_length -= offset;
      writer_.set(key("context_length"), h_.context_length);
    }
    h_.rope_dimension_count = h_.key_length;
    const nlohmann::json* part = find_value(config_.values(), "rope_parameters.partial_rotary_factor");
    if (!has_row("rope.dimension_count")) return;
    if (part != nullptr && config_.real("rope_parameters.partial_rotary_factor")) {
      const double length = part->get<double>() * h_.key_length;
      if (!(length >= 2 && length <= h_.key_length)) {
        config_.refuse("partial_rotary_factor", *part, "more than 0, at most 1");
      }
      h_.rope_dimension_count = static_cast<uint32_t>(length);
    }
    if (part != nullptr || recipe_.writes_rope_dimension_count) {
      writer_.set(key("rope.dimension_count"), h_.rope_dimension_count);
    }
  }

  void complete_attention() {
    if (!h_.causal_attention) writer_.set(key("attention.causal"), false);
    if (recipe_.writes_vocab_size) {
      if (const auto size = config_.integer("vocab_size")) writer_.set(key("vocab_size"), *size);
    }
    const auto scalar = config_.real("query_pre_attn_scalar");
    if (scalar && *scalar != static_cast<float>(h_.key_length) && has_row("attention.scale")) {
      if (!(*scalar > 0)) config_.refuse("query_pre_attn_scalar", nlohmann::json(*scalar), "a number above 0");
      writer_.set(key("attention.scale"), 1.0f / std::sqrt(*scalar));
    }
  }

  bool is_window_layer(uint32_t block) const {
    const uint32_t pattern = h_.sliding_window_pattern;
    return h_.sliding_window != 0 && (pattern == 0 || (block + 1) % pattern != 0);
  }

  // Layers that are not as the family has them are said one by one, or refused where it has no others.
  void check_layers() {
    const bool has_pattern = has_row(kWindowPattern);
    const nlohmann::json* kinds = find_value(config_.values(), "layer_types");
    const nlohmann::json* rotary = find_value(config_.values(), "no_rope_layers");
    const auto has_size = [&](const nlohmann::json* list) {
      return list->is_array() && list->size() == h_.block_count;
    };
    if (kinds != nullptr) {
      if (!has_size(kinds)) config_.refuse("layer_types", *kinds, "a kind for each layer");
      std::vector<uint8_t> windows;
      bool is_usual = true;
      for (uint32_t block = 0; block < h_.block_count; ++block) {
        const nlohmann::json& kind = (*kinds)[block];
        const bool is_window = kind == "sliding_attention";
        if (!is_window && kind != "full_attention") config_.refuse("layer_types", kind, "full or sliding attention");
        is_usual = is_usual && is_window == is_window_layer(block);
        windows.push_back(is_window ? 1 : 0);
      }
      if (!is_usual && !has_pattern) config_.refuse("layer_types", *kinds, "layers that all see everything");
      if (!is_usual) writer_.set(key(kWindowPattern), std::span<const uint8_t>(windows));
    }
    if (rotary != nullptr && h_.no_rope_layer_interval != 0) {
      if (!has_size(rotary)) config_.refuse("no_rope_layers", *rotary, "a flag for each layer");
      for (uint32_t block = 0; block < h_.block_count; ++block) {
        const bool is_rotary = (*rotary)[block] != 0;
        if (is_rotary != h_.is_rope_layer(block)) {
          config_.refuse("no_rope_layers", *rotary,
                         fmt::format("every {}th layer without positions", h_.no_rope_layer_interval));
        }
      }
    }
  }

  void check_computation() {
    if (const nlohmann::json* quantized = find_value(config_.raw(), "quantization_config")) {
      config_.refuse("quantization_config", *quantized, "none: convert the checkpoint that was quantized");
    }
    const auto accepts = [&](std::string_view name) {
      switch (spec_.block.activation) {
        case Activation::silu: return name == "silu" || name == "swish" || name == "swiglu";
        case Activation::gelu: return name == "gelu";
        case Activation::gelu_tanh: return name == "gelu_pytorch_tanh" || name == "gelu_new" || name == "gelu_fast";
      }
      return false;
    };
    const auto activation = config_.text("hidden_activation|hidden_act|activation_function");
    // Gemma's first release says "gelu" and means its approximation (transformers, modeling_gemma.py).
    const bool is_first_gemma = activation == "gelu" && spec_.block.scale_embeddings;
    if (activation && !accepts(*activation) && !is_first_gemma) {
      config_.refuse("hidden_act", nlohmann::json(*activation), "the family's activation");
    }
    if (config_.boolean("use_sliding_window").value_or(false) && !has_row("attention.sliding_window")) {
      config_.refuse("use_sliding_window", nlohmann::json(true), "false");
    }
  }

  void copy_keys() {
    for (const CopiedKey& copied : recipe_.copied) {
      const nlohmann::json* value = find_value(config_.values(), copied.hf);
      if (value == nullptr) continue;
      if (value->is_boolean()) {
        writer_.set(key(copied.gguf), value->get<bool>());
      } else if (value->is_number_unsigned()) {
        writer_.set(key(copied.gguf), config_.integer(copied.hf).value());
      } else {
        writer_.set(key(copied.gguf), config_.real(copied.hf).value());
      }
    }
  }

  void write_modules(const SentenceModules& modules) {
    if (modules.pooling) writer_.set(key("pooling_type"), static_cast<uint32_t>(*modules.pooling));
    if (modules.dense.empty()) return;
    if (modules.dense.size() != 2 || !has_row("dense_2_feat_out")) {
      fail(ExitCode::bad_file, "{}: modules.json names {} dense layers; expected {} for a {} model",
           printable(config_.path()), modules.dense.size(), has_row("dense_2_feat_out") ? "2 or none" : "none",
           spec_.name);
    }
    h_.dense_2_feat_out = modules.dense[0].out_features;
    h_.dense_3_feat_in = modules.dense[1].in_features;
    writer_.set(key("dense_2_feat_in"), modules.dense[0].in_features);
    writer_.set(key("dense_2_feat_out"), modules.dense[0].out_features);
    writer_.set(key("dense_3_feat_in"), modules.dense[1].in_features);
    writer_.set(key("dense_3_feat_out"), modules.dense[1].out_features);
  }

  const CheckpointConfig& config_;
  const ArchSpec& spec_;
  const CheckpointRecipe& recipe_;
  GgufWriter& writer_;
  Hyperparameters h_;
};

}  // namespace

Hyperparameters write_hyperparameters(const CheckpointConfig& config, const SentenceModules& modules,
                                      GgufWriter& writer) {
  return Converter(config, writer).run(modules);
}

}  // namespace thimble
