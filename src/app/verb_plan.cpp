#include <array>
#include <cmath>
#include <optional>

#include "app/model_summary.h"
#include "app/preflight.h"
#include "app/training_size_options.h"
#include "app/verbs.h"
#include "tune/training_plan.h"

namespace thimble {
namespace {

constexpr double kBarWidth = 32;

constexpr int64_t kMostBatch = 16 << 10;

// What will be taken and whether there is room for it, of answering or of training.
struct Verdict {
  uint64_t total;
  std::array<std::pair<std::string_view, uint64_t>, 6> parts;
  std::vector<Remedy> remedies;
  const MemoryLimit& limit;

  bool fits() const { return total <= limit.bytes; }
};

nlohmann::ordered_json to_json(const Verdict& verdict) {
  nlohmann::ordered_json json = {{"fits", verdict.fits()},
                                 {"limit_bytes", verdict.limit.bytes},
                                 {"limit_source", verdict.limit.source},
                                 {"total_bytes", verdict.total}};
  for (const auto& [name, bytes] : verdict.parts) json["parts"][std::string(name)] = bytes;
  json["remedies"] = nlohmann::ordered_json::array();
  for (const Remedy& remedy : verdict.remedies)
    json["remedies"].push_back({{"change", remedy.change}, {"total_bytes", remedy.total}});
  return json;
}

void print_verdict(Console& console, const Verdict& verdict, std::string_view without_remedy) {
  for (const auto& [name, bytes] : verdict.parts) {
    const double share = static_cast<double>(bytes) / static_cast<double>(verdict.total);
    const auto length = static_cast<size_t>(std::lround(share * kBarWidth));
    console.print(fmt::format("{:<12} {:>12}  {}\n", name, megabyte_text(bytes), std::string(length, '#')));
  }
  const MemoryLimit& limit = verdict.limit;
  console.print(fmt::format("{:<12} {:>12}\n", "total", megabyte_text(verdict.total)));
  console.print(fmt::format("{:<12} {:>12}  {}\n\n", "limit", megabyte_text(limit.bytes), limit.source));
  if (verdict.fits()) {
    console.print(fmt::format("It fits, with {} to spare.\n", megabyte_text(limit.bytes - verdict.total)));
    return;
  }
  console.print(fmt::format("It does not fit: {} too much.\n", megabyte_text(verdict.total - limit.bytes)));
  if (verdict.remedies.empty()) console.print(fmt::format("{}\n", without_remedy));
  for (const Remedy& remedy : verdict.remedies) {
    console.print(fmt::format("It fits with {} ({}).\n", remedy.change, megabyte_text(remedy.total)));
  }
}

class Plan : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    model_.declare_adapters(options);
    options.heading("Context and memory");
    context_.declare_context(options);
    options
        .integer("-b,--batch-size", batch_size_, 1, kMostBatch,
                 "Tokens of a prompt that are run at once; with --train examples that go through the model together")
        .by_default("512, with --train 1");
    context_.declare_types(options);
    context_.declare_machine(options);
    context_.declare_memory_limit(options, "--budget,--memory-limit");
    options.heading("Training");
    options.flag("--train", train_, "Plan a run of tune");
    size_.declare_length(options);
    size_.declare_factors(options);
    size_.declare_optimizer(options);
    size_.declare_precision(options);
    options.heading("Output");
    options.flag("--json", json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    if (train_ && !model_.adapters.empty()) fail(ExitCode::usage, "plan --train: tune takes no --lora");
    if (batch_size_) (train_ ? size_.batch_size : context_.batch_size) = *batch_size_;
    const Preflight preflight(model_, context_);
    return train_ ? plan_run(console, preflight) : plan_session(console, preflight);
  }

 private:
  ExitCode plan_session(Console& console, const Preflight& preflight) const {
    const MemoryPlan plan = preflight.plan();
    Verdict verdict{plan.total(), plan.parts(), {}, preflight.limit()};
    if (!verdict.fits()) verdict.remedies = preflight.remedies();
    if (json_) {
      print_report(console, preflight, verdict);
    } else {
      print_head(console, preflight);
      print_verdict(console, verdict,
                    "No context makes it fit: use a smaller model, or a smaller quantization of this one.");
    }
    return verdict.fits() ? ExitCode::done : ExitCode::does_not_fit;
  }

  ExitCode plan_run(Console& console, const Preflight& preflight) const {
    const Model& model = preflight.model();
    require_trainable(model);
    TrainerOptions options;
    size_.apply(options);
    const MemoryPlan loaded = preflight.plan();
    const TrainingPlan plan = plan_training(model, loaded, options, preflight.threads());
    Verdict verdict{plan.total(), plan.parts(), {}, preflight.limit()};
    if (!verdict.fits()) {
      verdict.remedies = find_training_remedies(model, loaded, options, preflight.threads(), preflight.limit().bytes);
    }
    const uint64_t parameters = plan.adapter / 2 / sizeof(float);
    if (json_) {
      nlohmann::ordered_json json = to_json(verdict);
      json["model"] = preflight.gguf().path();
      json["max_length"] = size_.max_length;
      json["batch_size"] = size_.batch_size;
      json["rank"] = size_.rank;
      json["targets"] = size_.targets;
      json["optimizer"] = size_.optimizer;
      json["parameters"] = parameters;
      json["threads"] = preflight.threads();
      console.print_json(json);
    } else {
      print_model(console, preflight);
      console.print(
          fmt::format("tuning {} parameters (rank {} on {}), {} of at most {} tokens at once, {}, {} threads\n\n",
                      parameter_text(parameters), size_.rank, size_.targets,
                      size_.batch_size == 1 ? "an example" : fmt::format("{} examples", size_.batch_size),
                      size_.max_length, size_.optimizer, preflight.threads()));
      print_verdict(console, verdict,
                    "Nothing makes it fit: use a smaller model, or a smaller quantization of this one.");
    }
    return verdict.fits() ? ExitCode::done : ExitCode::does_not_fit;
  }

  static void print_report(Console& console, const Preflight& preflight, const Verdict& verdict) {
    nlohmann::ordered_json json = to_json(verdict);
    const KvOptions& kv = preflight.session.kv;
    json["model"] = preflight.gguf().path();
    json["adapters"] = nlohmann::ordered_json::array();
    for (const OpenAdapter& adapter : preflight.adapters()) {
      json["adapters"].push_back({{"file", adapter.gguf->path()}, {"scale", adapter.scale}});
    }
    json["context_length"] = kv.context_length;
    json["batch_size"] = kv.batch_tokens;
    json["type_k"] = cache_type_name(kv.k_type);
    json["type_v"] = cache_type_name(kv.v_type);
    json["threads"] = preflight.threads();
    console.print_json(json);
  }

  static void print_model(Console& console, const Preflight& preflight) {
    const ModelSummary summary = summarise(preflight.gguf());
    console.print(fmt::format("{}: {}, {} parameters, {}\n", printable(summary.name), printable(summary.architecture),
                              parameter_text(summary.parameters), summary.file_type));
  }

  static void print_head(Console& console, const Preflight& preflight) {
    const KvOptions& kv = preflight.session.kv;
    print_model(console, preflight);
    console.print(fmt::format("context {} tokens, batch {}, keys {}, values {}, {} threads\n", kv.context_length,
                              kv.batch_tokens, cache_type_name(kv.k_type), cache_type_name(kv.v_type),
                              preflight.threads()));
    for (const OpenAdapter& adapter : preflight.adapters()) {
      console.print(fmt::format("adapter {}, scale {}, {}\n", printable(adapter.gguf->path()), adapter.scale,
                                megabyte_text(adapter.gguf->file_bytes())));
    }
    console.print("\n");
  }

  ModelOptions model_;
  ContextOptions context_;
  TrainingSizeOptions size_;
  std::optional<int64_t> batch_size_;
  bool train_ = false;
  bool json_ = false;
};

constexpr Example kExamples[] = {
    {"plan -m model.gguf --budget 2GB", "Whether a model runs in 2 GB, and what takes how much"},
    {"plan -m model.gguf -c 8192 -ctk q8_0 -ctv q4_0 --json", "The same for a longer context, for a program"},
    {"plan -m model.gguf --train --max-length 1024 --optimizer adamw8", "What tune will take"},
};

}  // namespace

extern const Verb kPlan;
const Verb kPlan{"plan", "Show the memory that a model will take, to answer or to be tuned, before it is loaded",
                 kExamples, make_command<Plan>};

}  // namespace thimble
