#include <cmath>

#include "app/model_summary.h"
#include "app/preflight.h"
#include "app/verbs.h"

namespace thimble {
namespace {

constexpr double kBarWidth = 32;

class Plan : public Command {
 public:
  void declare(OptionTable& options) override {
    model_.declare_model(options);
    model_.declare_adapters(options);
    options.heading("Context and memory");
    context_.declare_context(options);
    context_.declare_cache(options);
    context_.declare_machine(options);
    context_.declare_memory_limit(options, "--budget,--memory-limit");
    options.heading("Output");
    options.flag("--json", json_, "Print the result as JSON");
  }

  ExitCode run(Console& console) override {
    const Preflight preflight(model_, context_);
    const MemoryPlan plan = preflight.plan();
    const bool fits = plan.total() <= preflight.limit().bytes;
    const std::vector<Remedy> remedies = fits ? std::vector<Remedy>() : preflight.remedies();
    if (json_) {
      print_report(console, preflight, plan, remedies);
    } else {
      print_table(console, preflight, plan, remedies);
    }
    return fits ? ExitCode::done : ExitCode::does_not_fit;
  }

 private:
  static void print_report(Console& console, const Preflight& preflight, const MemoryPlan& plan,
                           const std::vector<Remedy>& remedies) {
    nlohmann::ordered_json json = {{"fits", plan.total() <= preflight.limit().bytes},
                                   {"limit_bytes", preflight.limit().bytes},
                                   {"limit_source", preflight.limit().source},
                                   {"total_bytes", plan.total()}};
    for (const auto& [name, bytes] : plan.parts()) json["parts"][std::string(name)] = bytes;
    json["remedies"] = nlohmann::ordered_json::array();
    for (const Remedy& remedy : remedies)
      json["remedies"].push_back({{"change", remedy.change}, {"total_bytes", remedy.total}});
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

  static void print_table(Console& console, const Preflight& preflight, const MemoryPlan& plan,
                          const std::vector<Remedy>& remedies) {
    const KvOptions& kv = preflight.session.kv;
    const MemoryLimit& limit = preflight.limit();
    const ModelSummary summary = summarise(preflight.gguf());
    console.print(fmt::format("{}: {}, {} parameters, {}\n", printable(summary.name), printable(summary.architecture),
                              parameter_text(summary.parameters), summary.file_type));
    console.print(fmt::format("context {} tokens, batch {}, keys {}, values {}, {} threads\n", kv.context_length,
                              kv.batch_tokens, cache_type_name(kv.k_type), cache_type_name(kv.v_type),
                              preflight.threads()));
    for (const OpenAdapter& adapter : preflight.adapters()) {
      console.print(fmt::format("adapter {}, scale {}, {}\n", printable(adapter.gguf->path()), adapter.scale,
                                megabyte_text(adapter.gguf->file_bytes())));
    }
    console.print("\n");
    for (const auto& [name, bytes] : plan.parts()) {
      const double share = static_cast<double>(bytes) / static_cast<double>(plan.total());
      const auto length = static_cast<size_t>(std::lround(share * kBarWidth));
      console.print(fmt::format("{:<12} {:>12}  {}\n", name, megabyte_text(bytes), std::string(length, '#')));
    }
    console.print(fmt::format("{:<12} {:>12}\n", "total", megabyte_text(plan.total())));
    console.print(fmt::format("{:<12} {:>12}  {}\n\n", "limit", megabyte_text(limit.bytes), limit.source));
    if (plan.total() <= limit.bytes) {
      console.print(fmt::format("It fits, with {} to spare.\n", megabyte_text(limit.bytes - plan.total())));
      return;
    }
    console.print(fmt::format("It does not fit: {} too much.\n", megabyte_text(plan.total() - limit.bytes)));
    if (remedies.empty())
      console.print("No context makes it fit: use a smaller model, or a smaller quantization of this one.\n");
    for (const Remedy& remedy : remedies) {
      console.print(fmt::format("It fits with {} ({}).\n", remedy.change, megabyte_text(remedy.total)));
    }
  }

  ModelOptions model_;
  ContextOptions context_;
  bool json_ = false;
};

constexpr Example kExamples[] = {
    {"plan -m model.gguf --budget 2GB", "Whether a model runs in 2 GB, and what takes how much"},
    {"plan -m model.gguf -c 8192 -ctk q8_0 -ctv q4_0 --json", "The same for a longer context, for a program"},
};

}  // namespace

extern const Verb kPlan;
const Verb kPlan{"plan", "Show the memory that a model will take, before it is loaded", kExamples, make_command<Plan>};

}  // namespace thimble
