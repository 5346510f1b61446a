#include "app/option_groups.h"

#include <filesystem>
#include <limits>
#include <random>

#include "app/option_values.h"
#include "app/text_input.h"
#include "base/error.h"

namespace thimble {
namespace {

constexpr int64_t kMostContext = 16 << 20;
constexpr int64_t kMostBatch = 16 << 10;
constexpr int64_t kMostThreads = 512;
constexpr int64_t kMostDraftTokens = 63;
constexpr int64_t kMostTokens = std::numeric_limits<int32_t>::max();

constexpr double kMostScale = 1e4;

// A file whose name ends as a scale would is meant where it is there.
AdapterOption parse_adapter(const std::string& text) {
  std::error_code error;
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || std::filesystem::exists(text, error)) return {text, 1};
  return {text.substr(0, colon), parse_real(text.substr(colon + 1), -kMostScale, kMostScale)};
}

const std::vector<std::string> kCacheTypeNames = {"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_0"};

}  // namespace

void OutputOptions::declare(OptionTable& options) {
  options.heading("Output");
  options.flag("--json", json, "Print the result as JSON");
  declare_verbose(options);
}

void OutputOptions::declare_verbose(OptionTable& options) {
  options.flag("-v,--verbose", verbose, "Say on stderr what is done and how fast");
}

void ModelOptions::declare_model(OptionTable& options, bool is_required) {
  options.heading("Model");
  options.text("-m,--model", "MODEL", model, "GGUF file, or a model in the cache by its name or as hf:owner/repository")
      .path()
      .is_required = is_required;
}

OptionSpec& ModelOptions::declare_adapters(OptionTable& options) {
  OptionSpec& spec =
      options
          .value(
              "--lora,--lora-scaled", "FILE[:SCALE]",
              [this](const std::string& text) { adapters.push_back(parse_adapter(text)); },
              "LoRA adapter in GGUF form to run the model with, and how much of it; may be given several times")
          .path();
  spec.is_repeatable = true;
  return spec;
}

void ModelOptions::declare_pre_tokenizer(OptionTable& options) {
  options.text("--pre-tokenizer", "NAME", pre_tokenizer,
               "Pre-tokenizer to use in place of the one that the file names");
}

void ModelOptions::declare(OptionTable& options) {
  declare_model(options);
  declare_adapters(options);
  declare_pre_tokenizer(options);
  options.flag("--check-tensors", check_tensors, "Read every tensor first and refuse values that are not finite");
}

void ContextOptions::declare(OptionTable& options) {
  options.heading("Context and memory");
  declare_context(options);
  declare_cache(options);
  declare_machine(options);
  declare_memory_limit(options);
}

void ContextOptions::declare_context(OptionTable& options) {
  options.integer("-c,--ctx-size", ctx_size, 0, kMostContext, "Tokens that the context holds, 0 for as many as trained")
      .by_default(ctx_size ? fmt::to_string(*ctx_size) : "2048, or the trained length where that is less");
}

void ContextOptions::declare_cache(OptionTable& options) {
  options.integer("-b,--batch-size", batch_size, 1, kMostBatch, "Tokens of a prompt that are run at once");
  declare_types(options);
}

void ContextOptions::declare_types(OptionTable& options) {
  options.choice("-ctk,--cache-type-k", "TYPE", cache_type_k, kCacheTypeNames, "Number format of the cached keys")
      .by_default(cache_type_k.empty() ? "q8_0, or f16 where the head size does not allow it" : cache_type_k);
  options.choice("-ctv,--cache-type-v", "TYPE", cache_type_v, kCacheTypeNames, "Number format of the cached values")
      .by_default(cache_type_v.empty() ? "q8_0, or f16 where the head size does not allow it" : cache_type_v);
  options.choice("--kv-rotate", "WHEN", kv_rotate, {"auto", "on", "off"},
                 "Rotate keys and values before they are quantized, which spreads outliers");
}

void ContextOptions::declare_machine(OptionTable& options) {
  options.integer("-t,--threads", threads, 1, kMostThreads, "Threads")
      .by_default("the processors this process may use");
  options.text("--isa", "ISA", isa, "Instruction set: scalar, avx2, avx512_vnni; auto takes the best this machine has");
}

OptionSpec& ContextOptions::declare_memory_limit(OptionTable& options, std::string_view names) {
  memory_limit_name = names.substr(0, names.find(','));
  return options
      .size(names, memory_limit,
            "Memory that may be used in all, such as 2GB, 1500MB or 1.5GiB; what needs more is refused")
      .by_default("what the machine and its control group have free");
}

void SamplingOptions::declare(OptionTable& options) {
  options.heading("Sampling");
  options.real("--temp,--temperature", temperature, 0, 100, "Temperature; 0 always takes the most probable token");
  options.integer("--top-k", top_k, 0, kMostTokens, "Choose among the N most probable tokens, 0 for all");
  options.real("--top-p", top_p, 0, 1, "Choose among the most probable tokens that add up to this, 1 for all");
  options.real("--min-p", min_p, 0, 1, "Leave out tokens less probable than this share of the best one's, 0 for none");
  options.real("--repeat-penalty", repeat_penalty, 0.01, 100, "Penalty for tokens that were there lately, 1 for none");
  options.integer("--repeat-last-n", repeat_last_n, -1, kMostTokens,
                  "How many tokens back that is, -1 for the whole context");
  options.integer("-s,--seed", seed, -1, std::numeric_limits<int64_t>::max(),
                  "Seed of the choice: the same seed gives the same text; -1 draws one");
}

SamplerOptions SamplingOptions::resolve() const {
  SamplerOptions sampler;
  sampler.temperature = static_cast<float>(temperature);
  sampler.top_k = static_cast<uint32_t>(top_k);
  sampler.top_p = static_cast<float>(top_p);
  sampler.min_p = static_cast<float>(min_p);
  sampler.repeat_penalty = static_cast<float>(repeat_penalty);
  sampler.repeat_last_n =
      repeat_last_n < 0 ? std::numeric_limits<uint32_t>::max() : static_cast<uint32_t>(repeat_last_n);
  sampler.seed = seed < 0 ? std::random_device{}() : static_cast<uint64_t>(seed);
  return sampler;
}

void AnswerOptions::declare(OptionTable& options) {
  options.heading("Answer");
  options.integer("-n,--predict", predict, -1, kMostTokens,
                  "Tokens of the answer at most, -1 for as many as the context holds");
  options.texts("--stop,-r,--reverse-prompt", "TEXT", stop,
                "End the answer before this text; may be given several times");
  options.flag("--ignore-eos", ignore_eos, "Go on after the model's end-of-text token");
  options.flag("--special", special, "Show control tokens as text");
  options.choice("--context-full", "WHAT", context_full, {"stop", "shift"},
                 "When the context is full: stop, or drop the older half of it and go on");
  options.choice(
      "--spec-type", "TYPE", spec_type, {"ngram-simple", "none"},
      "Guess several tokens from what stood in the context before and run them at once, where that is faster; the "
      "answer is the same");
  options.integer("--draft-max,--draft,--draft-n", draft_max, 0, kMostDraftTokens, "Tokens guessed at once, at most");
}

GenerateOptions AnswerOptions::resolve() const {
  GenerateOptions generate;
  if (predict >= 0) generate.max_tokens = static_cast<size_t>(predict);
  for (const std::string& text : stop) {
    if (text.empty()) fail(ExitCode::usage, "--stop: the text is empty; it would end every answer at once");
  }
  generate.stop = stop;
  generate.ignore_end_of_turn = ignore_eos;
  generate.context_full = context_full == "shift" ? ContextFull::shift : ContextFull::stop;
  generate.render_special = special;
  generate.draft_tokens = spec_type == "none" ? 0 : static_cast<size_t>(draft_max);
  return generate;
}

void ResumeOption::declare(OptionTable& options) {
  options
      .text("--resume", "FILE", path,
            "Keep what is measured in FILE until the result is there; the same command goes on from it after a break")
      .only_one_of("kept")
      .path();
}

void PromptOptions::declare(OptionTable& options) {
  options.heading("Prompt");
  options.text("-p,--prompt", "TEXT", prompt, "The prompt").only_one_of("prompt");
  options.text("-f,--file", "FILE", file, "File with the prompt, - for standard input").only_one_of("prompt").path();
}

void PromptOptions::declare_raw(OptionTable& options) {
  declare(options);
  options
      .value(
          "--ids", "IDS", [this](const std::string& list) { ids = parse_token_ids(list); },
          "The prompt as token ids, separated by commas")
      .only_one_of("prompt");
  options.flag("--no-special", no_special, "Do not add the tokens that the model begins a text with");
  options.flag("--parse-special", parse_special, "Read control tokens that the text spells out as such");
}

void PromptOptions::require(std::string_view verb) const {
  if (is_given() || !input_is_terminal()) return;
  fail(ExitCode::usage, "{}: a prompt is required: -p TEXT, -f FILE, --ids IDS, or text on standard input", verb);
}

std::string PromptOptions::text() const {
  if (ids) return {};
  if (prompt) return *prompt;
  return without_last_newline(read_text(file.value_or("-")));
}

std::vector<TokenId> PromptOptions::tokens(const Tokenizer& tokenizer, const std::string& from_text) const {
  if (ids) return *ids;
  return tokenizer.encode(from_text, {.add_special = !no_special, .parse_special = parse_special});
}

}  // namespace thimble
