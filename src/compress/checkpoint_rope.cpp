#include "compress/checkpoint_rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace thimble {
namespace {

bool has_tensor(const ArchSpec& spec, Role role) {
  return std::ranges::find(spec.tensors, role, &TensorRow::role) != spec.tensors.end();
}

std::string kind_of(const CheckpointConfig& config) {
  std::string kind = config.text("rope_parameters.rope_type").value_or("default");
  return kind == "su" ? "longrope" : kind;
}

void write_linear(const CheckpointConfig& config, GgufWriter& writer) {
  const std::string prefix = hyper_key(config.spec().name, "rope.scaling.");
  const auto factor = config.real("rope_parameters.factor");
  if (!factor) config.refuse("rope_parameters.factor", nlohmann::json(), "the factor of the scaling");
  writer.set(prefix + "type", kind_of(config));
  writer.set(prefix + "factor", *factor);
}

void write_yarn(const CheckpointConfig& config, const Hyperparameters& hyper, GgufWriter& writer) {
  const std::string prefix = hyper_key(config.spec().name, "rope.scaling.");
  write_linear(config, writer);
  const auto original = config.integer("rope_parameters.original_max_position_embeddings");
  writer.set(prefix + "original_context_length", original.value_or(hyper.context_length));
  if (const auto magnitude = config.real("rope_parameters.attention_factor|rope_parameters.attn_factor")) {
    // Whoever runs the file multiplies YaRN's own magnitude, which this one stands in place of.
    const float own = 1 + 0.1f * std::log(std::max(1.0f, *config.real("rope_parameters.factor")));
    writer.set(prefix + "attn_factor", *magnitude / own);
  }
  for (const auto& [ours, theirs] : {std::pair("yarn_beta_fast", "rope_parameters.beta_fast"),
                                     std::pair("yarn_beta_slow", "rope_parameters.beta_slow")}) {
    if (const auto beta = config.real(theirs)) writer.set(prefix + ours, *beta);
  }
}

uint32_t original_length(const CheckpointConfig& config, const Hyperparameters& hyper) {
  return config.integer("rope_parameters.original_max_position_embeddings").value_or(hyper.context_length);
}

// LongRoPE (arXiv 2402.13753), equation of section 3: the magnitude grows with the stretch.
float long_rope_magnitude(const CheckpointConfig& config, const Hyperparameters& hyper) {
  if (const auto given = config.real("rope_parameters.attention_factor")) return *given;
  const double original = original_length(config, hyper);
  const double stretch = hyper.context_length / original;
  return stretch > 1 ? static_cast<float>(std::sqrt(1 + std::log(stretch) / std::log(original))) : 1.0f;
}

std::vector<float> llama3_factors(const CheckpointConfig& config, const Hyperparameters& hyper) {
  const auto number = [&](const char* key, float otherwise) { return config.real(key).value_or(otherwise); };
  Llama3Scaling scaling;
  scaling.factor = number("rope_parameters.factor", scaling.factor);
  scaling.low = number("rope_parameters.low_freq_factor", scaling.low);
  scaling.high = number("rope_parameters.high_freq_factor", scaling.high);
  scaling.original = config.integer("rope_parameters.original_max_position_embeddings").value_or(scaling.original);
  return llama3_factors(scaling, hyper.rope_freq_base, hyper.rope_dimension_count);
}

}  // namespace

// As its release has it: long waves are divided, short ones kept, those between blended. In single precision throughout, as the
// reference computes it.
std::vector<float> llama3_factors(const Llama3Scaling& scaling, float base, uint32_t dimensions) {
  const auto original = static_cast<float>(scaling.original);
  std::vector<float> factors;
  for (uint32_t i = 0; i < dimensions; i += 2) {
    const float frequency = 1.0f / std::pow(base, static_cast<float>(i) / static_cast<float>(dimensions));
    const float wave = static_cast<float>(2 * std::numbers::pi) / frequency;
    const float smooth = (original / wave - scaling.low) / (scaling.high - scaling.low);
    const float blended = 1.0f / ((1.0f - smooth) / scaling.factor + smooth);
    const bool is_short = wave<original / scaling.high, is_long = wave> original / scaling.low;
    factors.push_back(is_short ? 1.0f : is_long ? scaling.factor : blended);
  }
  return factors;
}

void write_rope_scaling(const CheckpointConfig& config, const Hyperparameters& hyper, GgufWriter& writer) {
  const std::string kind = kind_of(config);
  const bool has_long_factors = has_tensor(config.spec(), Role::rope_factors_long);
  const std::string prefix = hyper_key(config.spec().name, "rope.scaling.");
  if (has_long_factors) writer.set(prefix + "original_context_length", original_length(config, hyper));
  // "dynamic" changes nothing within the trained context, beyond which no file of ours goes.
  if (kind == "default" || kind == "dynamic") return;
  if (kind == "linear") return write_linear(config, writer);
  if (kind == "yarn") return write_yarn(config, hyper, writer);
  if (kind == "llama3" && has_tensor(config.spec(), Role::rope_freqs)) return;
  if (kind == "longrope" && has_long_factors) {
    writer.set(prefix + "attn_factor", long_rope_magnitude(config, hyper));
    return;
  }
  config.refuse("rope_parameters.rope_type", nlohmann::json(kind),
                "default, linear, dynamic, yarn, or llama3 or longrope where the family has it");
}

std::vector<ComputedTensor> rope_factors(const CheckpointConfig& config, const Hyperparameters& hyper) {
  const std::string kind = kind_of(config);
  if (kind == "llama3") return {{Role::rope_freqs, llama3_factors(config, hyper)}};
  if (kind != "longrope") return {};
  std::vector<ComputedTensor> tensors;
  for (const auto& [role, key] : {std::pair(Role::rope_factors_long, "rope_parameters.long_factor"),
                                  std::pair(Role::rope_factors_short, "rope_parameters.short_factor")}) {
    std::vector<float> factors = config.reals(key);
    if (factors.size() != hyper.rope_dimension_count / 2) {
      config.refuse(key, nlohmann::json(fmt::format("{} numbers", factors.size())),
                    fmt::format("{}", hyper.rope_dimension_count / 2));
    }
    tensors.push_back({role, std::move(factors)});
  }
  return tensors;
}

}  // namespace thimble
