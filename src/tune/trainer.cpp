#include "tune/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "format/safetensors.h"
#include "tune/random.h"

namespace thimble {
namespace {

constexpr size_t kSequences = 16;  // of a pass at most

size_t longest_of(std::span<const TrainingExample> examples) {
  size_t longest = 0;
  for (const TrainingExample& example : examples) longest = std::max(longest, example.tokens.size());
  return longest;
}

TrainingOptions space_options(const TrainerOptions& options, size_t longest, unsigned workers) {
  TrainingOptions training;
  training.batch_tokens = longest * options.batch_size;
  training.sequences = kSequences;
  training.workers = workers;
  training.bfloat = options.bfloat;
  training.context_length = options.max_length;
  return training;
}

std::span<const std::byte> bytes_of(const uint64_t& value) { return std::as_bytes(std::span(&value, 1)); }

}  // namespace

uint64_t steps_of_epochs(const TrainerOptions& options, size_t examples, double epochs) {
  const size_t together = options.batch_size * options.grad_accum;
  const auto steps = static_cast<double>((examples + together - 1) / together);
  return static_cast<uint64_t>(std::ceil(steps * epochs));
}

Trainer::Trainer(Model& model, const Kernels& kernels, Team& team, const TrainerOptions& options,
                 std::vector<TrainingExample> training, std::vector<TrainingExample> validation)
    : options_(options),
      training_(std::move(training)),
      validation_(std::move(validation)),
      batch_tokens_(std::max(longest_of(training_), longest_of(validation_)) * options.batch_size),
      lora_(model, options.lora),
      optimizer_(lora_.parameters().size(), options.optimizer),
      space_(model, space_options(options, batch_tokens_ / options.batch_size, team.size())),
      pass_(model, kernels, team, space_) {}

uint64_t Trainer::bytes(const Model& model, const TrainerOptions& options, size_t longest, unsigned workers) {
  const uint64_t factors = Lora::bytes(model, options.lora);
  return factors + Optimizer::bytes(factors / 2 / sizeof(float), options.optimizer) +
         TrainingLayout(model, space_options(options, longest, workers)).total_bytes();
}

size_t Trainer::steps_per_epoch() const { return steps_of_epochs(options_, training_.size(), 1); }

std::vector<size_t> Trainer::examples_of_step(uint64_t step) const {
  const uint64_t epoch = step / steps_per_epoch();
  const size_t together = options_.batch_size * options_.grad_accum;
  const size_t begin = static_cast<size_t>(step % steps_per_epoch()) * together;
  const size_t count = std::min(together, training_.size() - begin);
  std::vector<size_t> chosen(count);
  if (options_.shuffle) {
    const std::vector<size_t> order = Random(options_.seed, epoch + 1).permutation(training_.size());
    std::copy_n(order.begin() + static_cast<std::ptrdiff_t>(begin), count, chosen.begin());
  } else {
    for (size_t i = 0; i < count; ++i) chosen[i] = begin + i;
  }
  return chosen;
}

void Trainer::for_each_pass(std::span<const TrainingExample* const> examples,
                            const std::function<void(const TrainingBatch&)>& f) const {
  std::vector<TokenId> tokens, targets;
  std::vector<Sequence> sequences;
  size_t slots = 0;
  const auto run = [&] {
    f({tokens, sequences, targets});
    tokens.clear(), targets.clear(), sequences.clear();
    slots = 0;
  };
  for (const TrainingExample* example : examples) {
    const size_t length = example->tokens.size();
    if (!sequences.empty() && (tokens.size() + length > batch_tokens_ || sequences.size() == kSequences)) run();
    sequences.push_back({tokens.size(), tokens.size() + length, 0, slots});
    slots += aligned_slots(length);
    tokens.insert(tokens.end(), example->tokens.begin(), example->tokens.end());
    targets.insert(targets.end(), example->targets.begin(), example->targets.end());
  }
  if (!sequences.empty()) run();
}

StepReport Trainer::step() {
  const auto start = std::chrono::steady_clock::now();
  std::vector<const TrainingExample*> examples;
  StepReport report;
  for (const size_t index : examples_of_step(done_)) {
    examples.push_back(&training_[index]);
    report.tokens += training_[index].tokens.size();
    report.scored += training_[index].scored();
  }
  std::ranges::fill(lora_.gradients(), 0.0f);
  double loss = 0;
  const float weight = 1.0f / static_cast<float>(report.scored);
  Random seeds(options_.seed, ~done_);
  for_each_pass(examples, [&](const TrainingBatch& batch) {
    lora_.drop(seeds.next());
    loss += pass_.add_gradients(batch, weight, lora_.gradients_by_tensor());
  });
  report.loss = loss / static_cast<double>(report.scored);
  report.learning_rate = learning_rate_at(options_.optimizer, done_);
  if (std::isfinite(loss)) report.gradient_norm = optimizer_.step(done_, lora_.parameters(), lora_.gradients());
  if (!std::isfinite(loss) || !std::isfinite(report.gradient_norm)) {
    std::vector<size_t> lines;
    for (const TrainingExample* example : examples) lines.push_back(example->line);
    fail(ExitCode::failed, "step {}: the {} is not finite, on the training data's line {}; try a lower --lr", done_ + 1,
         std::isfinite(loss) ? "gradient" : "loss", fmt::join(lines, ", "));
  }
  report.step = ++done_;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  validate(report);
  report.is_last = is_finished();
  return report;
}

double Trainer::validation_loss() {
  std::vector<const TrainingExample*> examples;
  size_t scored = 0;
  for (const TrainingExample& example : validation_) {
    examples.push_back(&example);
    scored += example.scored();
  }
  double loss = 0;
  lora_.drop_nothing();
  for_each_pass(examples, [&](const TrainingBatch& batch) { loss += pass_.loss(batch); });
  return loss / static_cast<double>(scored);
}

void Trainer::validate(StepReport& report) {
  const uint64_t every = options_.eval_every != 0 ? options_.eval_every : steps_per_epoch();
  if (validation_.empty() || (done_ % every != 0 && done_ != options_.optimizer.steps)) return;
  const double loss = validation_loss();
  if (!std::isfinite(loss)) {
    fail(ExitCode::failed, "step {}: the loss on the validation data is not finite; try a lower --lr", done_);
  }
  report.validation_loss = loss;
  report.is_best = loss < best_;
  if (report.is_best) best_ = loss;
  without_better_ = report.is_best ? 0 : without_better_ + 1;
  is_stopped_ = options_.patience != 0 && without_better_ >= options_.patience;
}

namespace {

constexpr std::string_view kFormat = "thimble training checkpoint 1";

}  // namespace

void Trainer::write_checkpoint(const std::string& path, const RunIdentity& identity) const {
  SafetensorsWriter writer(path);
  writer.set_metadata("format", kFormat);
  writer.set_metadata("model", identity.model);
  writer.set_metadata("data", identity.data);
  writer.set_metadata("options", identity.options);
  const std::span<const float> parameters = lora_.parameters();
  const std::span<const std::byte> states = optimizer_.states();
  uint64_t best = 0;
  std::memcpy(&best, &best_, sizeof best);
  const uint64_t progress[] = {done_, best, without_better_, is_stopped_ ? uint64_t{1} : uint64_t{0}};
  const uint64_t counts[] = {parameters.size(), states.size(), std::size(progress)};
  writer.add_tensor("progress", SafetensorsType::U64, std::span(counts + 2, 1));
  writer.add_tensor("parameters", SafetensorsType::F32, std::span(counts, 1));
  writer.add_tensor("states", SafetensorsType::U8, std::span(counts + 1, 1));
  for (const uint64_t& value : progress) writer.write_data(bytes_of(value));
  writer.write_data(std::as_bytes(parameters));
  writer.write_data(states);
  writer.commit();
}

void Trainer::read_checkpoint(const std::string& path, const RunIdentity& identity) {
  const Safetensors file = Safetensors::open(path);
  const auto said = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (said("format") != kFormat) fail(ExitCode::bad_file, "{}: no checkpoint of a training run", printable(path));
  const auto compare = [&](const char* key, const std::string& now, std::string_view what) {
    if (said(key) == now) return;
    fail(ExitCode::bad_file,
         "{}: {} changed since the checkpoint was written ({}; now {}); undo that, or remove the checkpoint to begin "
         "anew",
         printable(path), what, printable(said(key)), printable(now));
  };
  compare("model", identity.model, "the model");
  compare("data", identity.data, "the data");
  compare("options", identity.options, "options");
  const auto data = [&](const char* name, size_t bytes) {
    const SafetensorsTensor* tensor = file.find(name);
    if (tensor == nullptr || tensor->data.size() != bytes) {
      fail(ExitCode::bad_file, "{}: tensor {}: expected {} bytes, found {}; remove the checkpoint to begin anew",
           printable(path), name, bytes, tensor == nullptr ? 0 : tensor->data.size());
    }
    return tensor->data;
  };
  uint64_t progress[4];
  std::memcpy(progress, data("progress", sizeof progress).data(), sizeof progress);
  const std::span<float> parameters = lora_.parameters();
  const auto values = data("parameters", parameters.size_bytes());
  const auto states = data("states", optimizer_.states().size());
  if (progress[0] > options_.optimizer.steps) {
    fail(ExitCode::bad_file, "{}: is of step {}; the run has {}", printable(path), progress[0],
         options_.optimizer.steps);
  }
  std::memcpy(parameters.data(), values.data(), values.size());
  std::ranges::copy(states, optimizer_.states().begin());
  done_ = progress[0];
  std::memcpy(&best_, &progress[1], sizeof best_);
  without_better_ = progress[2];
  is_stopped_ = progress[3] != 0;
}

}  // namespace thimble
