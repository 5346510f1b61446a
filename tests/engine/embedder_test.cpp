// Embedding: what a text gives does not depend on its company, lies and misuse are named, and memory is as planned.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/team.h"
#include "engine/embedder.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

std::vector<TokenId> text(size_t length, size_t start) {
  std::vector<TokenId> ids(length);
  for (size_t i = 0; i < length; ++i) ids[i] = static_cast<TokenId>((i * 37 + start) % 320);
  return ids;
}

// Encoders, and a decoder, which can embed too.
std::vector<test::TinyCase> embedding_cases() {
  std::vector<test::TinyCase> cases = test::tiny_cases(Head::none);
  cases.push_back({"qwen3", &find_architecture("qwen3", "test"), {}});
  return cases;
}

class Embedders : public testing::TestWithParam<test::TinyCase> {
 protected:
  void SetUp() override {
    test::write_tiny_model(*GetParam().spec, GetParam().model, folder_ / "tiny.gguf");
    gguf_ = std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf"));
    model_ = std::make_unique<const Model>(Model::bind(*gguf_));
  }

  SessionOptions options(size_t context) const {
    SessionOptions o;
    o.kv.context_length = context;
    return embedding_options(*model_, o);
  }

  test::TempFolder folder_;
  std::unique_ptr<const Gguf> gguf_;
  std::unique_ptr<const Model> model_;
  Team team_{2};
};

TEST_P(Embedders, ATextsVectorIsItsOwn) {
  std::vector<std::vector<TokenId>> texts;
  for (size_t i = 0; i < 40; ++i) texts.push_back(text(1 + i * 7 % 100, i));
  std::vector<float> first;
  for (const Kernels* kernels : available_kernels()) {
    Embedder embedder(*model_, *kernels, team_, options(128), Pooling::mean);
    const std::vector<float> together = embedder.embed(texts);
    ASSERT_EQ(together.size(), texts.size() * embedder.width());
    if (first.empty()) first = together;
    EXPECT_EQ(together, first) << kernels->isa;
    for (size_t i = 0; i < texts.size(); i += 13) {
      const std::vector<float> alone = embedder.embed({&texts[i], 1});
      EXPECT_EQ(std::memcmp(alone.data(), together.data() + i * embedder.width(), alone.size() * sizeof(float)), 0)
          << kernels->isa << ", text " << i;
    }
  }
}

TEST_P(Embedders, PoolingsAreWhatTheySay) {
  const std::vector<TokenId> whole = text(30, 5);
  const auto pooled = [&](Pooling pooling, const std::vector<TokenId>& ids) {
    Embedder embedder(*model_, select_kernels("auto"), team_, options(64), pooling);
    return embedder.embed({&ids, 1});
  };
  // One token is its own mean, first and last.
  const std::vector<TokenId> one = text(1, 9);
  EXPECT_EQ(pooled(Pooling::mean, one), pooled(Pooling::cls, one));
  EXPECT_EQ(pooled(Pooling::mean, one), pooled(Pooling::last, one));
  EXPECT_NE(pooled(Pooling::mean, whole), pooled(Pooling::cls, whole));
  EXPECT_NE(pooled(Pooling::cls, whole), pooled(Pooling::last, whole));
  if (model_->hyper().causal_attention) {
    // The first token of a decoder sees nothing of what follows.
    EXPECT_EQ(pooled(Pooling::cls, whole), pooled(Pooling::cls, {whole[0]}));
  } else {
    EXPECT_NE(pooled(Pooling::cls, whole), pooled(Pooling::cls, {whole[0]}));
  }
}

TEST_P(Embedders, MisuseIsNamed) {
  Embedder embedder(*model_, select_kernels("auto"), team_, options(64), Pooling::mean);
  const auto message = [&](const std::vector<TokenId>& ids) -> std::string {
    const std::vector<std::vector<TokenId>> texts = {text(3, 1), ids};
    try {
      embedder.embed(texts);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(message({}).find("text 2 is empty"), std::string::npos) << message({});
  EXPECT_NE(message(text(65, 1)).find("text 2 has 65 tokens, the limit is 64"), std::string::npos);
  EXPECT_NE(message({1, 320}).find("token id 320 of text 2"), std::string::npos);
  EXPECT_NE(message({-1}).find("token id -1 of text 2"), std::string::npos);
  EXPECT_EQ(message(text(64, 1)), "accepted");
}

TEST_P(Embedders, WeightsThatAreNotFiniteGiveNoVector) {
  std::string bytes = test::read_file(folder_ / "tiny.gguf");
  const GgufTensor& tensor = *gguf_->find_tensor("blk.1.ffn_down.weight");
  const float bad = std::numeric_limits<float>::quiet_NaN();
  const auto offset = static_cast<size_t>(tensor.data.data() - gguf_->files().front().bytes().data());
  std::memcpy(bytes.data() + offset, &bad, sizeof bad);
  test::write_file(folder_ / "bad.gguf", bytes);
  const Gguf gguf = Gguf::open(folder_ / "bad.gguf");
  const Model model = Model::bind(gguf);
  Embedder embedder(model, select_kernels("auto"), team_, options(64), Pooling::mean);
  const std::vector<TokenId> ids = text(3, 1);
  EXPECT_THROW(embedder.embed({&ids, 1}), Error);
}

TEST_P(Embedders, ThePlanCountsWhatIsAllocated) {
  const SessionOptions o = options(64);
  const MemoryPlan plan = plan_memory(*model_, o, team_.size(), 0);
  const Workspace workspace(*model_, o.workspace(team_.size()));
  EXPECT_EQ(plan.kv, Embedder::cache_bytes(*model_, o));
  EXPECT_EQ(plan.activations + plan.scratch, workspace.layout().total_bytes());
  EXPECT_EQ(workspace.layout().logits, 0u);
}

TEST(Encoder, MakesNoText) {
  const test::TempFolder folder;
  const test::TinyCase tiny = test::family_cases(Head::none).front();
  test::write_tiny_model(*tiny.spec, tiny.model, folder / "tiny.gguf");
  const Gguf gguf = Gguf::open(folder / "tiny.gguf");
  const Model model = Model::bind(gguf);
  Team team(1);
  SessionOptions options;
  try {
    Session session(model, select_kernels("auto"), team, options);
    ADD_FAILURE() << "an encoder answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("thimble embed"), std::string::npos) << error.what();
  }
}

TEST(Encoder, OneDenseLayerAloneIsRefused) {
  const test::TempFolder folder;
  for (const Role only : {Role::dense_2, Role::dense_3}) {
    test::TinyModel tiny;
    tiny.with = {only};
    tiny.adjust = [](Hyperparameters& h) { h.dense_2_feat_out = h.dense_3_feat_in = 160; };
    test::write_tiny_model(find_architecture("gemma-embedding", "test"), tiny, folder / "tiny.gguf");
    const Gguf gguf = Gguf::open(folder / "tiny.gguf");
    try {
      Model::bind(gguf, Model::Depth::shapes);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what())
                    .find(only == Role::dense_2 ? "dense_3.weight is missing" : "dense_2.weight is missing"),
                std::string::npos)
          << error.what();
    }
  }
}

TEST(Encoder, LearnedPositionsEnd) {
  const test::TempFolder folder;
  const ArchSpec& bert = find_architecture("bert", "test");
  test::write_tiny_model(bert, test::tiny_of(bert), folder / "tiny.gguf");
  const Gguf gguf = Gguf::open(folder / "tiny.gguf");
  const Model model = Model::bind(gguf);
  SessionOptions options;
  options.kv.context_length = model.hyper().context_length + 1;
  EXPECT_THROW(embedding_options(model, options), Error);
}

TEST(Normalise, GivesLengthOne) {
  std::vector<float> vector = {3.0f, -4.0f, 0.0f}, zeros(3);
  normalise(vector);
  EXPECT_EQ(vector, (std::vector<float>{0.6f, -0.8f, 0.0f}));
  normalise(zeros);
  EXPECT_EQ(zeros, std::vector<float>(3));
}

INSTANTIATE_TEST_SUITE_P(Registry, Embedders, testing::ValuesIn(embedding_cases()),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
