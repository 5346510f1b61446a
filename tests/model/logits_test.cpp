// What tiny random models give against transformers (tests/oracle/tiny_logits.py) and llama.cpp (tests/oracle/tiny_llama_cpp.py), for
// every family of the registry and what only some of its files have.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/arch_spec.h"
#include "model/forward.h"
#include "support/npy_file.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

constexpr size_t kTokens = 48;
constexpr size_t kRows[] = {0, 1, 15, 16, 17, 31, 40, 47};  // of the logits, that the golden files hold

std::vector<TokenId> ids(size_t count = kTokens, size_t start = 11) {
  std::vector<TokenId> out;
  for (size_t i = 0; i < count; ++i) out.push_back(static_cast<TokenId>((i * 37 + start) % 320));
  return out;
}

std::vector<float> golden(const std::string& folder, const std::string& name) {
  return test::read_npy(std::string(THIMBLE_TEST_DATA) + "/" + folder + "/" + name + ".npy");
}

// A full-precision cache, so that what is compared is the model.
struct PlainCache {
  PlainCache(const Hyperparameters& h, size_t capacity) : bytes(h.block_count * 2 * h.key_width() * capacity * 4) {
    for (uint32_t block = 0; block < h.block_count; ++block) {
      const size_t size = h.key_width() * capacity * 4;
      std::byte* k = bytes.data() + 2 * block * size;
      blocks.push_back({k, k + size, h.key_length * capacity * 4, h.key_length * capacity * 4, capacity});
    }
    view = {blocks, NumberType::F32, NumberType::F32, 0, 0};
  }
  std::vector<std::byte> bytes;
  std::vector<KvBlock> blocks;
  KvView view;
};

class TinyModels : public testing::TestWithParam<test::TinyCase> {
 protected:
  void SetUp() override {
    test::write_tiny_model(*GetParam().spec, GetParam().model, folder_ / "tiny.gguf");
    gguf_ = std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf"));
    model_ = std::make_unique<const Model>(Model::bind(*gguf_));
  }

  const Hyperparameters& hyper() const { return model_->hyper(); }
  WorkspaceOptions options(size_t tokens, size_t context) const { return {tokens, tokens, team_.size(), context, 8}; }

  test::TempFolder folder_;
  std::unique_ptr<const Gguf> gguf_;
  std::unique_ptr<const Model> model_;
  Team team_{2};
};

class Decoders : public TinyModels {};

TEST_P(Decoders, LogitsEqualTransformers) {
  Workspace workspace(*model_, options(kTokens, 64));
  PlainCache cache(hyper(), 64);
  const ForwardContext context{*model_, select_kernels("auto"), team_, workspace};
  forward(context, cache.view, ids(), 0);
  const std::span<const float> logits = compute_logits(context, 0, kTokens);
  const std::vector<float> expected = golden("model", GetParam().name);
  const size_t width = hyper().vocabulary_size;
  ASSERT_EQ(expected.size(), std::size(kRows) * width);
  // Both sides add a few hundred float32 products a value, in another order, through seven blocks: 1e-7 * sqrt(200) * 7 * ~10.
  for (size_t r = 0; r < std::size(kRows); ++r) {
    for (size_t i = 0; i < width; ++i) {
      ASSERT_NEAR(logits[kRows[r] * width + i], expected[r * width + i], 2e-4) << "token " << kRows[r] << ", id " << i;
    }
  }
}

class DecodersAsLlamaCpp : public TinyModels {};

// llama.cpp's tool gives log-probabilities of the second half of a chunk of 64 tokens, rounded to 65536 steps of at most 16.
TEST_P(DecodersAsLlamaCpp, LogProbabilitiesEqual) {
  const std::vector<float> expected = golden("llama_cpp", "tiny_" + GetParam().name);
  constexpr size_t kChunk = 64, kGoldenRows = 8;
  const size_t width = hyper().vocabulary_size;
  ASSERT_EQ(expected.size(), kGoldenRows * width);
  std::vector<TokenId> tokens(kChunk);
  for (size_t i = 0; i < kChunk; ++i) tokens[i] = static_cast<TokenId>(33 + (i * 29 + 7) % 94);  // visible characters
  Workspace workspace(*model_, options(kChunk, kChunk));
  PlainCache cache(hyper(), kChunk);
  const ForwardContext context{*model_, select_kernels("auto"), team_, workspace};
  forward(context, cache.view, tokens, 0);
  // llama.cpp looks GELU up in a table over binary16: 2^-11 of each value of the feed-forward.
  const bool table = GetParam().spec->block.activation != Activation::silu;
  const float tolerance = table ? 1e-2f : 1e-3f;
  for (size_t r = 0; r < kGoldenRows; ++r) {
    const size_t token = kChunk / 2 + r * 4;
    const std::span<const float> logits = compute_logits(context, token, 1);
    const float largest = *std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
    for (size_t i = 0; i < width; ++i) {
      const float log_probability = logits[i] - largest - static_cast<float>(std::log(sum));
      ASSERT_NEAR(std::max(log_probability, -16.0f), expected[r * width + i], tolerance)
          << "token " << token << ", id " << i;
    }
  }
}

TEST_P(Decoders, TokenByTokenEqualsBatchBitForBit) {
  std::vector<float> batch;
  for (const Kernels* kernels : available_kernels()) {
    Workspace workspace(*model_, options(kTokens, 64));
    const ForwardContext context{*model_, *kernels, team_, workspace};
    PlainCache together(hyper(), 64), apart(hyper(), 64);
    forward(context, together.view, ids(), 0);
    const std::span<const float> all = compute_logits(context, 0, kTokens);
    if (batch.empty()) batch.assign(all.begin(), all.end());
    EXPECT_TRUE(std::equal(batch.begin(), batch.end(), all.begin())) << kernels->isa << " differs from the first table";
    for (size_t i = 0; i < kTokens; ++i) {
      const TokenId id = ids()[i];
      forward(context, apart.view, {&id, 1}, i);
      const std::span<const float> one = compute_logits(context, 0, 1);
      ASSERT_EQ(std::memcmp(one.data(), batch.data() + i * one.size(), one.size_bytes()), 0)
          << kernels->isa << ", token " << i;
    }
  }
}

// Keeps what the readers of each block read.
class Recorder : public InputProbe {
 public:
  explicit Recorder(size_t tokens) : tokens_(tokens) {}

  void see(Worker&, uint32_t block, Role reader, size_t token, std::span<const float> values) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::vector<float>>& rows = seen[{block, reader}];
    rows.resize(tokens_);
    EXPECT_TRUE(rows[token].empty()) << "token " << token << " is seen twice";
    rows[token].assign(values.begin(), values.end());
  }
  void finish(Worker& worker, uint32_t block, Role reader, size_t tokens) override {
    EXPECT_EQ(tokens, tokens_);
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(std::ranges::none_of(seen[{block, reader}], [](const auto& row) { return row.empty(); }));
    finishes += worker.index() == 0;
  }

  std::map<std::pair<uint32_t, Role>, std::vector<std::vector<float>>> seen;
  size_t finishes = 0;

 private:
  size_t tokens_;
  std::mutex mutex_;
};

TEST_P(Decoders, BlockByBlockUnderAProbeEqualsTheWholePass) {
  Workspace workspace(*model_, options(kTokens, 64));
  PlainCache cache(hyper(), 64);
  ForwardContext context{*model_, select_kernels("auto"), team_, workspace};
  forward(context, cache.view, ids(), 0);
  const std::span<const float> logits = compute_logits(context, 0, kTokens);
  const std::vector<float> whole(logits.begin(), logits.end());

  Recorder recorder(kTokens);
  context.probe = &recorder;
  const Sequence sequence = {0, kTokens, 0, 0};
  embed_tokens(context, ids(), {&sequence, 1});
  const size_t width = hyper().embedding_length;
  for (uint32_t block = 0; block < hyper().block_count; ++block) {
    // The residual is all that goes from block to block.
    const std::vector<float> residual(workspace.residual, workspace.residual + kTokens * width);
    std::fill_n(workspace.residual, kTokens * width, -1.0f);
    std::ranges::copy(residual, workspace.residual);
    forward_blocks(context, cache.view, kTokens, {&sequence, 1}, block, block + 1);
  }
  EXPECT_TRUE(std::ranges::equal(whole, compute_logits(context, 0, kTokens)));
  EXPECT_EQ(recorder.finishes, 4 * hyper().block_count + 1);
  for (uint32_t block = 0; block < hyper().block_count; ++block) {
    EXPECT_EQ((recorder.seen[{block, Role::attn_q}][7].size()), width);
    EXPECT_EQ((recorder.seen[{block, Role::attn_output}][7].size()), hyper().attention_width());
    EXPECT_EQ((recorder.seen[{block, Role::ffn_up}][7].size()), width);
    EXPECT_EQ((recorder.seen[{block, Role::ffn_down}][7].size()), hyper().feed_forward_length);
  }
  EXPECT_EQ((recorder.seen[{hyper().block_count, Role::output}][7].size()), width);
}

class Encoders : public TinyModels {};

TEST_P(Encoders, VectorsEqualTransformers) {
  Workspace workspace(*model_, options(kTokens, kTokens));
  PlainCache cache(hyper(), 64);
  const ForwardContext context{*model_, select_kernels("auto"), team_, workspace};
  const Sequence whole = {0, kTokens, 0, 0};
  forward(context, cache.view, ids(), {&whole, 1});
  const std::vector<float> expected = golden("model", GetParam().name);
  const size_t width = hyper().embedding_length;
  const Pooling poolings[] = {Pooling::mean, Pooling::cls, Pooling::last};
  ASSERT_EQ(expected.size(), std::size(poolings) * width);
  for (size_t p = 0; p < std::size(poolings); ++p) {
    const std::span<const float> vectors = compute_embeddings(context, {&whole, 1}, poolings[p]);
    for (size_t i = 0; i < width; ++i) {
      // As for logits; the exact GELU is within 2e-7 of each value.
      ASSERT_NEAR(vectors[i], expected[p * width + i], 2e-4) << "pooling " << p << ", value " << i;
    }
  }
}

TEST_P(Encoders, CompanyChangesNoBit) {
  const std::vector<TokenId> texts[] = {ids(48, 11), ids(5, 3), ids(1, 200), ids(33, 77)};
  const size_t width = hyper().embedding_length;
  std::vector<TokenId> all;
  std::vector<Sequence> sequences;
  size_t slot = 0;
  for (const auto& text : texts) {
    sequences.push_back({all.size(), all.size() + text.size(), 0, slot});
    all.insert(all.end(), text.begin(), text.end());
    slot += kSequenceAlignment;
  }
  std::vector<float> first;
  for (const Kernels* kernels : available_kernels()) {
    Workspace workspace(*model_, options(all.size(), 64));
    PlainCache cache(hyper(), slot);
    const ForwardContext context{*model_, *kernels, team_, workspace};
    forward(context, cache.view, all, sequences);
    const std::span<const float> made = compute_embeddings(context, sequences, Pooling::mean);
    const std::vector<float> together(made.begin(), made.end());
    if (first.empty()) first = together;
    EXPECT_EQ(together, first) << kernels->isa << " differs from the first table";
    for (size_t t = 0; t < std::size(texts); ++t) {
      const Sequence alone = {0, texts[t].size(), 0, 0};
      forward(context, cache.view, texts[t], {&alone, 1});
      const std::span<const float> vector = compute_embeddings(context, {&alone, 1}, Pooling::mean);
      EXPECT_TRUE(std::ranges::equal(vector, std::span(together).subspan(t * width, width)))
          << kernels->isa << ", text " << t;
    }
  }
}

// All but Phi 3 with a window, which the checkpoint has and llama.cpp switches off.
std::vector<test::TinyCase> cases_as_llama_cpp() {
  std::vector<test::TinyCase> cases = test::tiny_cases(Head::logits);
  std::erase_if(cases, [](const test::TinyCase& tiny) { return tiny.name == "phi3"; });
  return cases;
}

const auto name_of_case = [](const auto& tiny) { return test::case_name(tiny.param.name); };
INSTANTIATE_TEST_SUITE_P(Registry, Decoders, testing::ValuesIn(test::tiny_cases(Head::logits)), name_of_case);
INSTANTIATE_TEST_SUITE_P(Registry, DecodersAsLlamaCpp, testing::ValuesIn(cases_as_llama_cpp()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Registry, Encoders, testing::ValuesIn(test::tiny_cases(Head::none)), name_of_case);

}  // namespace
}  // namespace thimble
