// The options that the memory of a training run follows from: of tune, and of plan --train.
#pragma once

#include <cstdint>
#include <string>

#include "app/option_table.h"
#include "tune/trainer.h"

namespace thimble {

struct TrainingSizeOptions {
  int64_t max_length = 512, rank = 16, batch_size = 1;
  std::string targets = "all", optimizer = "adamw", precision = "f32";

  void declare_length(OptionTable& options);
  void declare_factors(OptionTable& options);  // --rank, --targets
  void declare_optimizer(OptionTable& options);
  void declare_precision(OptionTable& options);
  void declare_batch(OptionTable& options);

  // Throws Error(usage) for targets that there are not.
  void apply(TrainerOptions& options) const;
};

}  // namespace thimble
