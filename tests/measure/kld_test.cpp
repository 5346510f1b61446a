// Perplexity and divergence of tiny models against llama-perplexity's figures, and its file of log-probabilities both ways. The
// models are float32 throughout, so what differs is the order of float sums.
#include "measure/kld.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>

#include "base/error.h"
#include "measure/log_prob_record.h"
#include "measure/perplexity.h"
#include "support/measured_model.h"

namespace thimble {
namespace {

using nlohmann::json;

std::vector<TokenId> text_tokens(const Tokenizer& tokenizer) {
  return tokenizer.encode(test::read_file(test::measure_data("text.txt")));
}

// Figures are printed with six digits behind the point; two are within the rounding of each and of the float sums.
constexpr double kPrinted = 2e-6;

void expect_figure(const json& golden, const Estimate& ours, const std::string& name, double factor = 1,
                   double printed = kPrinted) {
  EXPECT_NEAR(ours.value * factor, golden[name][0].get<double>(), printed + 1e-6 * std::abs(ours.value)) << name;
  EXPECT_NEAR(ours.error * factor, golden[name][1].get<double>(), printed + 1e-6 * std::abs(ours.error)) << name;
}

void expect_same(const KldResult& a, const KldResult& b) {
  EXPECT_EQ(a.kld.mean.value, b.kld.mean.value);
  EXPECT_EQ(a.kld.mean.error, b.kld.mean.error);
  EXPECT_EQ(a.kld.percentiles, b.kld.percentiles);
  EXPECT_EQ(a.ppl.value, b.ppl.value);
  EXPECT_EQ(a.ppl_reference.value, b.ppl_reference.value);
  EXPECT_EQ(a.same_top.value, b.same_top.value);
  EXPECT_EQ(a.probability_rms.value, b.probability_rms.value);
}

TEST(NegativeLogProbability, IsTheLogOfTheSoftmax) {
  const std::vector<float> logits{1.0f, 2.0f, -500.0f, 3.0f};
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(3.0);
  EXPECT_NEAR(negative_log_probability(logits, 1), -std::log(std::exp(2.0) / sum), 1e-6);
  EXPECT_NEAR(negative_log_probability(logits, 2), 500 + std::log(sum), 1e-3);
}

TEST(LogProbRecord, HoldsLogProbabilitiesToHalfAStep) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 4);
  for (const size_t vocabulary : {5u, 320u}) {
    std::vector<float> logits(vocabulary);
    for (float& logit : logits) logit = normal(random);
    std::vector<uint16_t> record(log_prob_words(vocabulary));
    EXPECT_NEAR(encode_log_probs(logits, 3, record), negative_log_probability(logits, 3), 1e-5);
    const LogProbHeader header = log_prob_header(record);
    const float best = *std::ranges::max_element(logits);
    for (size_t i = 0; i < vocabulary; ++i) {
      const float log_prob = header.step * record[kLogProbHeader + i] + header.minimum;
      if (logits[i] > best - 16) {
        EXPECT_NEAR(log_prob, -negative_log_probability(logits, static_cast<TokenId>(i)), header.step * 0.51f + 2e-6f);
      } else {
        EXPECT_EQ(log_prob, header.minimum);
      }
    }
  }
  std::vector<uint16_t> record(log_prob_words(4), 7);
  EXPECT_NEAR(encode_log_probs(std::vector<float>(4, 1.0f), 0, record), std::log(4.0), 1e-6);  // a step of 0
  EXPECT_EQ(record[kLogProbHeader], 0);
}

TEST(CompareRow, IsTheDivergenceOfTwoSoftmaxes) {
  const std::vector<float> reference{2.0f, 1.0f, 0.0f, -1.0f}, candidate{1.0f, 2.0f, 0.5f, -1.0f};
  std::vector<uint16_t> record(log_prob_words(4));
  const double nll_reference = encode_log_probs(reference, 1, record);
  const KldRow row = compare_row(record, candidate, 1);
  double kld = 0;
  for (TokenId i = 0; i < 4; ++i) {
    const double p = negative_log_probability(reference, i), q = negative_log_probability(candidate, i);
    kld += std::exp(-p) * (q - p);
  }
  EXPECT_NEAR(row.kld, kld, 1e-5);
  EXPECT_NEAR(row.nll, negative_log_probability(candidate, 1), 1e-6);
  EXPECT_NEAR(row.nll_reference, nll_reference, 1e-4);
  EXPECT_FALSE(row.same_top);
  EXPECT_TRUE(compare_row(record, reference, 1).same_top);
}

TEST(Kld, AgainstLlamaCppsFileIsWhatItSays) {
  const json golden = test::measure_golden();
  const json& expected = golden["divergence"];
  test::MeasuredModel model("llama-linear", 2);
  const LogProbFile base = LogProbFile::open(test::measure_data("llama.kld"));
  EXPECT_EQ(base.chunk_tokens(), golden["chunk"].get<uint32_t>());
  EXPECT_EQ(base.chunk_count(), golden["chunks"].get<uint32_t>());
  const Chunks chunks(model.tokenizer(), base.tokens(), base.chunk_tokens(), 0, 1);
  const auto session = model.session(base.chunk_tokens(), base.chunk_tokens());
  const KldResult result = measure_kld(base, *session, chunks);
  EXPECT_EQ(result.tokens, chunks.count() * chunks.scored());
  expect_figure(expected, result.ppl, "ppl");
  expect_figure(expected, result.ppl_reference, "ppl_reference");
  expect_figure(expected, result.log_ratio, "log_ratio");
  expect_figure(expected, result.ratio, "ratio");
  EXPECT_NEAR(result.ppl_difference.value, expected["difference"][0].get<double>(), 1e-4);
  EXPECT_NEAR(result.ppl_difference.error, expected["difference"][1].get<double>(), 1e-4);
  expect_figure(expected, result.kld.mean, "kld");
  expect_figure(expected, result.probability.mean, "dp", 100, 6e-4);
  expect_figure(expected, result.probability_rms, "dp_rms", 100, 6e-4);
  expect_figure(expected, result.same_top, "same_top", 100, 6e-4);
  EXPECT_NEAR(result.correlation * 100, expected["correlation"].get<double>(), 6e-3);
  const std::map<std::string, double> kld = expected["KLD percentiles"], dp = expected["Δp percentiles"];
  const auto check = [&](const std::map<std::string, double>& printed, const Distribution& ours, double factor,
                         double tolerance) {
    EXPECT_NEAR(printed.at("Maximum"), ours.most * factor, tolerance);
    EXPECT_NEAR(printed.at("Median"), ours.median * factor, tolerance);
    EXPECT_NEAR(printed.at("Minimum"), ours.least * factor, tolerance);
    size_t found = 3;
    for (size_t i = 0; i < kPercentiles.size(); ++i) {
      const auto at = printed.find(fmt::format("{:.1f}%", kPercentiles[i] * 100));
      if (at == printed.end()) continue;
      EXPECT_NEAR(at->second, ours.percentiles[i] * factor, tolerance) << at->first;
      ++found;
    }
    EXPECT_EQ(found, printed.size());
  };
  check(kld, result.kld, 1, 5e-6);
  check(dp, result.probability, 100, 1e-3);
}

TEST(Kld, SideBySideIsTheSameAsFromAFileOfOurOwn) {
  const json golden = test::measure_golden();
  const test::TempFolder folder;
  test::MeasuredModel reference("llama", 2), candidate("llama-linear", 2);
  const std::vector<TokenId> tokens = text_tokens(reference.tokenizer());
  const Chunks chunks(reference.tokenizer(), tokens, golden["chunk"], golden["chunks"]);
  const auto theirs = reference.session(chunks.chunk_tokens(), 24), ours = candidate.session(chunks.chunk_tokens(), 64);
  LogProbFileWriter writer(folder / "base", chunks, theirs->model().hyper().vocabulary_size);
  const PerplexityResult ppl = measure_perplexity(*theirs, chunks, {}, &writer);
  writer.commit();
  EXPECT_NEAR(ppl.perplexity, golden["ppl"][0].get<double>(), 2e-4);
  EXPECT_NEAR(ppl.error, golden["ppl"][1].get<double>(), 2e-4);
  EXPECT_NEAR(measure_perplexity(*theirs, chunks).perplexity, ppl.perplexity, 1e-4);

  size_t calls = 0;
  const KldResult both = measure_kld(*theirs, *ours, chunks, [&](const KldResult& so_far, size_t total) {
    EXPECT_EQ(so_far.chunks, ++calls);
    return total == chunks.count();
  });
  EXPECT_EQ(calls, chunks.count());
  const LogProbFile base = LogProbFile::open(folder / "base");
  EXPECT_EQ(std::vector(base.tokens().begin(), base.tokens().end()),
            std::vector(chunks.all().begin(), chunks.all().end()));
  expect_same(both, measure_kld(base, *ours, chunks));
  EXPECT_NEAR(both.kld.mean.value, golden["divergence"]["kld"][0].get<double>(), 1e-5);
  // Stopped after two chunks, it is the result of two.
  const KldResult two =
      measure_kld(*theirs, *ours, chunks, [](const KldResult& so_far, size_t) { return so_far.chunks < 2; });
  EXPECT_EQ(two.chunks, 2u);
  expect_same(two, measure_kld(base, *ours, Chunks(reference.tokenizer(), tokens, golden["chunk"], 2)));
}

// Long chunks are scored in several pieces.
TEST(Kld, OfLongChunksIsTheSameInBothWays) {
  const test::TempFolder folder;
  test::MeasuredModel reference("llama", 2), candidate("llama-linear", 2);
  std::mt19937 random(1);
  std::vector<TokenId> tokens(2 * 1024);
  for (TokenId& token : tokens) token = static_cast<TokenId>('a' + random() % 26);
  const Chunks chunks(reference.tokenizer(), tokens, 1024, 1);
  ASSERT_GT(chunks.pieces(held_records(1024)).size(), 1u);
  const auto theirs = reference.session(1024, 512), ours = candidate.session(1024, 512);
  LogProbFileWriter writer(folder / "base", chunks, theirs->model().hyper().vocabulary_size);
  const PerplexityResult ppl = measure_perplexity(*theirs, chunks, {}, &writer);
  writer.commit();
  const KldResult both = measure_kld(*theirs, *ours, chunks);
  expect_same(both, measure_kld(LogProbFile::open(folder / "base"), *ours, chunks));
  EXPECT_NEAR(both.ppl_reference.value / ppl.perplexity, 1, 1e-4);
  EXPECT_NEAR(both.ppl.value / measure_perplexity(*ours, chunks).perplexity, 1, 1e-6);
}

TEST(Kld, OfAModelFromItselfIsWhatRoundingLeaves) {
  test::MeasuredModel model("llama");
  const std::vector<TokenId> tokens = text_tokens(model.tokenizer());
  const Chunks chunks(model.tokenizer(), tokens, 64, 0);
  const auto a = model.session(64, 64), b = model.session(64, 64);
  const KldResult result = measure_kld(*a, *b, chunks);
  EXPECT_LT(std::abs(result.kld.mean.value), 1e-6);
  EXPECT_NEAR(result.same_top.value, 1, 0.03);  // two first choices may have one code
  EXPECT_NEAR(result.ratio.value, 1, 1e-4);
}

TEST(LogProbFile, BrokenFilesAreRefused) {
  const test::TempFolder folder;
  const std::string good = test::read_file(test::measure_data("llama.kld")), path = folder / "bad";
  const auto refusal = [&](const std::string& bytes) -> std::string {
    test::write_file(path, bytes);
    try {
      const LogProbFile file = LogProbFile::open(path);
      std::vector<uint16_t> record(log_prob_words(file.vocabulary()));
      file.read_record(file.chunk_count() - 1, 0, record);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      return error.what();
    }
    return "accepted";
  };
  const auto with = [&](size_t at, auto value) {
    std::string bytes = good;
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return refusal(bytes);
  };
  EXPECT_EQ(refusal(good), "accepted");
  EXPECT_NE(refusal("_logitz_" + good.substr(8)).find("does not begin with '_logits_'"), std::string::npos);
  EXPECT_NE(refusal(good.substr(0, 15)).find("does not begin"), std::string::npos);
  for (const size_t length : {20u, 1000u, 40'000u}) {
    EXPECT_NE(refusal(good.substr(0, length)).find("cut short"), std::string::npos);
  }
  for (const size_t at : {8u, 12u, 16u}) {
    EXPECT_NE(with(at, int32_t{-1}).find("no such text"), std::string::npos);
    EXPECT_NE(with(at, int32_t{0}).find("no such text"), std::string::npos);
    EXPECT_NE(with(at, int32_t{0x7fffffff}), "accepted");
  }
  EXPECT_NE(with(24, int32_t{320}).find("token 320 is none of a vocabulary of 320"), std::string::npos);
  EXPECT_NE(with(24, int32_t{-5}).find("token -5"), std::string::npos);
  const size_t last_chunk = 20 + 4 * 64 * 4 + 3 * 31 * log_prob_words(320) * 2;
  EXPECT_NE(with(last_chunk, std::nanf("")).find("no log-probabilities"), std::string::npos);
  EXPECT_NE(with(last_chunk, -1.0f).find("no log-probabilities"), std::string::npos);
  EXPECT_NE(with(last_chunk + 4, 1e30f).find("no log-probabilities"), std::string::npos);
}

TEST(Chunks, PiecesScoreTheSecondHalfOnce) {
  test::MeasuredModel model("llama");
  const std::vector<TokenId> tokens(100, 1);
  for (const size_t chunk : {4u, 9u, 20u, 50u}) {
    const Chunks chunks(model.tokenizer(), tokens, chunk, 0);
    for (const size_t most : {1u, 3u, 7u, 100u}) {
      size_t run = 0, scored = chunks.first_scored();
      for (const ChunkPiece& piece : chunks.pieces(most)) {
        EXPECT_EQ(piece.run, run);
        EXPECT_EQ(piece.begin, scored);
        EXPECT_LE(piece.end - piece.begin, most);
        EXPECT_GT(piece.end, piece.begin);
        run = scored = piece.end;
      }
      EXPECT_EQ(scored, chunk - 1);
    }
  }
}

TEST(Chunks, TooShortATextIsRefused) {
  test::MeasuredModel model("llama");
  const std::vector<TokenId> tokens(100, 1);
  EXPECT_EQ(Chunks(model.tokenizer(), tokens, 20, 0).count(), 5u);
  EXPECT_EQ(Chunks(model.tokenizer(), tokens, 20, 3).count(), 3u);
  EXPECT_THROW(Chunks(model.tokenizer(), tokens, 51, 0), Error);
  EXPECT_THROW(Chunks(model.tokenizer(), tokens, 3, 0), Error);
}

}  // namespace
}  // namespace thimble
