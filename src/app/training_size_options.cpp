#include "app/training_size_options.h"

namespace thimble {

void TrainingSizeOptions::declare_length(OptionTable& options) {
  options.integer("--max-length", max_length, 2, 1 << 20, "Tokens of an example at most");
}

void TrainingSizeOptions::declare_factors(OptionTable& options) {
  options.integer("--rank", rank, 1, 4096, "Rank of the factors");
  options.text("--targets", "LIST", targets, "Which matrices: all, or some of q,k,v,o,gate,up,down");
}

void TrainingSizeOptions::declare_optimizer(OptionTable& options) {
  options.choice("--optimizer", "NAME", optimizer, {"adamw", "adamw8"}, "AdamW with states of 32 bits, or of 8");
}

void TrainingSizeOptions::declare_precision(OptionTable& options) {
  options.choice("--precision", "TYPE", precision, {"f32", "bf16"},
                 "What products with the model's weights read: floats, or floats rounded to bfloat16, which is faster");
}

void TrainingSizeOptions::declare_batch(OptionTable& options) {
  options.integer("--batch-size", batch_size, 1, 4096, "Examples that go through the model together");
}

void TrainingSizeOptions::apply(TrainerOptions& options) const {
  options.lora.rank = static_cast<uint32_t>(rank);
  options.lora.targets = parse_targets(targets);
  options.optimizer.states_in_8_bits = optimizer == "adamw8";
  options.bfloat = precision == "bf16";
  options.batch_size = static_cast<size_t>(batch_size);
  options.max_length = static_cast<size_t>(max_length);
}

}  // namespace thimble
