#include "tune/training_plan.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace thimble {
namespace {

constexpr size_t kShortest = 32;  // tokens of an example that are worth training on

double megabytes(uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

// One option that takes less the smaller it is.
struct Lever {
  std::string_view flag;
  size_t least;
  size_t (*get)(const TrainerOptions&);
  void (*set)(TrainerOptions&, size_t);
};
constexpr Lever kLevers[] = {
    {"--batch-size", 1, [](const TrainerOptions& options) { return options.batch_size; },
     [](TrainerOptions& options, size_t value) { options.batch_size = value; }},
    {"--max-length", kShortest, [](const TrainerOptions& options) { return options.max_length; },
     [](TrainerOptions& options, size_t value) { options.max_length = value; }},
    {"--rank", 1, [](const TrainerOptions& options) { return size_t{options.lora.rank}; },
     [](TrainerOptions& options, size_t value) { options.lora.rank = static_cast<uint32_t>(value); }},
};

}  // namespace

void require_trainable(const Model& model) {
  if (model.has_head() && model.hyper().causal_attention) return;
  fail(ExitCode::usage, "tune: {} is a {}, which makes no text; only decoders can be tuned", model.gguf().path(),
       model.spec().name);
}

TrainingPlan plan_training(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options,
                           unsigned workers) {
  TrainingPlan plan;
  plan.weights = loaded.weights;
  plan.tokenizer = loaded.tokenizer;
  plan.program = loaded.program;
  plan.adapter = Lora::bytes(model, options.lora);
  plan.optimizer = Optimizer::bytes(plan.adapter / 2 / sizeof(float), options.optimizer);
  plan.activations = Trainer::bytes(model, options, options.max_length, workers) - plan.adapter - plan.optimizer;
  return plan;
}

std::vector<Remedy> find_training_remedies(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options,
                                           unsigned workers, uint64_t limit) {
  std::vector<Remedy> remedies;
  const auto total = [&](const TrainerOptions& candidate) {
    return plan_training(model, loaded, candidate, workers).total();
  };
  const auto flag = [](const Lever& lever, const TrainerOptions& candidate) {
    return fmt::format("{} {}", lever.flag, lever.get(candidate));
  };
  // Halves it until all fits or it is least.
  const auto lower = [&](const Lever& lever, TrainerOptions& candidate) {
    while (lever.get(candidate) > lever.least && total(candidate) > limit) {
      lever.set(candidate, std::max(lever.get(candidate) / 2, lever.least));
    }
    return total(candidate) <= limit;
  };
  TrainerOptions all = options;
  std::string flags;
  if (!options.optimizer.states_in_8_bits) {
    all.optimizer.states_in_8_bits = true;
    flags = "--optimizer adamw8";
    if (total(all) <= limit) remedies.push_back({flags, total(all)});
  }
  for (const Lever& lever : kLevers) {
    TrainerOptions alone = options;
    if (lower(lever, alone)) remedies.push_back({flag(lever, alone), total(alone)});
  }
  if (!remedies.empty()) return remedies;
  for (const Lever& lever : kLevers) {
    const size_t before = lever.get(all);
    const bool fits = lower(lever, all);
    if (lever.get(all) != before) flags += (flags.empty() ? "" : " ") + flag(lever, all);
    if (fits) return {{flags, total(all)}};
  }
  return {};
}

void require_training_fit(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options, unsigned workers,
                          uint64_t limit, std::string_view limit_source) {
  const TrainingPlan plan = plan_training(model, loaded, options, workers);
  if (plan.total() <= limit) return;
  std::string way_out;
  for (const Remedy& remedy : find_training_remedies(model, loaded, options, workers, limit)) {
    way_out += fmt::format("{}{} ({:.0f} MB)", way_out.empty() ? "it fits with " : " or ", remedy.change,
                           megabytes(remedy.total));
  }
  if (way_out.empty()) way_out = "nothing makes it fit: use a smaller model or a smaller quantization of it";
  fail(ExitCode::does_not_fit,
       "{}: tuning takes {:.0f} MB ({:.0f} MB of weights, {:.0f} MB of adapter and optimiser, {:.0f} MB of "
       "activations), "
       "the limit is {:.0f} MB ({}); {}",
       model.gguf().path(), megabytes(plan.total()), megabytes(plan.weights), megabytes(plan.adapter + plan.optimizer),
       megabytes(plan.activations), megabytes(limit), limit_source, way_out);
}

}  // namespace thimble
