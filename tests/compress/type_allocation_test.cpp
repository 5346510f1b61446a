#include "compress/type_allocation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "base/error.h"

namespace thimble {
namespace {

// Every combination, for few tensors.
double best_cost(const std::vector<TensorChoices>& tensors, uint64_t budget, size_t from = 0) {
  if (from == tensors.size()) return 0;
  double best = std::numeric_limits<double>::infinity();
  for (const FormatChoice& choice : tensors[from].choices) {
    if (choice.bytes <= budget)
      best = std::min(best, choice.cost + best_cost(tensors, budget - choice.bytes, from + 1));
  }
  return best;
}

std::vector<TensorChoices> random_tensors(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<TensorChoices> tensors;
  for (int t = 0; t < 6; ++t) {
    TensorChoices tensor{"t" + std::to_string(t), {}};
    const uint64_t size = 100 + random() % 900;
    const double weight = 1.0 + static_cast<double>(random() % 1000);
    for (const double bits : {8.5, 6.0, 5.0, 4.5, 3.4}) {
      tensor.choices.push_back({NumberType::Q8_0, static_cast<uint64_t>(static_cast<double>(size) * bits / 8),
                                weight * std::pow(4.0, -bits)});
    }
    tensors.push_back(tensor);
  }
  return tensors;
}

TEST(Allocation, IsCloseToTheBestOfAllCombinations) {
  double found = 0, possible = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const std::vector<TensorChoices> tensors = random_tensors(seed);
    uint64_t least = 0, most = 0;
    for (const TensorChoices& tensor : tensors) {
      least += tensor.choices.back().bytes;
      most += tensor.choices.front().bytes;
    }
    for (const uint64_t budget : {least, (3 * least + most) / 4, (least + most) / 2, most}) {
      const Allocation allocation = allocate(tensors, budget);
      EXPECT_LE(allocation.bytes, budget);
      uint64_t bytes = 0;
      double cost = 0;
      for (size_t t = 0; t < tensors.size(); ++t) {
        bytes += tensors[t].choices[allocation.picks[t]].bytes;
        cost += tensors[t].choices[allocation.picks[t]].cost;
      }
      EXPECT_EQ(bytes, allocation.bytes);
      EXPECT_NEAR(cost, allocation.cost, 1e-9 * cost);
      const double best = best_cost(tensors, budget);
      EXPECT_GE(cost, best * (1 - 1e-12));
      if (budget == least || budget == most) {
        EXPECT_NEAR(cost, best, 1e-12 * best);
      }
      found += cost;
      possible += best;
    }
  }
  // Six tensors leave a gap that hundreds do not: the last tensor's choice weighs more.
  EXPECT_LT(found, 1.1 * possible);
}

TEST(Allocation, RefusesABudgetThatIsTooSmall) {
  const std::vector<TensorChoices> tensors = random_tensors(1);
  uint64_t least = 0;
  for (const TensorChoices& tensor : tensors) least += tensor.choices.back().bytes;
  try {
    allocate(tensors, least - 1);
    FAIL() << "was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find(std::to_string(least)), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace thimble
