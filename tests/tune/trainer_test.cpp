// Training of tiny models against peft and PyTorch (tests/oracle/tiny_training.py), and runs that are broken off against whole ones.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <memory>

#include "kernels/kernels.h"
#include "support/npy_file.h"
#include "support/temp_file.h"
#include "support/tiny_training.h"
#include "tune/trainer.h"

namespace thimble {
namespace {

TrainingExample example(size_t i) {
  TrainingExample example;
  const auto id = [i](size_t j) { return static_cast<TokenId>((i * 13 + j * 7 + j * j % 11) % 320); };
  for (size_t j = 0; j + 1 < 20 + i; ++j) {
    example.tokens.push_back(id(j));
    example.targets.push_back(j + 1 >= 5 && (i + j + 1) % 4 != 0 ? id(j + 1) : kNotScored);
  }
  example.line = i + 1;
  return example;
}

std::vector<TrainingExample> examples(size_t begin, size_t end) {
  std::vector<TrainingExample> all;
  for (size_t i = begin; i < end; ++i) all.push_back(example(i));
  return all;
}

TrainerOptions golden_options() {
  TrainerOptions options;
  options.lora = {test::kTinyRank, 16, parse_targets("all")};
  options.optimizer.learning_rate = 2e-3;
  options.optimizer.weight_decay = 0.1;
  options.optimizer.warmup = 3;
  options.optimizer.steps = 30;
  options.batch_size = 2;
  options.grad_accum = 2;
  options.max_length = 64;
  options.shuffle = false;
  return options;
}

// A tiny model with a trainer on it.
class TinyRun {
 public:
  explicit TinyRun(const std::string& family, const TrainerOptions& options = golden_options(), unsigned threads = 1,
                   std::vector<TrainingExample> validation = {}, const Kernels& kernels = select_kernels("auto"))
      : team_(threads) {
    const ArchSpec& spec = find_architecture(family, "test");
    test::write_tiny_model(spec, test::tiny_of(spec), folder_ / "tiny.gguf");
    gguf_ = std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf"));
    model_ = std::make_unique<Model>(Model::bind(*gguf_));
    trainer_ = std::make_unique<Trainer>(*model_, kernels, team_, options, examples(0, 24), std::move(validation));
  }
  Trainer* operator->() { return trainer_.get(); }
  Model& model() { return *model_; }
  const test::TempFolder& folder() const { return folder_; }

  // The factors that the golden files begin with.
  void fill() {
    for (const LoraTensor& tensor : trainer_->lora().tensors()) {
      const std::string name(tensor.base->name);
      const float a_spread = std::sqrt(3.0f / static_cast<float>(tensor.columns));
      std::ranges::copy(test::tiny_factor(name + ".lora_a", tensor.a_count(), a_spread),
                        trainer_->lora().a(tensor).begin());
      std::ranges::copy(test::tiny_factor(name + ".lora_b", tensor.b_count(), 0.5f * std::sqrt(3.0f / test::kTinyRank)),
                        trainer_->lora().b(tensor).begin());
    }
  }

 private:
  test::TempFolder folder_;
  Team team_;
  std::unique_ptr<const Gguf> gguf_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Trainer> trainer_;
};

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double product = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    aa += double{a[i]} * a[i];
    bb += double{b[i]} * b[i];
  }
  return product / std::sqrt(aa * bb);
}

class Golden : public testing::TestWithParam<std::string> {};

// Thirty steps, each loss within `tolerance` of peft's; the cosine of how far the factors moved with how far they did there.
double cosine_with_peft(const std::string& family, const TrainerOptions& options, double tolerance) {
  TinyRun run(family, options);
  run.fill();
  const std::vector<float> before(run->lora().parameters().begin(), run->lora().parameters().end());
  const std::vector<float> golden =
      test::read_npy(std::string(THIMBLE_TEST_DATA) + "/tune/" + family + "-training.npy");
  for (size_t step = 0; step < 30; ++step) {
    const StepReport report = run->step();
    EXPECT_NEAR(report.loss / golden[step], 1.0, tolerance) << "step " << step + 1;
  }
  EXPECT_TRUE(run->is_finished());
  std::vector<LoraTensor> tensors(run->lora().tensors().begin(), run->lora().tensors().end());
  std::ranges::sort(tensors, {}, [](const LoraTensor& tensor) { return tensor.base->name; });
  std::vector<float> moved, expected;  // from where the run began
  size_t next = 0, kept = 30;
  for (const LoraTensor& tensor : tensors) {
    for (size_t i = tensor.first; i < tensor.first + tensor.a_count() + tensor.b_count(); ++i, ++next) {
      if (next % 29 != 0) continue;
      moved.push_back(run->lora().parameters()[i] - before[i]);
      expected.push_back(golden.at(kept++) - before[i]);
    }
  }
  EXPECT_EQ(kept, golden.size());
  return cosine(moved, expected);
}

TEST_P(Golden, ThirtyStepsGoAsInPeft) {
  // Float32 on both sides; AdamW divides each gradient by its size, so what differs in a small one's last bits grows.
  EXPECT_GT(cosine_with_peft(GetParam(), golden_options(), 1e-3), 0.999);
}

TEST_P(Golden, ThirtyStepsInBfloat16GoAsInPeft) {
  TrainerOptions options = golden_options();
  options.bfloat = true;
  // Each product's operands are off by up to 2^-9; a small random model's loss is moved by up to 1.3% by that.
  EXPECT_GT(cosine_with_peft(GetParam(), options, 2e-2), 0.99);
}

TEST(Trainer, Bfloat16GivesTheSameBytesOnEveryInstructionSetAndNumberOfThreads) {
  TrainerOptions options = golden_options();
  options.bfloat = true;
  options.optimizer.steps = 2;
  options.optimizer.warmup = 0;
  std::vector<float> expected;
  for (const Kernels* kernels : available_kernels()) {
    for (const unsigned threads : {1u, 3u}) {
      TinyRun run("llama", options, threads, {}, *kernels);
      run.fill();
      while (!run->is_finished()) run->step();
      const std::span<const float> found = run->lora().parameters();
      if (expected.empty()) expected.assign(found.begin(), found.end());
      EXPECT_TRUE(std::ranges::equal(found, expected)) << kernels->isa << ", " << threads << " threads";
    }
  }
  options.bfloat = false;
  TinyRun floats("llama", options);
  floats.fill();
  while (!floats->is_finished()) floats->step();
  EXPECT_FALSE(std::ranges::equal(floats->lora().parameters(), expected));
}

INSTANTIATE_TEST_SUITE_P(Families, Golden, testing::Values("llama", "qwen2", "gemma3"),
                         [](const auto& family) { return family.param; });

TEST(Trainer, GoesOnFromACheckpointWithTheSameBytes) {
  TrainerOptions options = golden_options();
  options.shuffle = true;
  options.optimizer.steps = 9;  // over the end of an epoch
  options.eval_every = 2;
  for (const bool states_in_8_bits : {false, true}) {
    options.optimizer.states_in_8_bits = states_in_8_bits;
    const RunIdentity identity{"model", "data", "options"};
    TinyRun whole("llama", options, 2, examples(24, 28));
    whole->lora().initialize(5);
    while (!whole->is_finished()) whole->step();
    TinyRun first("llama", options, 1, examples(24, 28));
    first->lora().initialize(5);
    for (size_t i = 0; i < 5; ++i) first->step();
    const std::string path = first.folder() / "checkpoint";
    first->write_checkpoint(path, identity);
    TinyRun second("llama", options, 3, examples(24, 28));
    second->read_checkpoint(path, identity);
    EXPECT_EQ(second->done(), 5u);
    while (!second->is_finished()) second->step();
    EXPECT_TRUE(std::ranges::equal(whole->lora().parameters(), second->lora().parameters()));
  }
}

TEST(Trainer, RefusesTheCheckpointOfAnotherRun) {
  TinyRun run("llama");
  const std::string path = run.folder() / "checkpoint";
  run->write_checkpoint(path, {"model", "data", "options"});
  for (const RunIdentity& other :
       {RunIdentity{"x", "data", "options"}, RunIdentity{"model", "x", "options"}, RunIdentity{"model", "data", "x"}}) {
    EXPECT_THROW(run->read_checkpoint(path, other), Error);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  EXPECT_THROW(run->read_checkpoint(path, {"model", "data", "options"}), Error);
}

TEST(Trainer, EndsWhereTheValidationGetsNoBetter) {
  TrainerOptions options = golden_options();
  options.optimizer.learning_rate = 0.3;  // far too much
  options.optimizer.warmup = 0;
  options.eval_every = 1;
  options.patience = 2;
  TinyRun run("llama", options, 1, examples(24, 28));
  run->lora().initialize(1);
  StepReport report;
  while (!run->is_finished()) report = run->step();
  EXPECT_LT(report.step, 30u);
  EXPECT_TRUE(report.is_last);
  EXPECT_FALSE(report.is_best);
}

TEST(Trainer, StopsAtALossThatIsNotFiniteAndNamesTheLines) {
  TinyRun run("llama");
  run.fill();
  run->step();
  run->lora().parameters()[0] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> before(run->lora().parameters().begin() + 1, run->lora().parameters().end());
  try {
    run->step();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("step 2"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("5, 6, 7, 8"), std::string::npos) << error.what();
  }
  EXPECT_EQ(run->done(), 1u);
  EXPECT_TRUE(std::ranges::equal(before, run->lora().parameters().subspan(1)));
}

// Eight bits a state: the loss falls as it does with 32.
TEST(Trainer, StatesInEightBitsTrainAsWell) {
  double last[2];
  for (const bool states_in_8_bits : {false, true}) {
    TrainerOptions options = golden_options();
    options.optimizer.states_in_8_bits = states_in_8_bits;
    TinyRun run("qwen2", options);
    run.fill();
    for (size_t i = 0; i < 30; ++i) last[states_in_8_bits] = run->step().loss;
  }
  EXPECT_NEAR(last[1] / last[0], 1.0, 0.01);
}

}  // namespace
}  // namespace thimble
