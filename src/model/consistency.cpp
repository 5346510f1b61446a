#include "model/consistency.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace thimble {
namespace {

// Keys with which other files of the same architecture change what is computed, unless they are 0.
constexpr std::string_view kForeignCounts[] = {"expert_count", "expert_used_count"};

bool has_row(const ArchSpec& spec, std::string_view key) {
  return std::ranges::find(spec.hyperparameters, key, &HyperRow::gguf) != spec.hyperparameters.end();
}

void check_foreign_counts(const Gguf& gguf, const ArchSpec& spec) {
  for (const std::string_view suffix : kForeignCounts) {
    if (has_row(spec, suffix)) continue;
    const std::string key = hyper_key(spec.name, suffix);
    if (const auto found = gguf.unsigned_integer(key); found && *found != 0) {
      fail(ExitCode::bad_file, "{}: {} is {}; expected 0: this version runs {} models without it",
           printable(gguf.path()), key, *found, spec.name);
    }
  }
}

// Blocks that saw one way in training make sense one way only.
void check_direction(const Gguf& gguf, const ArchSpec& spec, const Hyperparameters& hyper) {
  if (hyper.causal_attention == spec.defaults.causal_attention) return;
  fail(ExitCode::bad_file, "{}: {} is {}; expected {} for a {} model", printable(gguf.path()),
       hyper_key(spec.name, "attention.causal"), hyper.causal_attention, spec.defaults.causal_attention, spec.name);
}

void check_vocabulary_size(const Gguf& gguf, const ArchSpec& spec, const Hyperparameters& hyper) {
  const std::string key = hyper_key(spec.name, "vocab_size");
  const auto found = gguf.unsigned_integer(key);
  if (!found || *found == hyper.vocabulary_size) return;
  fail(ExitCode::bad_file, "{}: {} is {}, but token_embd.weight has {} rows", printable(gguf.path()), key, *found,
       hyper.vocabulary_size);
}

// 0 is a number that the family does not have.
void check_range(const Gguf& gguf, const ArchSpec& spec, std::string_view suffix, float found, float least,
                 float most) {
  if (found == 0 || (found >= least && found <= most)) return;
  fail(ExitCode::bad_file, "{}: {} is {}; expected {} to {}", printable(gguf.path()), hyper_key(spec.name, suffix),
       found, least, most);
}

}  // namespace

void check_kind(const Gguf& gguf) {
  const std::string_view kind = gguf.string("general.type").value_or("model");
  if (kind == "model") return;
  fail(ExitCode::bad_file, "{}: general.type is \"{}\"; expected a model{}", printable(gguf.path()), printable(kind),
       kind == "adapter" ? ": give the adapter as --lora FILE beside -m MODEL" : "");
}

void check_consistency(const Gguf& gguf, const ArchSpec& spec, const Hyperparameters& hyper) {
  check_foreign_counts(gguf, spec);
  check_direction(gguf, spec, hyper);
  check_vocabulary_size(gguf, spec, hyper);
  check_range(gguf, spec, "rope.freq_base", hyper.rope_freq_base, 1.0f, 1e12f);
  check_range(gguf, spec, "rope.freq_base_swa", hyper.rope_freq_base_swa, 1.0f, 1e12f);
  check_range(gguf, spec, "rope.scaling.factor", hyper.rope_scaling_factor, 0.01f, 1e6f);
  check_range(gguf, spec, "final_logit_softcapping", hyper.final_logit_softcap, 0.01f, 1e6f);
  check_range(gguf, spec, "attn_logit_softcapping", hyper.attention_softcap, 0.01f, 1e6f);
}

}  // namespace thimble
