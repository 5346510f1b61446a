// What a training run will take, part by part, known from the model's header before anything is loaded.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/memory_plan.h"
#include "tune/trainer.h"

namespace thimble {

struct TrainingPlan {
  uint64_t weights = 0;      // the file's pages, and the norms and biases kept as floats
  uint64_t adapter = 0;      // factors and their gradients
  uint64_t optimizer = 0;    // its states
  uint64_t activations = 0;  // of one pass, forward and back
  uint64_t tokenizer = 0;
  uint64_t program = 0;  // code, libraries, stacks

  uint64_t total() const { return weights + adapter + optimizer + activations + tokenizer + program; }
  std::array<std::pair<std::string_view, uint64_t>, 6> parts() const {
    return {{{"weights", weights},
             {"adapter", adapter},
             {"optimizer", optimizer},
             {"activations", activations},
             {"tokenizer", tokenizer},
             {"program", program}}};
  }
};

// Throws Error(usage) for a model that makes no text.
void require_trainable(const Model& model);

// With examples of options.max_length tokens; `loaded` is what the model takes when it runs, of which its weights, tokenizer and
// program count here too. Throws Error(usage) as Lora does.
TrainingPlan plan_training(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options,
                           unsigned workers);

// What would make it fit `limit`, each alone, or, where none alone does, together; empty where nothing does.
std::vector<Remedy> find_training_remedies(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options,
                                           unsigned workers, uint64_t limit);

// Throws Error(does_not_fit) with the sum, its largest parts, the limit, where it comes from and the remedies.
void require_training_fit(const Model& model, const MemoryPlan& loaded, const TrainerOptions& options, unsigned workers,
                          uint64_t limit, std::string_view limit_source);

}  // namespace thimble
