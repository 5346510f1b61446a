// The quantizer of --method best on a small random model of every family with a head.
#include "compress/best_quantizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "compress/quantize.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

constexpr size_t kChunk = 32;

std::vector<TokenId> text(size_t count, uint32_t seed = 1) {
  std::vector<TokenId> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>((i * i * 7 + i * seed) % 300));
  return ids;
}

class BestQuantizers : public testing::TestWithParam<test::TinyCase> {
 protected:
  void SetUp() override {
    test::write_tiny_model(*GetParam().spec, GetParam().model, folder_ / "tiny.gguf");
    model_ = std::make_unique<const LanguageModel>(
        LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
  }

  BestOptions options(const std::string& state) const {
    BestOptions options;
    options.chunk_tokens = kChunk;
    options.chunks = 12;
    options.descents = 2;
    options.state_folder = folder_ / state;
    return options;
  }
  std::unique_ptr<BestQuantizer> quantizer(const std::string& state, uint32_t seed = 1) {
    return std::make_unique<BestQuantizer>(*model_, select_kernels("auto"), team_, text(20 * kChunk, seed),
                                           options(state));
  }
  uint64_t matrix_elements() const {
    uint64_t sum = 0;
    for (const RoundingUnit& unit : rounding_units(model_->model()))
      sum += model_->gguf().tensors()[unit.tensor].elements();
    return sum;
  }
  // Of a file with so many bits a weight.
  uint64_t budget(double bits) const {
    return model_->gguf().file_bytes() - matrix_elements() * 4 +
           static_cast<uint64_t>(static_cast<double>(matrix_elements()) * bits / 8) + 4096;
  }

  test::TempFolder folder_;
  std::unique_ptr<const LanguageModel> model_;
  Team team_{2};
};

TEST_P(BestQuantizers, FilesFitTheBudgetRunAndLoseLessTheLargerTheyAre) {
  const auto best = quantizer("state");
  ASSERT_TRUE(best->measure({}));
  double before = 1e9;
  for (const double bits : {4.7, 6.2, 8.6}) {
    best->choose(budget(bits));
    const std::optional<BestResult> result = best->write(folder_ / "out.gguf", {});
    ASSERT_TRUE(result);
    EXPECT_LE(result->bytes, budget(bits));
    EXPECT_EQ(result->bytes, std::filesystem::file_size(folder_ / "out.gguf"));
    EXPECT_GT(result->scored_tokens, 16u);
    EXPECT_LT(result->divergence, before) << bits << " bits a weight";
    before = result->divergence;
    const LanguageModel made = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "out.gguf")), {});
    EXPECT_EQ(made.gguf().tensors().size(), model_->gguf().tensors().size());
    for (const RoundedTensor& tensor : result->tensors)
      EXPECT_EQ(made.gguf().find_tensor(tensor.name)->type->type, tensor.to) << tensor.name;
  }
  // All in 8 bits: what is left is mostly that activations have 8 bits too.
  EXPECT_LT(before, 0.01);
}

TEST_P(BestQuantizers, AStoppedRunGoesOnToTheSameBytes) {
  const auto whole = quantizer("whole");
  ASSERT_TRUE(whole->measure({}));
  whole->choose(budget(5));
  ASSERT_TRUE(whole->write(folder_ / "whole.gguf", {}));
  size_t stops = 0;
  for (bool finished = false; !finished;) {
    ASSERT_LT(stops, 200u);
    const auto part = quantizer("parts");  // as a new process would
    size_t first = SIZE_MAX;
    const BestQuantizer::Progress five_more = [&](size_t done, size_t, size_t kept) {
      EXPECT_GE(done, kept);
      if (first == SIZE_MAX) first = done;
      return done < first + 5;
    };
    ++stops;
    if (!part->measure(five_more)) continue;
    first = SIZE_MAX;
    part->choose(budget(5));
    finished = part->write(folder_ / "parts.gguf", five_more).has_value();
  }
  EXPECT_GT(stops, 5u);
  EXPECT_EQ(test::read_file(folder_ / "parts.gguf"), test::read_file(folder_ / "whole.gguf"));
}

// Formats are those of the file that is followed, also ones that are no grid; what is not named is that file's, byte for byte; what is
// named comes closer than plain rounding.
TEST(BestQuantizer, FollowsAFile) {
  const test::TempFolder folder;
  test::TinyModel tiny;
  tiny.embedding_length = 256;
  tiny.block_count = 2;
  test::write_tiny_model(find_architecture("llama", "test"), tiny, folder / "tiny.gguf");
  const LanguageModel model = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder / "tiny.gguf")), {});
  const Kernels& kernels = select_kernels("auto");
  Team team(2);
  QuantizeOptions plain;
  plain.mix = find_mix("Q4_0");
  plain.tensor_types = {parse_tensor_type("attn_v=iq3_s"), parse_tensor_type("attn_k=q4_k")};
  quantize({model.gguf(), plain, plan_quantization(model.gguf(), plain), {}, [](uint64_t, uint64_t) {}},
           folder / "frame.gguf", team, kernels);
  const Gguf frame = Gguf::open(folder / "frame.gguf");

  BestOptions options;
  options.chunk_tokens = kChunk;
  options.chunks = 120;  // more tokens than a row has columns
  options.state_folder = folder / "state";
  const auto divergence = [&](const std::vector<std::string>& rounded) {
    BestQuantizer best(model, kernels, team, text(130 * kChunk), options);
    best.follow(frame, rounded);
    const std::optional<BestResult> result = best.write(folder / "out.gguf", {});
    EXPECT_EQ(result->tensors.size(), rounded.size());
    return result->divergence;
  };
  const double before = divergence({});
  EXPECT_EQ(test::read_file(folder / "out.gguf"), test::read_file(folder / "frame.gguf"));
  std::vector<std::string> rounded;
  for (const RoundingUnit& unit : rounding_units(model.model())) {
    const std::string name(model.gguf().tensors()[unit.tensor].name);
    if (!name.ends_with("ffn_up.weight")) rounded.push_back(name);
  }
  EXPECT_LT(divergence(rounded), before);
  const Gguf out = Gguf::open(folder / "out.gguf");
  for (const GgufTensor& tensor : frame.tensors()) {
    const GgufTensor& made = *out.find_tensor(tensor.name);
    EXPECT_EQ(made.type, tensor.type) << tensor.name;
    EXPECT_EQ(std::ranges::equal(made.data, tensor.data), std::ranges::count(rounded, tensor.name) == 0) << tensor.name;
  }

  tiny.vocabulary_size = 352;
  test::write_tiny_model(find_architecture("llama", "test"), tiny, folder / "other.gguf");
  const Gguf other = Gguf::open(folder / "other.gguf");
  BestQuantizer best(model, kernels, team, text(130 * kChunk), options);
  EXPECT_THROW(best.follow(other, {}), Error);
}

INSTANTIATE_TEST_SUITE_P(Registry, BestQuantizers, testing::ValuesIn(test::family_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

class OneBestQuantizer : public BestQuantizers {};
const auto only_llama = [] {
  std::vector<test::TinyCase> cases = test::family_cases(Head::logits);
  std::erase_if(cases, [](const test::TinyCase& tiny) { return tiny.name != "llama"; });
  return cases;
};

TEST_P(OneBestQuantizer, MeasurementsOfAnotherTextOrCutShortAreNotUsed) {
  ASSERT_TRUE(quantizer("state")->measure({}));
  const std::string path = folder_ / "state/statistics.jsonl";
  const std::string first = test::read_file(path);
  // A line cut short and lines that are no measurements: the rest still counts, and what is missing is measured again.
  const size_t last = first.rfind("{\"divergence");
  std::ofstream(path, std::ios::binary) << first.substr(0, last + 9)
                                        << "\n{}\n[1]\n{\"tensor\":99999,\"divergence\":1,\"errors\":{\"Q8_0\":1}}\n"
                                        << "{\"tensor\":0,\"divergence\":\"x\",\"errors\":{}}\n";
  size_t kept = 0, total = 0;
  ASSERT_TRUE(quantizer("state")->measure([&](size_t, size_t all, size_t before) {
    kept = before;
    total = all;
    return true;
  }));
  EXPECT_EQ(kept, total - 1);
  ASSERT_TRUE(quantizer("state", 3)->measure([&](size_t, size_t, size_t before) {
    kept = before;
    return true;
  }));
  EXPECT_EQ(kept, 0u);
}

TEST_P(OneBestQuantizer, RefusesAShortTextAndASmallBudget) {
  EXPECT_THROW(BestQuantizer(*model_, select_kernels("auto"), team_, text(7 * kChunk), options("state")), Error);
  const auto best = quantizer("state");
  ASSERT_TRUE(best->measure({}));
  EXPECT_THROW(best->choose(budget(1)), Error);
  EXPECT_THROW(best->choose(0), Error);
}

INSTANTIATE_TEST_SUITE_P(Registry, OneBestQuantizer, testing::ValuesIn(only_llama()),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
