#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>

#include "app/bench_report.h"
#include "app/help_text.h"
#include "app/interrupt.h"
#include "app/model_summary.h"
#include "app/option_values.h"
#include "app/progress_bar.h"
#include "app/runtime.h"
#include "app/verbs.h"

namespace thimble {
namespace {

constexpr int64_t kMostTokens = 1 << 20;

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

class Bench : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    model_.declare_adapters(options);
    model_.declare_pre_tokenizer(options);
    options.heading("Tests");
    const auto counts = [&](std::string_view names, std::vector<size_t>& target, std::string help) {
      const auto set = [&target](const std::string& list) { target = parse_counts(list, kMostTokens); };
      options.value(names, "N[,N...]", set, std::move(help)).by_default(fmt::format("{}", fmt::join(target, ",")));
    };
    counts("-p,--n-prompt", prompts_, "Prompt lengths to time, 0 for none");
    counts("-n,--n-gen", generated_, "Numbers of generated tokens to time, 0 for none");
    counts("-d,--n-depth", depths_, "Tokens in the context before, each with every test");
    options
        .value(
            "-pg,--prompt-gen", "P,G", [this](const std::string& pair) { add_pair(pair); },
            "Time a prompt of P tokens and G generated ones together")
        .is_repeatable = true;
    options.integer("-r,--repetitions", repetitions_, 1, 1000, "Timed runs of each test");
    options.choice("-o,--output", "FORMAT", format_, {"md", "json", "jsonl", "csv"}, "Form of the report");
    options.heading("Context and memory");
    context_.declare_cache(options);
    context_.declare_machine(options);
    context_.declare_memory_limit(options);
  }

  ExitCode run(Console& console) override {
    const std::vector<SpeedTest> tests = all_tests();
    if (tests.empty()) fail(ExitCode::usage, "bench: nothing to time: -p, -n and -pg are all empty");
    Preflight preflight(model_, context_);
    const size_t batch = static_cast<size_t>(context_.batch_size);
    preflight.session = session_for(preflight.session, batch, *std::ranges::max_element(tests, {}, tokens_of));
    const ModelSummary summary = summarise(preflight.gguf());
    Runtime runtime(std::move(preflight), model_, context_);
    ProgressBar progress(console, "timing", "tests");
    std::vector<BenchRow> rows;
    for (const SpeedTest& test : tests) {
      progress.update(rows.size(), tests.size());
      const SessionOptions options = session_for(runtime.session_options(), batch, test);
      const std::unique_ptr<Session> session = runtime.make_session(options);
      std::string started = now_utc();
      SpeedResult result = measure_speed(*session, test, static_cast<size_t>(repetitions_), interrupted);
      rows.push_back({std::move(result), std::move(started), setup(runtime, summary, options)});
    }
    progress.finish();
    stop_if_interrupted();
    console.print(bench_report(rows, format_));
    return ExitCode::done;
  }

 private:
  static size_t tokens_of(const SpeedTest& test) { return test.depth + test.prompt_tokens + test.generated_tokens; }

  void add_pair(const std::string& text) {
    const std::vector<size_t> pair = parse_counts(text, kMostTokens);
    if (pair.size() != 2) fail(ExitCode::usage, "expected two numbers such as 512,128, found '{}'", printable(text));
    pairs_.push_back({pair[0], pair[1], 0});
  }

  // As llama-bench: each prompt and each generation on its own, then the pairs; all at every depth.
  std::vector<SpeedTest> all_tests() const {
    std::vector<SpeedTest> tests;
    for (const size_t depth : depths_) {
      for (const size_t n : prompts_) tests.push_back({n, 0, depth});
      for (const size_t n : generated_) tests.push_back({0, n, depth});
      for (const SpeedTest& pair : pairs_) tests.push_back({pair.prompt_tokens, pair.generated_tokens, depth});
    }
    std::erase_if(tests, [](const SpeedTest& test) { return test.prompt_tokens + test.generated_tokens == 0; });
    return tests;
  }

  // A session with just the context that the test needs.
  static SessionOptions session_for(SessionOptions options, size_t batch, const SpeedTest& test) {
    options.kv.context_length = tokens_of(test);
    options.kv.batch_tokens = std::min(batch, options.kv.context_length);
    return options;
  }

  nlohmann::ordered_json setup(const Runtime& runtime, const ModelSummary& summary,
                               const SessionOptions& options) const {
    return {{"build_commit", build_commit()},
            {"backends", "CPU"},
            {"isa", runtime.kernels().isa},
            {"model_filename", runtime.language_model().gguf().path()},
            {"model_type", summary.architecture + " " + parameter_text(summary.parameters) + " " + summary.file_type},
            {"model_size", summary.tensor_bytes},
            {"model_n_params", summary.parameters},
            {"n_batch", context_.batch_size},
            {"n_ubatch", options.kv.batch_tokens},
            {"n_threads", runtime.threads()},
            {"type_k", cache_type_name(options.kv.k_type)},
            {"type_v", cache_type_name(options.kv.v_type)},
            {"lora", lora_names()}};
  }

  std::vector<std::string> lora_names() const {
    std::vector<std::string> names;
    for (const AdapterOption& adapter : model_.adapters)
      names.push_back(fmt::format("{}:{}", adapter.path, adapter.scale));
    return names;
  }

  ModelOptions model_;
  std::vector<size_t> prompts_ = {512};
  std::vector<size_t> generated_ = {128};
  std::vector<size_t> depths_ = {0};
  std::vector<SpeedTest> pairs_;
  int64_t repetitions_ = 5;
  std::string format_ = "md";
  ContextOptions context_;
};

constexpr Example kExamples[] = {
    {"bench -m model.gguf", "Prompt and generation speed, as a table"},
    {"bench -m model.gguf -p 512 -n 64 -d 0,1024 -r 3 -o json", "Also behind 1024 tokens of context, for a program"},
};

}  // namespace

extern const Verb kBench;
const Verb kBench{"bench", "Measure speed as llama-bench does; tokenization and sampling are left out", kExamples,
                  make_command<Bench>};

}  // namespace thimble
