// A model in several files answers with the same bytes as in one, and is planned to take as much.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "base/team.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "support/real_models.h"
#include "support/split_gguf.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

struct Run {
  std::vector<float> logits;
  uint64_t planned;
};

Run run(const std::string& path) {
  const LanguageModel loaded = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path)), {"", true});
  SessionOptions options;
  options.kv.context_length = 64;
  options.kv.batch_tokens = 16;
  options.kv.k_type = options.kv.v_type = NumberType::F16;
  Team team(2);
  Session session(loaded.model(), select_kernels("auto"), team, options);
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 20; ++i) tokens.push_back((i * 37 + 11) % 300);
  const std::span<const float> logits = session.append(tokens);
  return {{logits.begin(), logits.end()}, plan_memory(loaded.model(), options, 2, 0).total()};
}

void expect_same(const std::string& whole_path) {
  const test::TempFolder folder;
  const Gguf whole = Gguf::open(whole_path);
  const Run expected = run(whole_path);
  for (const uint32_t parts : {2u, 5u}) {
    const auto paths = test::split_gguf(whole, folder / "m", parts, parts == 5);
    const Run found = run(paths[1]);
    ASSERT_EQ(found.logits.size(), expected.logits.size());
    EXPECT_EQ(std::memcmp(found.logits.data(), expected.logits.data(), found.logits.size() * sizeof(float)), 0);
    // Beside the tensors, each part has a header of its own.
    EXPECT_NEAR(static_cast<double>(found.planned), static_cast<double>(expected.planned), parts * 1024.0);
  }
}

class SplitTinyModels : public testing::TestWithParam<test::TinyCase> {};

TEST_P(SplitTinyModels, GiveTheSameLogits) {
  for (const bool tied : {false, true}) {
    const test::TempFolder folder;
    test::TinyModel tiny = GetParam().model;
    tiny.block_count = 2;
    tiny.tied = tied;
    test::write_tiny_model(*GetParam().spec, tiny, folder / "whole.gguf");
    expect_same(folder / "whole.gguf");
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, SplitTinyModels, testing::ValuesIn(test::tiny_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

TEST(SplitRealModels, GiveTheSameLogits) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, "smollm2-135m");
  expect_same(path);
}

}  // namespace
}  // namespace thimble
