// Options that several verbs share, with llama.cpp's names and defaults where it has the same thing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/option_table.h"
#include "engine/generate.h"
#include "engine/sampler.h"
#include "engine/session_defaults.h"
#include "measure/kept_rows.h"

namespace thimble {

struct OutputOptions {
  bool json = false;
  bool verbose = false;
  void declare(OptionTable& options);
  void declare_verbose(OptionTable& options);
};

struct AdapterOption {
  std::string path;
  double scale = 1;
};

// Which model, with which adapters, and how its file is read.
struct ModelOptions {
  std::string model;
  std::string pre_tokenizer;
  bool check_tensors = false;
  std::vector<AdapterOption> adapters;
  void declare(OptionTable& options);
  void declare_model(OptionTable& options, bool is_required = true);  // -m alone
  OptionSpec& declare_adapters(OptionTable& options);                 // --lora
  void declare_pre_tokenizer(OptionTable& options);
};

// What a session takes: the context, its cache, and the memory for all of it.
struct ContextOptions {
  std::optional<int64_t> ctx_size;  // 0: as trained
  std::optional<int64_t> threads;
  int64_t batch_size = 512;
  std::string cache_type_k;  // empty: q8_0 where the head size allows, else f16
  std::string cache_type_v;
  std::string kv_rotate = "auto";
  std::string isa = "auto";
  std::optional<uint64_t> memory_limit;
  std::string memory_limit_name = "--memory-limit";
  void declare(OptionTable& options);
  void declare_context(OptionTable& options);  // -c
  void declare_cache(OptionTable& options);    // -b, -ctk, -ctv, --kv-rotate
  void declare_types(OptionTable& options);    // the same without -b
  void declare_machine(OptionTable& options);  // -t, --isa
  OptionSpec& declare_memory_limit(OptionTable& options, std::string_view names = "--memory-limit");
};

struct SamplingOptions {
  double temperature = 0.8;
  int64_t top_k = 40;
  double top_p = 0.95;
  double min_p = 0.05;
  double repeat_penalty = 1.0;
  int64_t repeat_last_n = 64;
  int64_t seed = -1;
  void declare(OptionTable& options);
  SamplerOptions resolve() const;  // draws a seed where none is given
};

// The file that an evaluation keeps what it has measured in, and goes on from.
struct ResumeOption {
  std::optional<std::string> path;
  void declare(OptionTable& options);
  // `source`: a hash of what is measured and how.
  KeptRows open(uint64_t source) const { return path ? KeptRows(*path, source) : KeptRows(); }
};

// When an answer ends.
struct AnswerOptions {
  int64_t predict = -1;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  bool special = false;
  std::string context_full = "stop";
  std::string spec_type = "ngram-simple";
  int64_t draft_max = kDefaultDraftTokens;
  void declare(OptionTable& options);
  GenerateOptions resolve() const;
};

// What the model is to read: -p, -f, and where a verb wants them --ids.
struct PromptOptions {
  std::optional<std::string> prompt;
  std::optional<std::string> file;
  std::optional<std::vector<TokenId>> ids;
  bool no_special = false;
  bool parse_special = false;
  void declare(OptionTable& options);
  void declare_raw(OptionTable& options);  // the same, --ids, and how the text becomes tokens
  bool is_given() const { return prompt || file || ids; }
  // Throws Error(usage) where nothing is given and stdin is a terminal.
  void require(std::string_view verb) const;
  // The text given, or else what comes in on stdin; empty where ids are given.
  std::string text() const;
  std::vector<TokenId> tokens(const Tokenizer& tokenizer, const std::string& from_text) const;
};

}  // namespace thimble
