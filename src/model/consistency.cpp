#include "model/consistency.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace thimble {
namespace {

// Keys with which other files of the same architecture change what is computed, and the values that change nothing.
struct NeutralInteger {
  std::string_view key;
  uint64_t value;
};
constexpr NeutralInteger kNeutralIntegers[] = {{"expert_count", 0}, {"expert_used_count", 0}};

bool has_row(const ArchSpec& spec, std::string_view key) {
  return std::ranges::find(spec.hyperparameters, key, &HyperRow::gguf) != spec.hyperparameters.end();
}

std::string key_of(const ArchSpec& spec, std::string_view suffix) { return hyper_key(spec.name, suffix); }

void check_neutral(const Gguf& gguf, const ArchSpec& spec) {
  for (const NeutralInteger& neutral : kNeutralIntegers) {
    const std::string key = key_of(spec, neutral.key);
    if (has_row(spec, neutral.key)) continue;
    if (const auto found = gguf.unsigned_integer(key); found && *found != neutral.value) {
      fail(ExitCode::bad_file, "{}: {} is {}; expected {}: this version runs {} models without it",
           printable(gguf.path()), key, *found, neutral.value, spec.name);
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
  const std::string key = key_of(spec, "vocab_size");
  const auto found = gguf.unsigned_integer(key);
  if (!found || *found == hyper.vocabulary_size) return;
  fail(ExitCode::bad_file, "{}: {} is {}, but token_embd.weight has {} rows", printable(gguf.path()), key, *found,
       hyper.vocabulary_size);
}

// 0 is a number that the family does not have.
void check_range(const Gguf& gguf, const ArchSpec& spec, std::string_view suffix, float found, float least,
                 float most) {
  if (found == 0 || (found >= least && found <= most)) return;
  fail(ExitCode::bad_file, "{}: {} is {}; expected {} to {}", printable(gguf.path()), key_of(spec, suffix), found,
       least, most);
}

}  // namespace

void check_kind(const Gguf& gguf) {
  const std::string_view kind = gguf.string("general.type").value_or("model");
  if (kind == "model") return;
  fail(ExitCode::bad_file, "{}: general.type is \"{}\"; expected a model{}", printable(gguf.path()), printable(kind),
       kind == "adapter" ? ": give the adapter as --lora FILE beside -m MODEL" : "");
}

void check_consistency(const Gguf& gguf, const ArchSpec& spec, const Hyperparameters& hyper) {
  check_neutral(gguf, spec);
  check_direction(gguf, spec, hyper);
  check_vocabulary_size(gguf, spec, hyper);
  check_range(gguf, spec, "rope.freq_base", hyper.rope_freq_base, 1.0f, 1e12f);
  check_range(gguf, spec, "rope.freq_base_swa", hyper.rope_freq_base_swa, 1.0f, 1e12f);
  check_range(gguf, spec, "rope.scaling.factor", hyper.rope_scaling_factor, 0.01f, 1e6f);
  check_range(gguf, spec, "final_logit_softcapping", hyper.final_logit_softcap, 0.01f, 1e6f);
  check_range(gguf, spec, "attn_logit_softcapping", hyper.attention_softcap, 0.01f, 1e6f);
}

}  // namespace thimble
