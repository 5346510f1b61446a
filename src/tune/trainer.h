// Training of an adapter: which examples make a step, their loss and gradients, the optimiser, validation, checkpoints. A run that
// goes on from a checkpoint gives the bytes that it would have given unbroken; so do any number of threads and any instruction set.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/training_pass.h"
#include "tune/lora.h"
#include "tune/optimizer.h"
#include "tune/training_data.h"

namespace thimble {

struct TrainerOptions {
  LoraOptions lora;
  OptimizerOptions optimizer;  // its `steps` are those of the run
  size_t batch_size = 1;       // examples; a step takes batch_size * grad_accum
  size_t grad_accum = 1;
  size_t max_length = 512;
  bool bfloat = false;  // products with the model's weights are of values rounded to bfloat16
  uint64_t seed = 1;
  bool shuffle = true;
  uint64_t eval_every = 0;  // steps between measurements on the validation data; 0: an epoch
  uint64_t patience = 0;    // measurements without a better one after which the run ends; 0: it goes on
};

// What TrainerOptions::optimizer.steps has to be for so many passes through the examples.
uint64_t steps_of_epochs(const TrainerOptions& options, size_t examples, double epochs);

struct StepReport {
  uint64_t step = 0;  // that were done, this one with them
  double loss = 0;    // mean over the step's scored tokens
  double learning_rate = 0;
  double gradient_norm = 0;  // before clipping
  size_t tokens = 0;         // that went through the model
  size_t scored = 0;
  double seconds = 0;  // without the validation
  std::optional<double> validation_loss;
  bool is_best = false;  // of the validation so far
  bool is_last = false;
};

// What a checkpoint belongs to; each part is compared on its own, so that a message can say which has changed.
struct RunIdentity {
  std::string model, data, options;
};

class Trainer {
 public:
  // `model` has no updates yet and outlives this. Memory is allocated here, all of it. Throws Error(does_not_fit, usage).
  Trainer(Model& model, const Kernels& kernels, Team& team, const TrainerOptions& options,
          std::vector<TrainingExample> training, std::vector<TrainingExample> validation);

  Lora& lora() { return lora_; }
  const Lora& lora() const { return lora_; }
  uint64_t done() const { return done_; }
  bool is_finished() const { return done_ == options_.optimizer.steps || is_stopped_; }
  size_t steps_per_epoch() const;

  // The next step. Throws Error(failed) where the loss or a gradient is not finite, naming the step and its lines: the parameters are
  // then as before.
  StepReport step();

  // Throws Error(failed) where `path` cannot be written.
  void write_checkpoint(const std::string& path, const RunIdentity& identity) const;
  // Throws Error(bad_file) for another run's, or a damaged one.
  void read_checkpoint(const std::string& path, const RunIdentity& identity);

  // Of everything beside the weights: known from shapes alone, with the longest example's tokens.
  static uint64_t bytes(const Model& model, const TrainerOptions& options, size_t longest, unsigned workers);

 private:
  std::vector<size_t> examples_of_step(uint64_t step) const;
  // f(batch) for passes that hold the examples, as many in each as there is room for.
  void for_each_pass(std::span<const TrainingExample* const> examples,
                     const std::function<void(const TrainingBatch&)>& f) const;
  double validation_loss();
  void validate(StepReport& report);

  TrainerOptions options_;
  std::vector<TrainingExample> training_;
  std::vector<TrainingExample> validation_;
  size_t batch_tokens_;
  Lora lora_;
  Optimizer optimizer_;
  TrainingSpace space_;
  TrainingPass pass_;
  uint64_t done_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
  uint64_t without_better_ = 0;
  bool is_stopped_ = false;
};

}  // namespace thimble
