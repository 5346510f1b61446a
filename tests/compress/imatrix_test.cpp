// Importance matrices of tiny models against llama-imatrix's of the same text, and their statistics.
#include "format/imatrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/utf8.h"
#include "compress/calibrate.h"
#include "compress/imatrix_statistics.h"
#include "support/measured_model.h"
#include "support/real_models.h"

namespace thimble {
namespace {

using nlohmann::json;

constexpr size_t kChunk = 64, kChunks = 4;

struct CalibrationRun {
  unsigned threads = 1;
  size_t batch = kChunk;
  CalibrationOptions options;
  CalibrationProgress progress;
  size_t chunks = kChunks;
};

Calibration run(const std::string& name, const CalibrationRun& how) {
  test::MeasuredModel model(name, how.threads);
  const std::vector<TokenId> tokens = model.tokenizer().encode(test::read_file(test::measure_data("text.txt")));
  const Chunks chunks(model.tokenizer(), tokens, kChunk, how.chunks);
  const auto session = model.session(kChunk, how.batch);
  return calibrate(*session, chunks, how.batch, how.options, how.progress);
}

class TinyImatrix : public testing::TestWithParam<const char*> {};

// Float sums in two orders, through seven blocks: 2e-5 is the hundredfold of a rounding. llama.cpp looks gemma's GELU up in a table of
// binary16 by a binary16: two roundings of 2^-11 of a value that is squared, 2e-3.
TEST_P(TinyImatrix, IsLlamaCpps) {
  CalibrationRun how;
  how.options.with_output = true;
  const Calibration ours = run(GetParam(), how);
  const float bound = std::string(GetParam()) == "gemma" ? 2e-3f : 2e-5f;
  const Imatrix theirs = Imatrix::read(test::measure_data(std::string(GetParam()) + ".imatrix.gguf"));
  EXPECT_EQ(ours.imatrix.chunk_count, theirs.chunk_count);
  EXPECT_EQ(ours.imatrix.chunk_size, theirs.chunk_size);
  ASSERT_EQ(ours.imatrix.entries.size(), theirs.entries.size());
  for (const auto& [tensor, entry] : theirs.entries) {
    const ImatrixEntry* mine = ours.imatrix.find(tensor);
    ASSERT_NE(mine, nullptr) << tensor;
    EXPECT_EQ(mine->counts, entry.counts) << tensor;
    ASSERT_EQ(mine->sums.size(), entry.sums.size()) << tensor;
    for (size_t i = 0; i < entry.sums.size(); ++i) {
      ASSERT_NEAR(mine->sums[i], entry.sums[i], bound * entry.sums[i]) << tensor << " " << i;
    }
  }
  const json golden = test::measure_golden();
  if (std::string(GetParam()) != "llama") return;
  EXPECT_NEAR(ours.state.scores.result(kChunks).perplexity, golden["imatrix_ppl"][0].get<double>(), 2e-4);
  EXPECT_NEAR(ours.state.scores.result(kChunks).error, golden["imatrix_ppl"][1].get<double>(), 2e-4);
}

INSTANTIATE_TEST_SUITE_P(Families, TinyImatrix, testing::Values("llama", "gemma", "qwen3-fused"),
                         [](const auto& family) { return test::case_name(family.param); });

// The weights are 4-bit, so that both round what they multiply with to 8 bits: a hundredth, where single values may differ by more.
TEST(RealImatrix, IsLlamaCpps) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, "smollm2-135m");
  const char* handbook = std::getenv("THIMBLE_HANDBOOK");
  if (handbook == nullptr) GTEST_SKIP() << "THIMBLE_HANDBOOK names no text";
  const json golden = json::parse(test::read_file(test::measure_data("smollm2_imatrix.json")));
  std::string text = test::read_file(handbook).substr(0, golden["bytes"]);
  text.resize(text.size() - incomplete_utf8_tail(text));
  const LanguageModel loaded = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path)), {});
  SessionOptions options;
  options.kv.context_length = options.kv.batch_tokens = golden["chunk"];
  options.kv.k_type = options.kv.v_type = NumberType::F16;
  Team team(2);
  Session session(loaded.model(), select_kernels("auto"), team, options);
  const std::vector<TokenId> tokens = loaded.tokenizer().encode(text);
  const Chunks chunks(loaded.tokenizer(), tokens, golden["chunk"], golden["chunks"]);
  CalibrationOptions without;
  without.with_perplexity = false;
  const Calibration ours = calibrate(session, chunks, golden["chunk"], without);
  ASSERT_EQ(ours.imatrix.entries.size(), golden["sums"].size());
  ours.imatrix.require_match(loaded.gguf());
  for (const auto& [tensor, expected] : golden["sums"].items()) {
    double sum = 0;
    for (const float mean : ours.imatrix.find(tensor)->mean_squares()) sum += mean;
    EXPECT_NEAR(sum / expected.get<double>(), 1, 1e-2) << tensor;
  }
}

TEST(Calibrate, TheHeadIsAskedForOrLeftOut) {
  EXPECT_EQ(run("llama", {}).imatrix.find("output.weight"), nullptr);
  CalibrationRun how;
  how.options.with_output = true;
  EXPECT_NE(run("llama", how).imatrix.find("output.weight"), nullptr);
  EXPECT_EQ(run("gemma", how).imatrix.find("token_embd.weight"), nullptr);  // tied, as llama-imatrix has it
}

TEST(Calibrate, NeitherThreadsNorBreaksChangeAByte) {
  const test::TempFolder folder;
  const Calibration whole = run("llama", {});
  CalibrationRun threads;
  threads.threads = 3;
  EXPECT_EQ(run("llama", threads).imatrix.entries, whole.imatrix.entries);

  CalibrationRun broken;
  broken.options.checkpoint = folder / "part";
  broken.options.checkpoint_chunks = 2;
  broken.options.source = 7;
  broken.progress = [](const CalibrationState& state, const auto&, size_t, size_t) { return state.chunks < 3; };
  EXPECT_FALSE(run("llama", broken).complete);
  size_t kept = 0, calls = 0;
  broken.progress = [&](const CalibrationState&, const auto&, size_t had, size_t) { return kept = had, ++calls, true; };
  const Calibration resumed = run("llama", broken);
  EXPECT_EQ(kept, 3u);
  EXPECT_EQ(calls, 1u);
  EXPECT_TRUE(resumed.complete);
  EXPECT_EQ(resumed.imatrix.entries, whole.imatrix.entries);
  EXPECT_EQ(resumed.state.scores.sum, whole.state.scores.sum);
  EXPECT_EQ(resumed.state.scores.squares, whole.state.scores.squares);
}

TEST(Calibrate, ACheckpointOfSomethingElseIsNotGoneOnFrom) {
  const test::TempFolder folder;
  const Calibration whole = run("llama", {});
  CalibrationRun how;
  how.options.checkpoint = folder / "part";
  how.options.source = 1;
  size_t kept = 9;
  how.progress = [&](const CalibrationState&, const auto&, size_t had, size_t) { return kept = had, true; };
  const auto expect_from_start = [&] {
    EXPECT_EQ(run("llama", how).imatrix.entries, whole.imatrix.entries);
    EXPECT_EQ(kept, 0u);
  };
  how.options.checkpoint_chunks = 1;
  expect_from_start();
  how.options.source = 2;  // another text or model
  expect_from_start();
  how.chunks = 2;  // of fewer chunks
  EXPECT_EQ(run("llama", how).imatrix.chunk_count, 2u);
  EXPECT_EQ(kept, 0u);
  how.chunks = kChunks;
  const std::string bytes = test::read_file(how.options.checkpoint);
  for (const size_t length : {0u, 5u, 300u, 5000u}) {
    test::write_file(how.options.checkpoint, bytes.substr(0, length));
    expect_from_start();
  }
  CalibrationRun other = how;
  EXPECT_EQ(run("gemma", other).imatrix.chunk_count, kChunks);  // a checkpoint with other lengths
}

TEST(Calibrate, TheSourceIsModelTextAndHowItIsRun) {
  test::MeasuredModel model("llama");
  const std::vector<TokenId> tokens(300, 5), others(300, 6);
  const Gguf& gguf = model.loaded().gguf();
  const auto source = [&](const std::vector<TokenId>& text, size_t batch, bool with_output, const char* run_as) {
    CalibrationOptions options;
    options.with_output = with_output;
    return calibration_source(gguf, Chunks(model.tokenizer(), text, 64, 0), batch, options, run_as);
  };
  const uint64_t base = source(tokens, 64, false, "a");
  EXPECT_EQ(source(tokens, 64, false, "a"), base);
  EXPECT_NE(source(others, 64, false, "a"), base);
  EXPECT_NE(source(tokens, 32, false, "a"), base);
  EXPECT_NE(source(tokens, 64, true, "a"), base);
  EXPECT_NE(source(tokens, 64, false, "b"), base);
  CalibrationOptions options;
  EXPECT_EQ(calibration_source(gguf, Chunks(model.tokenizer(), tokens, 64, 2), 64, options, "a"), base);
  std::filesystem::last_write_time(model.path(), std::filesystem::file_time_type{});
  EXPECT_NE(source(tokens, 64, false, "a"), base);
}

TEST(ImatrixFile, LlamaCppsDatIsTheSameAsItsGguf) {
  const Imatrix dat = Imatrix::read(test::measure_data("llama.imatrix.dat"));
  const Imatrix gguf = Imatrix::read(test::measure_data("llama.imatrix.gguf"));
  EXPECT_EQ(dat.entries.size() + 1, gguf.entries.size());  // without the head
  EXPECT_EQ(dat.chunk_count, gguf.chunk_count);
  for (const auto& [tensor, entry] : dat.entries) {
    const std::vector<float> a = entry.mean_squares(), b = gguf.find(tensor)->mean_squares();
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) ASSERT_FLOAT_EQ(a[i], b[i]) << tensor;
  }
}

TEST(ImatrixStatistics, AreAsLlamaCppDefinesThem) {
  const json golden = test::measure_golden();
  const std::vector<ImatrixStatistics> all = imatrix_statistics(Imatrix::read(test::measure_data("llama.imatrix.dat")));
  size_t found = 0;
  for (const ImatrixStatistics& s : all) {
    const auto expected = golden["statistics"].find(s.tensor);
    if (expected == golden["statistics"].end()) continue;
    ++found;
    EXPECT_EQ(s.block, golden["block"].get<int>());
    for (const auto& [name, value] : {std::pair{"sum", s.sum},
                                      {"min", s.least},
                                      {"max", s.most},
                                      {"mean", s.mean},
                                      {"stddev", s.deviation},
                                      {"active", s.active},
                                      {"entropy", s.entropy},
                                      {"entropy_share", s.entropy_share},
                                      {"outliers", s.outliers},
                                      {"similarity", s.similarity}}) {
      EXPECT_NEAR(value, (*expected)[name].get<double>(), 1e-6 * std::abs(value)) << s.tensor << " " << name;
    }
  }
  EXPECT_EQ(found, golden["statistics"].size());
  EXPECT_EQ(block_statistics(all).size(), 7u);
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &ImatrixStatistics::kind));
}

}  // namespace
}  // namespace thimble
