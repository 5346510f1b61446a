// Gradients of tiny random models of every decoder family against differences of their losses.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "kernels/kernels.h"
#include "support/npy_file.h"
#include "support/tiny_training.h"

namespace thimble {
namespace {

class Gradients : public testing::TestWithParam<test::TinyCase> {};

// A step along the gradient of some of a role's factors, and the loss's change.
struct Direction {
  std::vector<std::pair<float*, double>> steps;  // a value and its gradient
  std::vector<float> origin;
  double length = 0;

  explicit Direction(std::vector<std::pair<float*, double>> given) : steps(std::move(given)) {
    for (const auto& [value, gradient] : steps) {
      origin.push_back(*value);
      length += gradient * gradient;
    }
    length = std::sqrt(length);
  }
  void move(double step) const {
    for (size_t i = 0; i < steps.size(); ++i) {
      *steps[i].first = origin[i] + static_cast<float>(step * steps[i].second / length);
    }
  }
};

// Each second value of the role's factors, from `first` on.
std::map<std::string, std::vector<std::pair<float*, double>>> directions(std::vector<test::TinyFactors>& all,
                                                                         size_t first) {
  std::map<std::string, std::vector<std::pair<float*, double>>> by_role;
  for (test::TinyFactors& f : all) {
    auto& steps = by_role[f.name.substr(f.name.find('.', 4) + 1)];
    for (size_t i = first; i < f.a.size(); i += 2) steps.emplace_back(&f.a[i], f.d_a[i]);
    for (size_t i = first; i < f.b.size(); i += 2) steps.emplace_back(&f.b[i], f.d_b[i]);
  }
  return by_role;
}

void expect_gradients_of_the_loss(test::TinyTraining& training) {
  const double loss = training.add_gradients(1.0f);
  EXPECT_DOUBLE_EQ(loss, training.loss());
  ASSERT_TRUE(std::isfinite(loss));
  for (const size_t first : {0, 1}) {
    for (auto& [role, steps] : directions(training.factors(), first)) {
      const Direction direction(steps);
      ASSERT_GT(direction.length, 1e-3) << role;
      // The loss is a sum of about 35 float32 cross-entropies near 6, each good to about 3e-6: 1e-5 of noise in a change of
      // 2 * 0.02 is 0.03%. A fourth-order formula leaves what curvature adds far below that.
      const double step = 0.02 / direction.length;
      double losses[4];
      for (int i = 0; i < 4; ++i) {
        direction.move(step * (i < 2 ? i - 2 : i - 1));
        losses[i] = training.loss();
      }
      direction.move(0);
      const double slope = (8 * (losses[2] - losses[1]) - (losses[3] - losses[0])) / (12 * step);
      EXPECT_NEAR(slope / direction.length, 1.0, 3e-3) << role << ", gradient " << direction.length;
    }
  }
}

TEST_P(Gradients, EqualDifferencesOfTheLoss) {
  test::TinyTraining training(GetParam(), 2, select_kernels("auto"));
  expect_gradients_of_the_loss(training);
}

// Of a model in floats, the pass's loss is that of inference's logits.
TEST(TrainingPass, LossIsThatOfInference) {
  const ArchSpec& spec = find_architecture("gemma3", "test");
  test::TinyTraining training({"gemma3", &spec, test::tiny_of(spec)}, 2, select_kernels("auto"));
  const double found = training.loss();
  const TrainingBatch batch = training.batch();
  const Model& model = training.model();
  const size_t tokens = batch.tokens.size(), width = model.hyper().vocabulary_size;
  Team team(2);
  Workspace workspace(model, {tokens, tokens, 2, tokens});
  const ForwardContext context{model, select_kernels("auto"), team, workspace};
  forward(context, training.space().cache(), batch.tokens, batch.sequences);
  const std::span<const float> logits = compute_logits(context, 0, tokens);
  double loss = 0;
  for (size_t i = 0; i < tokens; ++i) {
    if (batch.targets[i] == kNotScored) continue;
    const std::span<const float> row = logits.subspan(i * width, width);
    const double largest = std::ranges::max(row);
    double sum = 0;
    for (const float logit : row) sum += std::exp(logit - largest);
    loss += largest + std::log(sum) - row[static_cast<size_t>(batch.targets[i])];
  }
  EXPECT_NEAR(found / loss, 1.0, 1e-7);  // exp in float32 and in double
}

TEST(Dropout, GradientsEqualDifferencesOfTheLoss) {
  for (const char* family : {"llama", "phi3"}) {
    const ArchSpec& spec = find_architecture(family, "test");
    test::TinyTraining training({family, &spec, test::tiny_of(spec)}, 2, select_kernels("auto"));
    const double whole = training.loss();
    training.drop({0.3f, 5});
    EXPECT_NE(training.loss(), whole);
    expect_gradients_of_the_loss(training);
  }
}

TEST(Dropout, KeepsTheMeanAndIsAFunctionOfItsArguments) {
  const Dropout dropout{0.25f, 9};
  const std::vector<float> x(40000, 1.0f);
  std::vector<float> first(x.size()), second(x.size()), part(100);
  dropout.apply(3, 7, 0, x.size(), x.data(), first.data());
  const auto dropped = static_cast<double>(std::ranges::count(first, 0.0f));
  EXPECT_NEAR(dropped / 40000, 0.25, 5 * std::sqrt(0.25 * 0.75 / 40000));
  EXPECT_EQ(std::ranges::max(first), 1 / 0.75f);
  dropout.apply(3, 7, 500, part.size(), x.data() + 500, part.data());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), first.begin() + 500));
  for (const auto& [tensor, token] : {std::pair(3, 8), std::pair(4, 7)}) {
    dropout.apply(static_cast<uint32_t>(tensor), static_cast<size_t>(token), 0, x.size(), x.data(), second.data());
    EXPECT_NE(first, second);
  }
}

class GradientBytes : public testing::TestWithParam<test::TinyCase> {};

TEST_P(GradientBytes, AreTheSameOnEveryMachine) {
  test::TinyTraining first(GetParam(), 1, select_kernels("scalar"));
  const double loss = first.add_gradients(0.5f);
  for (const Kernels* kernels : available_kernels()) {
    test::TinyTraining other(GetParam(), 3, *kernels);
    EXPECT_EQ(loss, other.add_gradients(0.5f)) << kernels->isa;
    for (size_t i = 0; i < first.factors().size(); ++i) {
      EXPECT_EQ(first.factors()[i].d_a, other.factors()[i].d_a) << kernels->isa << ' ' << first.factors()[i].name;
      EXPECT_EQ(first.factors()[i].d_b, other.factors()[i].d_b) << kernels->isa << ' ' << first.factors()[i].name;
    }
  }
}

// tests/oracle/tiny_gradients.py
TEST_P(Gradients, EqualPyTorch) {
  if (GetParam().name == "qwen3-fused") return;  // its checkpoint has no fused module that could be adapted
  test::TinyTraining training(GetParam(), 2, select_kernels("auto"));
  const double loss = training.add_gradients(1.0f);
  const std::vector<float> golden =
      test::read_npy(std::string(THIMBLE_TEST_DATA) + "/model/" + GetParam().name + "-gradients.npy");
  ASSERT_NEAR(loss / golden[0], 1.0, 1e-5);
  std::ranges::sort(training.factors(), {}, &test::TinyFactors::name);
  size_t next = 0, kept = 1;
  constexpr size_t kStep = 29;
  for (const test::TinyFactors& f : training.factors()) {
    for (const std::vector<float>* gradient : {&f.d_a, &f.d_b}) {
      const float largest = std::abs(*std::ranges::max_element(*gradient, {}, [](float v) { return std::abs(v); }));
      for (size_t i = 0; i < gradient->size(); ++i, ++next) {
        if (next % kStep != 0) continue;
        // As the logits' tolerance, there and back: 1e-7 * sqrt(200) * 14 * ~10 of the largest.
        ASSERT_NEAR((*gradient)[i], golden[kept], 2e-4 * largest) << f.name << ", value " << i;
        ++kept;
      }
    }
  }
  EXPECT_EQ(kept, golden.size());
}

class QuantizedGradients : public testing::TestWithParam<NumberType> {};

// Frozen weights of any format give what the floats give that they stand for.
TEST_P(QuantizedGradients, EqualThoseOfTheUnpackedWeights) {
  test::TinyCase tiny{"llama", &find_architecture("llama", "test"), {}};
  tiny.model.block_count = 2;
  tiny.model.embedding_length = 256;
  tiny.model.feed_forward_length = 512;
  tiny.model.head_count = 8;
  tiny.model.tied = true;
  test::TinyTraining plain(tiny, 2, select_kernels("auto"));
  tiny.model.matrix_type = GetParam();
  test::TinyTraining quantized(tiny, 2, select_kernels("auto"));
  std::vector<std::vector<float>> unpacked;
  const auto unpack = [&](const Weight& weight) {
    std::vector<float>& values = unpacked.emplace_back(size_t{weight.rows} * weight.columns);
    const TypeInfo& info = type_info(weight.type);
    info.unpack(weight.data, values.data(), values.size() / info.block_size);
    return Matrix{reinterpret_cast<const std::byte*>(values.data()), NumberType::F32, weight.columns, weight.rows,
                  weight.columns * sizeof(float)};
  };
  plain.model().replace_matrix(Role::token_embd, unpack(quantized.model().matrix(Role::token_embd)));
  for (uint32_t block = 0; block < 2; ++block) {
    for (const Role role :
         {Role::attn_q, Role::attn_k, Role::attn_v, Role::attn_output, Role::ffn_gate, Role::ffn_up, Role::ffn_down}) {
      plain.model().replace_matrix(block, role, unpack(quantized.model().matrix(block, role)));
    }
  }
  EXPECT_EQ(plain.add_gradients(1.0f), quantized.add_gradients(1.0f));
  for (size_t i = 0; i < plain.factors().size(); ++i) {
    EXPECT_EQ(plain.factors()[i].d_a, quantized.factors()[i].d_a) << plain.factors()[i].name;
    EXPECT_EQ(plain.factors()[i].d_b, quantized.factors()[i].d_b) << plain.factors()[i].name;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantizedGradients,
                         testing::Values(NumberType::F16, NumberType::Q8_0, NumberType::Q4_1, NumberType::Q4_K,
                                         NumberType::Q6_K, NumberType::IQ3_S),
                         [](const auto& format) { return std::string(type_info(format.param).name); });

// Every kind of norm, activation, rotation and attention once.
std::vector<test::TinyCase> byte_cases() {
  std::vector<test::TinyCase> cases = test::tiny_cases(Head::logits);
  const std::set<std::string> wanted = {"llama", "gemma2", "gemma3", "phi2", "stablelm-parallel"};
  std::erase_if(cases, [&](const test::TinyCase& tiny) { return !wanted.contains(tiny.name); });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Families, GradientBytes, testing::ValuesIn(byte_cases()),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

INSTANTIATE_TEST_SUITE_P(Families, Gradients, testing::ValuesIn(test::tiny_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
