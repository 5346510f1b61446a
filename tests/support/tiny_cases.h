// Tiny models that together hold all that the families of the registry do: every family, and what only some of its files have.
// tests/oracle/tiny_logits.py makes the same models in transformers, tests/oracle/tiny_llama_cpp.py runs their files in llama.cpp.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/tiny_model.h"

namespace thimble::test {

struct TinyCase {
  std::string name;
  const ArchSpec* spec;
  TinyModel model;

  friend std::ostream& operator<<(std::ostream& out, const TinyCase& tiny) { return out << tiny.name; }
};

// The checkpoints of these families know no head size but width / heads.
inline void small_heads(Hyperparameters& h) {
  h.key_length = h.value_length = h.rope_dimension_count = h.embedding_length / h.head_count;
}

inline std::vector<Role> attention_biases() {
  return {Role::attn_q_bias, Role::attn_k_bias, Role::attn_v_bias, Role::attn_output_bias};
}

// llama.cpp opens no file of this family without them.
inline std::vector<std::string> phi3_tokens() { return {"<unk>", "<s>", "</s>"}; }

inline std::vector<TinyCase> special_cases() {
  const auto spec = [](std::string_view name) { return &find_architecture(name, "tiny_cases"); };
  std::vector<TinyCase> cases;
  const auto add = [&](std::string name, std::string_view family) -> TinyModel& {
    cases.push_back({std::move(name), spec(family), {}});
    return cases.back().model;
  };
  {
    TinyModel& m = add("llama-biases", "llama");
    m.with = attention_biases();
    for (Role role : {Role::ffn_gate_bias, Role::ffn_up_bias, Role::ffn_down_bias}) m.with.push_back(role);
  }
  add("llama-rope-factors", "llama").with = {Role::rope_freqs};
  {
    TinyModel& m = add("llama-linear", "llama");
    m.rope_scaling = "linear";
    m.adjust = [](Hyperparameters& h) { h.rope_scaling_factor = 4.0f; };
  }
  {
    TinyModel& m = add("llama-yarn", "llama");
    m.rope_scaling = "yarn";
    m.adjust = [](Hyperparameters& h) {
      h.rope_scaling_factor = 4.0f;
      h.rope_original_context_length = 128;
    };
  }
  {
    TinyModel& m = add("qwen3-fused", "qwen3");
    m.with = {Role::attn_qkv};
    m.without = {Role::attn_q, Role::attn_k, Role::attn_v};
    m.tied = true;
  }
  for (const bool is_long : {false, true}) {
    TinyModel& m = add(is_long ? "phi3-long" : "phi3-short", "phi3");
    m.with = {Role::attn_qkv, Role::rope_factors_long, Role::rope_factors_short};
    m.without = {Role::attn_q, Role::attn_k, Role::attn_v};
    m.tokens = phi3_tokens();
    m.adjust = [is_long](Hyperparameters& h) {
      small_heads(h);
      h.sliding_window = 0;
      h.rope_original_context_length = is_long ? 32 : 256;
      h.rope_attention_factor = is_long ? 1.3416407865f : 1.0606601718f;  // sqrt(1 + ln(512 / n) / ln(n))
    };
  }
  {
    TinyModel& m = add("stablelm-parallel", "stablelm");
    m.with = {Role::attn_q_norm, Role::attn_k_norm, Role::attn_q_bias, Role::attn_k_bias, Role::attn_v_bias};
    m.adjust = [](Hyperparameters& h) {
      small_heads(h);
      h.rope_dimension_count = 4;
    };
  }
  {
    TinyModel& m = add("granite-no-positions", "granite");
    m.adjust = [](Hyperparameters& h) {
      h.logit_scale = 8.0f;
      h.rope_finetuned = false;
    };
  }
  {
    TinyModel& m = add("gemma-embedding-dense", "gemma-embedding");
    m.with = {Role::dense_2, Role::dense_3};
    m.adjust = [](Hyperparameters& h) { h.dense_2_feat_out = h.dense_3_feat_in = 160; };
  }
  return cases;
}

// What a family's file must have beyond its rows' defaults.
inline TinyModel tiny_of(const ArchSpec& spec) {
  TinyModel m;
  if (spec.name == "phi2") {
    m.adjust = [](Hyperparameters& h) {
      small_heads(h);
      h.rope_dimension_count = 8;
    };
  } else if (spec.name == "phi3") {
    m.with = {Role::attn_qkv};
    m.without = {Role::attn_q, Role::attn_k, Role::attn_v};
    m.adjust = small_heads;
    m.tokens = phi3_tokens();
  } else if (spec.name == "stablelm") {
    m.with = {Role::ffn_norm, Role::ffn_norm_bias};
    m.adjust = [](Hyperparameters& h) {
      small_heads(h);
      h.rope_dimension_count = 4;
    };
  } else if (spec.name == "granite") {
    m.adjust = [](Hyperparameters& h) {
      h.embedding_scale = 12.0f;
      h.residual_scale = 0.22f;
      h.attention_scale = 0.0625f;
      h.logit_scale = 8.0f;
    };
  } else if (spec.name == "qwen2") {
    m.adjust = small_heads;
  } else if (spec.name == "gemma" || spec.name == "gemma2") {
    m.tied = true;
  } else if (spec.name == "bert" || spec.name == "nomic-bert") {
    m.with = {Role::token_types};
    m.adjust = [](Hyperparameters& h) {
      h.head_count_kv = h.head_count;
      small_heads(h);
    };
  }
  if (spec.name == "bert") {
    m.with.insert(m.with.end(), {Role::attn_q_bias, Role::attn_k_bias, Role::attn_v_bias, Role::attn_output_bias,
                                 Role::ffn_up_bias, Role::ffn_down_bias});
  }
  return m;
}

// One for each family.
inline std::vector<TinyCase> family_cases(Head head) {
  std::vector<TinyCase> cases;
  for (const ArchSpec* spec : all_architectures()) {
    if (spec->head == head) cases.push_back({std::string(spec->name), spec, tiny_of(*spec)});
  }
  return cases;
}

inline std::vector<TinyCase> tiny_cases() {
  std::vector<TinyCase> cases = family_cases(Head::logits);
  for (TinyCase& encoder : family_cases(Head::none)) cases.push_back(std::move(encoder));
  for (TinyCase& special : special_cases()) cases.push_back(std::move(special));
  return cases;
}

// Of those that make logits, or vectors.
inline std::vector<TinyCase> tiny_cases(Head head) {
  std::vector<TinyCase> cases = tiny_cases();
  std::erase_if(cases, [&](const TinyCase& c) { return c.spec->head != head; });
  return cases;
}

inline std::string case_name(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace thimble::test
