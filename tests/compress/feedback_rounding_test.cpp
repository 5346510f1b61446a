#include "compress/feedback_rounding.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "compress/grid.h"

namespace thimble {
namespace {

constexpr size_t kColumns = 512, kRows = 40, kTokens = 1024;
constexpr NumberType kTypes[] = {NumberType::Q8_0, NumberType::Q5_1,   NumberType::Q5_0, NumberType::Q4_1,
                                 NumberType::Q4_0, NumberType::IQ4_NL, NumberType::Q6_K, NumberType::Q5_K,
                                 NumberType::Q4_K, NumberType::Q3_K,   NumberType::Q2_K, NumberType::IQ4_XS};

std::vector<float> normal(size_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(n);
  for (float& value : values) value = distribution(random);
  return values;
}

// Inputs that depend on each other, as those of a model do: few directions, of falling size, and some noise.
std::vector<float> related_inputs() {
  constexpr size_t kDirections = 64;
  const std::vector<float> directions = normal(kDirections * kColumns, 1), noise = normal(kTokens * kColumns, 2);
  const std::vector<float> strengths = normal(kTokens * kDirections, 3);
  std::vector<float> inputs(kTokens * kColumns);
  for (size_t t = 0; t < kTokens; ++t) {
    for (size_t c = 0; c < kColumns; ++c) {
      float sum = 0.2f * noise[t * kColumns + c];
      for (size_t d = 0; d < kDirections; ++d)
        sum += strengths[t * kDirections + d] * directions[d * kColumns + c] / static_cast<float>(d + 1);
      inputs[t * kColumns + c] = sum;
    }
  }
  return inputs;
}

Hessian hessian_of(const std::vector<float>& inputs, Team& team) {
  HessianProbe probe(select_kernels("auto"), kTokens);
  probe.expect(Role::ffn_up, kColumns);
  team.run([&](Worker& worker) {
    worker.for_each_piece(kTokens, 8, [&](size_t begin, size_t end) {
      for (size_t t = begin; t < end; ++t)
        probe.see(worker, 0, Role::ffn_up, t, std::span(inputs).subspan(t * kColumns, kColumns));
    });
    probe.finish(worker, 0, Role::ffn_up, kTokens);
  });
  return probe.take(Role::ffn_up);
}

TEST(Hessians, EqualThePlainSum) {
  Team team(2);
  const std::vector<float> inputs = related_inputs();
  const Hessian hessian = hessian_of(inputs, team);
  ASSERT_EQ(hessian.width, kColumns);
  EXPECT_EQ(hessian.tokens, kTokens);
  for (size_t i = 0; i < kColumns; i += 37) {
    for (size_t j = 0; j < kColumns; j += 23) {
      double sum = 0, magnitude = 0;
      for (size_t t = 0; t < kTokens; ++t) {
        sum += double{inputs[t * kColumns + i]} * inputs[t * kColumns + j];
        magnitude += std::abs(double{inputs[t * kColumns + i]} * inputs[t * kColumns + j]);
      }
      EXPECT_NEAR(hessian.row(i)[j], sum, magnitude * 0x1p-24 * kTokens);
      EXPECT_EQ(hessian.row(i)[j], hessian.row(j)[i]);
    }
  }
}

TEST(Hessians, ATokenFarLongerThanTheRestCountsNoMoreThanItMay) {
  Team team(2);
  std::vector<float> inputs = related_inputs();
  const Hessian plain = hessian_of(inputs, team);
  for (size_t c = 0; c < kColumns; ++c) inputs[c] *= 1000;
  const Hessian spiked = hessian_of(inputs, team);
  double before = 0, after = 0;
  for (size_t i = 0; i < kColumns; ++i) {
    before += plain.row(i)[i];
    after += spiked.row(i)[i];
  }
  // Of 1,024 tokens around the median one counts as 32.
  EXPECT_LT(after, before * (1 + 2 * kLongestToken / kTokens));
}

TEST(Factors, MakeUpTheHessian) {
  Team team(2);
  const Hessian hessian = hessian_of(related_inputs(), team);
  const Factor factor = factorise(hessian, 0.01f, select_kernels("auto"), team);
  double trace = 0;
  for (size_t i = 0; i < kColumns; ++i) trace += hessian.row(i)[i];
  const double added = 0.01 * trace / kColumns;
  for (size_t i = 0; i < kColumns; i += 31) {
    for (size_t j = i; j < kColumns; j += 17) {
      double sum = 0;
      for (size_t k = j; k < kColumns; ++k) {
        const double left = k == i ? 1.0 : factor.feedback[i * kColumns + k];
        const double right = k == j ? 1.0 : factor.feedback[j * kColumns + k];
        sum += left * factor.cost[k] * right;
      }
      // Backward error of a Cholesky factorisation in float, relative to the diagonal.
      const double scale = std::sqrt(double{hessian.row(i)[i]} * hessian.row(j)[j]) + added;
      EXPECT_NEAR(sum, hessian.row(i)[j] + (i == j ? added : 0), scale * kColumns * 0x1p-24) << i << " " << j;
    }
  }
}

TEST(Grids, EncodeWhatTheFormatReads) {
  std::mt19937 random(4);
  for (const NumberType type : kTypes) {
    const Grid& grid = *find_grid(type);
    const size_t block = grid.block(), runs = block / grid.run;
    std::vector<float> levels(block), read(block);
    std::vector<int> scale_codes(runs), offset_codes(runs);
    for (int round = 0; round < 20; ++round) {
      for (float& level : levels) {
        level = grid.levels.empty()
                    ? grid.low + static_cast<float>(random() % static_cast<uint32_t>(grid.high - grid.low + 1))
                    : grid.levels[random() % grid.levels.size()];
      }
      const float scale = 0.125f, offset = grid.has_offset ? 0.75f : 0.0f;
      for (size_t run = 0; run < runs && grid.is_coded(); ++run) {
        scale_codes[run] =
            grid.scale_low + static_cast<int>(random() % static_cast<uint32_t>(grid.scale_high - grid.scale_low + 1));
        offset_codes[run] = static_cast<int>(random() % static_cast<uint32_t>(grid.offset_high + 1));
      }
      std::vector<std::byte> bytes(type_info(type).block_bytes);
      encode_block(grid, {scale, offset, scale_codes.data(), offset_codes.data(), levels.data()}, bytes.data());
      type_info(type).unpack(bytes.data(), read.data(), 1);
      for (size_t i = 0; i < block; ++i) {
        const size_t run = i / grid.run;
        const float expected = grid.is_coded() ? scale * static_cast<float>(scale_codes[run]) * levels[i] -
                                                     offset * static_cast<float>(offset_codes[run])
                                               : scale * levels[i] + offset;
        ASSERT_EQ(read[i], expected) << type_info(type).name << " " << i;
      }
    }
  }
}

class Rounding : public testing::TestWithParam<NumberType> {
 protected:
  Rounding() : weights_(normal(kRows * kColumns, 9)), inputs_(related_inputs()) {}

  std::vector<std::byte> round(const InputStatistics& statistics, int descents, Team& team, RoundingLoss* loss) {
    const RowSource source = [&](uint64_t first, uint64_t count, float* rows) {
      std::copy_n(weights_.data() + first * kColumns, count * kColumns, rows);
    };
    std::vector<std::byte> out(row_bytes(GetParam(), kColumns) * kRows);
    round_with_feedback(source, kRows, *find_grid(GetParam()), statistics, {descents}, select_kernels("auto"), team,
                        out.data(), loss);
    return out;
  }

  // tr(E H E^T) of bytes, in double, by the inputs themselves.
  double loss_of(const std::vector<std::byte>& bytes, const InputStatistics& statistics) const {
    std::vector<float> rows(kRows * kColumns);
    const TypeInfo& info = type_info(GetParam());
    info.unpack(bytes.data(), rows.data(), rows.size() / info.block_size);
    double sum = 0;
    for (size_t r = 0; r < kRows; ++r) {
      std::vector<double> error(kColumns);
      for (size_t c = 0; c < kColumns; ++c) error[c] = double{weights_[r * kColumns + c]} - rows[r * kColumns + c];
      for (size_t i = 0; i < kColumns; ++i) {
        for (size_t j = 0; j < kColumns; ++j) sum += error[i] * statistics.hessian.row(i)[j] * error[j];
      }
    }
    return sum;
  }

  std::vector<float> weights_, inputs_;
};

TEST_P(Rounding, LosesLessThanPlainRoundingAndLessWithEachStep) {
  Team team(2);
  const InputStatistics statistics(hessian_of(inputs_, team), 0.01f, select_kernels("auto"), team);
  RoundingLoss once, descended;
  const std::vector<std::byte> first = round(statistics, 0, team, &once);
  const std::vector<std::byte> better = round(statistics, 4, team, &descended);
  // What is said is what the bytes give.
  EXPECT_NEAR(once.error, loss_of(first, statistics), 1e-3 * once.error);
  EXPECT_NEAR(descended.error, loss_of(better, statistics), 1e-3 * descended.error);
  EXPECT_LT(descended.error, once.error);
  std::vector<std::byte> plain(first.size());
  type_info(GetParam()).pack(weights_.data(), plain.data(), weights_.size() / type_info(GetParam()).block_size);
  // Inputs that vary in few directions leave the feedback much room: 0.03 to 0.046 of the loss is left, by format.
  EXPECT_LT(descended.error, 0.06 * loss_of(plain, statistics)) << type_info(GetParam()).name;
}

TEST_P(Rounding, IsTheSameOnAnyNumberOfThreads) {
  Team one(1), three(3);
  const Hessian hessian = hessian_of(inputs_, one);
  RoundingLoss a, b;
  EXPECT_EQ(round({hessian, 0.01f, select_kernels("auto"), one}, 2, one, &a),
            round({hessian, 0.01f, select_kernels("auto"), three}, 2, three, &b));
  EXPECT_EQ(a.error, b.error);
}

TEST_P(Rounding, TakesRowsOfZeros) {
  Team team(1);
  std::fill(weights_.begin(), weights_.end(), 0.0f);
  const InputStatistics statistics(hessian_of(inputs_, team), 0.01f, select_kernels("auto"), team);
  RoundingLoss loss;
  const std::vector<std::byte> bytes = round(statistics, 2, team, &loss);
  EXPECT_EQ(loss_of(bytes, statistics), 0);
  EXPECT_EQ(loss.energy, 0);
}

INSTANTIATE_TEST_SUITE_P(Formats, Rounding, testing::ValuesIn(kTypes),
                         [](const auto& format) { return std::string(type_info(format.param).name); });

}  // namespace
}  // namespace thimble
