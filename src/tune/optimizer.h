// AdamW (arXiv 1711.05101) as PyTorch computes it, with its states as floats or in 8 bits, clipping by the global norm as
// clip_grad_norm_, and transformers' learning rate schedules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/memory.h"

namespace thimble {

enum class Schedule : uint8_t { constant, cosine };

struct OptimizerOptions {
  double learning_rate = 1e-4;
  double weight_decay = 0;
  double clip = 1.0;  // of the gradient's norm; 0: none
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  bool states_in_8_bits = false;
  Schedule schedule = Schedule::cosine;
  uint64_t warmup = 0;  // steps
  uint64_t steps = 0;   // of the whole run
};

// At a step, the first being 0: rising over the warm-up from 0, then constant, or half a cosine down to 0 at the end.
double learning_rate_at(const OptimizerOptions& options, uint64_t step);

// The states in 8 bits, a scale for 256 values: of the first moment the square root with its sign, of the second the fourth root,
// rounded up so that nothing that has moved is divided by zero.
class Optimizer {
 public:
  Optimizer(size_t parameters, const OptimizerOptions& options);
  static uint64_t bytes(size_t parameters, const OptimizerOptions& options);

  // Step number `step`, the first being 0. Gradients are scaled where they are clipped. Gives the gradient's norm before that; where
  // it is not finite nothing changes.
  double step(uint64_t step, std::span<float> parameters, std::span<float> gradients);

  const OptimizerOptions& options() const { return options_; }
  // For checkpoints.
  std::span<std::byte> states() const { return {states_.data(), bytes(count_, options_)}; }

 private:
  struct Factors {
    float decay, first, second, one_less_first, one_less_second, root, rate, epsilon;
  };
  static constexpr size_t kBlock = 256;

  Factors factors_at(uint64_t step) const;
  void update(const Factors& factors, std::span<float> parameters, std::span<const float> gradients, float* first,
              float* second) const;
  void update_8_bits(const Factors& factors, std::span<float> parameters, std::span<const float> gradients,
                     size_t block);

  size_t count_;
  OptimizerOptions options_;
  Buffer states_;
};

}  // namespace thimble
