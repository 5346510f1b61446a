#include "app/models_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "model/arch_spec.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

bool has(const ArchSpec& spec, Role role) { return std::ranges::count(spec.tensors, role, &TensorRow::role) != 0; }
bool reads(const ArchSpec& spec, std::string_view key) {
  return std::ranges::count(spec.hyperparameters, key, &HyperRow::gguf) != 0;
}

std::string positions(const ArchSpec& spec) {
  if (has(spec, Role::position_embd)) return "learned";
  return spec.block.rope_pairs == RopePairs::interleaved ? "rotary, neighbours" : "rotary, halves";
}

std::string feed_forward(const ArchSpec& spec) {
  const bool gated = has(spec, Role::ffn_gate) || has(spec, Role::ffn_gate_up);
  const char* activation = spec.block.activation == Activation::silu        ? "SiLU"
                           : spec.block.activation == Activation::gelu_tanh ? "GELU (tanh)"
                                                                            : "GELU";
  return fmt::format("{}{}", activation, gated ? ", gate" : "");
}

std::string norms(const ArchSpec& spec) {
  std::string text = spec.block.norm == Norm::rms ? "RMS" : "LayerNorm";
  if (has(spec, Role::post_ffw_norm)) return text + ", before and after";
  return text + (has(spec, Role::layer_output_norm) ? ", of the sum" : ", before");
}

std::string specials(const ArchSpec& spec) {
  std::vector<std::string> notes;
  const auto note = [&](bool applies, std::string text) {
    if (applies) notes.push_back(std::move(text));
  };
  note(has(spec, Role::attn_q_norm), "QK-norm");
  note(has(spec, Role::attn_q_bias), "biases");
  note(reads(spec, "attention.sliding_window"), "windows");
  note(reads(spec, "attn_logit_softcapping"), "soft-caps");
  note(has(spec, Role::rope_freqs), "frequency factors");
  note(has(spec, Role::rope_factors_long), "LongRoPE");
  note(spec.defaults.no_rope_layer_interval != 0,
       fmt::format("every {}th layer without positions", spec.defaults.no_rope_layer_interval));
  note(spec.block.parallel, "attention and feed-forward side by side");
  note(reads(spec, "residual_scale"), "factors on embeddings, scores, sums and logits");
  note(spec.block.scale_embeddings, "scaled embeddings");
  note(!spec.defaults.causal_attention, "attention both ways");
  note(has(spec, Role::dense_2), "dense layers behind the pooling");
  return fmt::format("{}", fmt::join(notes, ", "));
}

}  // namespace

std::string models_page() {
  std::string page =
      "# Models\n\n"
      "<!-- Written by 'thimble help models'; a test holds the two equal. -->\n\n"
      "What `general.architecture` of a GGUF file may say. Every family may have grouped heads, a head of its own or "
      "the\n"
      "embedding's, Q, K and V in one matrix or three, and linear or YaRN scaling of its rotary positions.\n\n"
      "| architecture | published models | checkpoint class | makes | norms | positions | feed-forward | besides |\n"
      "|---|---|---|---|---|---|---|---|\n";
  for (const ArchSpec* spec : all_architectures()) {
    page += fmt::format("| `{}` | {} | `{}` | {} | {} | {} | {} | {} |\n", spec->name, spec->families, spec->hf_class,
                        spec->head == Head::logits ? "text" : "embeddings", norms(*spec), positions(*spec),
                        feed_forward(*spec), specials(*spec));
  }
  page += "\nNumber formats of the weights:";
  std::string line;
  for (const TypeInfo& type : all_types()) {
    if (line.size() + type.name.size() > 100) page += std::exchange(line, {}) + "\n";
    line += (line.empty() && page.ends_with('\n') ? "" : " ") + std::string(type.name);
  }
  page += line +
          ".\n\n"
          "How each is held: [testing](testing.md). How to add one: [add a model family](add-a-model.md).\n";
  return page;
}

}  // namespace thimble
