// Rounding with feedback and sums of outer products against plain loops in double, and the tables against each other bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/kernel_inputs.h"

namespace thimble {
namespace {

constexpr size_t kLanes = 16;

TEST(OuterProducts, EqualThePlainSum) {
  for (const size_t rows : {1u, 4u, 7u, 8u, 33u}) {
    for (const size_t columns : {3u, 16u, 32u, 57u, 80u}) {
      constexpr size_t kDepth = 37;
      const std::vector<float> a = normal_values(kDepth * rows, 1), b = normal_values(kDepth * columns, 2);
      const std::vector<float> before = normal_values(rows * columns, 3);
      std::vector<float> first;
      for (const Kernels* table : available_kernels()) {
        std::vector<float> c = before;
        table->add_outer_products({a.data(), rows, b.data(), columns, kDepth, rows, columns, c.data(), columns});
        if (first.empty()) first = c;
        EXPECT_TRUE(same_bits(first, c)) << table->isa;
      }
      for (size_t r = 0; r < rows; ++r) {
        for (size_t j = 0; j < columns; ++j) {
          double sum = before[r * columns + j], magnitude = std::abs(sum);
          for (size_t i = 0; i < kDepth; ++i) {
            sum += double{a[i * rows + r]} * b[i * columns + j];
            magnitude += std::abs(double{a[i * rows + r]} * b[i * columns + j]);
          }
          // A rounding a step of the sum.
          ASSERT_NEAR(first[r * columns + j], sum, (kDepth + 1) * kRoundoff * magnitude);
        }
      }
    }
  }
}

struct Problem {
  size_t columns;
  std::vector<float> grid;  // empty: integers
  float low, high;
  std::vector<float> target, weight, feedback, cost, scales, offsets;
};

Problem make_problem(size_t columns, std::vector<float> grid, float low, float high, size_t candidates) {
  Problem p{columns, std::move(grid), low, high, {}, {}, {}, {}, {}, {}};
  p.target = normal_values(columns * kLanes, 5);
  p.weight = normal_values(columns * kLanes, 6, 0.1f);
  for (size_t i = 0; i < p.weight.size(); ++i) p.weight[i] += p.target[i];
  p.feedback = normal_values(columns * columns, 7, 0.2f);
  p.cost = normal_values(columns, 8);
  for (float& cost : p.cost) cost = cost * cost + 0.1f;
  const float widest = p.grid.empty() ? high - low : p.grid.back() - p.grid.front();
  for (size_t i = 0; i < candidates * kLanes; ++i) {
    p.scales.push_back(5 / widest * (1 + 0.01f * static_cast<float>(i % 37)));
    p.offsets.push_back(low == 0 && p.grid.empty() ? -2.5f - 0.01f * static_cast<float>(i % 11) : 0.0f);
  }
  p.scales[3] = 0;  // one lane of one candidate says nothing
  return p;
}

struct Outcome {
  std::vector<float> loss, choice, level, value;
};

Outcome run(const Problem& p, const Kernels& table, float beaten) {
  Outcome o{std::vector<float>(kLanes, beaten), std::vector<float>(kLanes), std::vector<float>(p.columns * kLanes, 77),
            std::vector<float>(p.columns * kLanes, 78)};
  RoundTask task{};
  task.columns = p.columns;
  task.stride = kLanes;
  task.target = p.target.data();
  task.weight = p.weight.data();
  task.feedback = p.feedback.data();
  task.feedback_stride = p.columns;
  task.cost = p.cost.data();
  task.grid = p.grid.data();
  task.grid_size = p.grid.size();
  task.low = p.low;
  task.high = p.high;
  task.scales = p.scales.data();
  task.offsets = p.offsets.data();
  task.candidates = p.scales.size() / kLanes;
  task.loss = o.loss.data();
  task.choice = o.choice.data();
  task.level = o.level.data();
  task.value = o.value.data();
  table.round_columns(task);
  return o;
}

// One lane and candidate by the definition, in float where a level is decided, so that ties fall alike.
double plain_loss(const Problem& p, size_t lane, size_t candidate, std::vector<float>& levels) {
  const float scale = p.scales[candidate * kLanes + lane], offset = p.offsets[candidate * kLanes + lane];
  std::vector<float> target(p.columns);
  for (size_t c = 0; c < p.columns; ++c) target[c] = p.target[c * kLanes + lane];
  double loss = 0;
  for (size_t c = 0; c < p.columns; ++c) {
    const float x = scale == 0 ? 0 : (target[c] - offset) * (1 / scale);
    float level = std::nearbyint(std::min(std::max(x, p.low), p.high));
    if (!p.grid.empty()) {
      level = p.grid[0];
      for (size_t i = 1; i < p.grid.size(); ++i) {
        if (std::abs(p.grid[i] - x) < std::abs(level - x)) level = p.grid[i];
      }
    }
    levels[c] = level;
    const float value = scale * level + offset;
    loss += double{p.cost[c]} * (target[c] - value) * (target[c] - value);
    for (size_t j = c + 1; j < p.columns; ++j)
      target[j] = std::fma(p.weight[c * kLanes + lane] - value, p.feedback[c * p.columns + j], target[j]);
  }
  return loss;
}

TEST(RoundColumns, TakeTheBestCandidate) {
  const std::vector<float> uneven = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  const Problem problems[] = {make_problem(32, {}, -16, 15, 9), make_problem(16, {}, -32, 31, 5),
                              make_problem(32, {}, 0, 15, 12), make_problem(32, uneven, 0, 0, 7)};
  for (const Problem& p : problems) {
    const Outcome first = run(p, *available_kernels()[0], std::numeric_limits<float>::infinity());
    for (const Kernels* table : available_kernels()) {
      const Outcome other = run(p, *table, std::numeric_limits<float>::infinity());
      EXPECT_TRUE(same_bits(first.loss, other.loss) && same_bits(first.level, other.level) &&
                  same_bits(first.value, other.value) && same_bits(first.choice, other.choice))
          << table->isa;
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      std::vector<float> levels(p.columns), best_levels;
      double best = std::numeric_limits<double>::infinity();
      for (size_t candidate = 0; candidate < p.scales.size() / kLanes; ++candidate) {
        const double loss = plain_loss(p, lane, candidate, levels);
        if (loss < best) {
          best = loss;
          best_levels = levels;
        }
      }
      // Squares of up to 32 columns, each with a few roundings.
      EXPECT_NEAR(first.loss[lane], best, best * 64 * kRoundoff);
      for (size_t c = 0; c < p.columns; ++c) EXPECT_EQ(first.level[c * kLanes + lane], best_levels[c]) << c;
    }
  }
}

TEST(RoundColumns, LeaveWhatIsNotBeaten) {
  const Problem p = make_problem(32, {}, -16, 15, 9);
  for (const Kernels* table : available_kernels()) {
    const Outcome kept = run(p, *table, 0);
    for (const float choice : kept.choice) EXPECT_EQ(choice, -1);
    for (const float level : kept.level) EXPECT_EQ(level, 77);
    for (const float value : kept.value) EXPECT_EQ(value, 78);
  }
}

}  // namespace
}  // namespace thimble
