// The optimiser against PyTorch's rule in double precision, and the schedules against values of transformers.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tune/optimizer.h"
#include "tune/random.h"

namespace thimble {
namespace {

// transformers.get_cosine_schedule_with_warmup(optimizer, 2, 6) at a rate of 1, steps 0 to 6.
TEST(Schedule, IsTransformers) {
  OptimizerOptions options;
  options.learning_rate = 1;
  options.warmup = 2;
  options.steps = 6;
  const double expected[] = {0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627, 0};
  for (uint64_t step = 0; step < 7; ++step) EXPECT_NEAR(learning_rate_at(options, step), expected[step], 1e-12);
  options.schedule = Schedule::constant;
  for (uint64_t step = 0; step < 7; ++step) {
    EXPECT_EQ(learning_rate_at(options, step), step < 2 ? static_cast<double>(step) / 2 : 1.0);
  }
}

struct Moments {
  double first = 0, second = 0;
};

TEST(AdamW, IsPyTorchs) {
  constexpr size_t kCount = 300;
  OptimizerOptions options;
  options.learning_rate = 0.01;
  options.weight_decay = 0.1;
  options.clip = 2;
  options.schedule = Schedule::constant;
  options.steps = 5;
  Random random(3);
  std::vector<float> parameters(kCount), gradients(kCount);
  for (float& value : parameters) value = random.next_signed();
  std::vector<double> expected(parameters.begin(), parameters.end());
  std::vector<Moments> moments(kCount);
  Optimizer optimizer(kCount, options);
  for (int step = 0; step < 5; ++step) {
    double squares = 0;
    for (float& g : gradients) {
      g = random.next_signed();
      squares += double{g} * g;
    }
    const double factor = std::min(1.0, 2 / (std::sqrt(squares) + 1e-6));
    for (size_t i = 0; i < kCount; ++i) {
      const double g = gradients[i] * factor;
      Moments& m = moments[i];
      m.first = 0.9 * m.first + 0.1 * g;
      m.second = 0.999 * m.second + 0.001 * g * g;
      expected[i] *= 1 - 0.01 * 0.1;
      const double root = std::sqrt(m.second / (1 - std::pow(0.999, step + 1)));
      expected[i] -= 0.01 * m.first / (1 - std::pow(0.9, step + 1)) / (root + 1e-8);
    }
    EXPECT_NEAR(optimizer.step(static_cast<uint64_t>(step), parameters, gradients), std::sqrt(squares), 1e-9);
  }
  for (size_t i = 0; i < kCount; ++i) EXPECT_NEAR(parameters[i], expected[i], 1e-6);
}

// Gradients over ten orders of magnitude within a block: no step is longer than what 32 bits would make of a few at once.
TEST(AdamW, OfEightBitsTakesNoWildSteps) {
  constexpr size_t kCount = 700;
  OptimizerOptions options;
  options.learning_rate = 0.01;
  options.clip = 0;
  options.schedule = Schedule::constant;
  options.states_in_8_bits = true;
  Optimizer optimizer(kCount, options);
  std::vector<float> parameters(kCount), gradients(kCount);
  Random random(4);
  for (uint64_t step = 0; step < 20; ++step) {
    const std::vector<float> before = parameters;
    for (size_t i = 0; i < kCount; ++i) {
      gradients[i] = random.next_signed() * std::pow(10.0f, -static_cast<float>(i % 11));
    }
    optimizer.step(step, parameters, gradients);
    // |m| / sqrt(v) of Adam is at most (1 - b1) / sqrt(1 - b2) = 3.2 where one gradient stands out.
    for (size_t i = 0; i < kCount; ++i) ASSERT_LE(std::abs(parameters[i] - before[i]), 0.035) << step << ' ' << i;
  }
}

TEST(AdamW, LeavesAllAsItIsWhereAGradientIsNotFinite) {
  Optimizer optimizer(3, {});
  std::vector<float> parameters = {1, 2, 3}, gradients = {1, std::numeric_limits<float>::infinity(), 0};
  EXPECT_FALSE(std::isfinite(optimizer.step(0, parameters, gradients)));
  EXPECT_EQ(parameters, (std::vector<float>{1, 2, 3}));
  for (const std::byte state : optimizer.states()) EXPECT_EQ(state, std::byte{0});
}

}  // namespace
}  // namespace thimble
