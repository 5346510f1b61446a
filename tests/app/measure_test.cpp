// imatrix and the eval verbs as they are called: what goes together, what is refused, what a break leaves.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "format/imatrix.h"
#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

std::string data(const std::string& name) { return std::string(THIMBLE_TEST_DATA) + "/measure/" + name; }

class Measure : public testing::Test {
 protected:
  void SetUp() override {
    for (const test::TinyCase& tiny : test::tiny_cases()) {
      if (tiny.name == "llama") test::write_tiny_model(*tiny.spec, tiny.model, model_);
      if (tiny.name == "llama-linear") test::write_tiny_model(*tiny.spec, tiny.model, other_);
    }
  }

  static test::Outcome run(Arguments verb, const Arguments& more) {
    verb.insert(verb.end(), more.begin(), more.end());
    return test::run(verb);
  }
  test::Outcome imatrix(const Arguments& more) const { return run({"imatrix", "-m", model_, "-c", "64"}, more); }

  static void expect_refusal(const test::Outcome& outcome, int code, std::string_view part) {
    EXPECT_EQ(outcome.code, code) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.error.find(part), std::string::npos) << outcome.error;
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "llama.gguf", other_ = folder_ / "other.gguf", out_ = folder_ / "out.gguf";
};

TEST_F(Measure, ImatrixWritesAndMerges) {
  const test::Outcome outcome = imatrix({"-f", data("text.txt"), "-o", out_, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_NE(outcome.error.find("warning: the calibration text is short: 320 tokens"), std::string::npos);
  EXPECT_NE(outcome.error.find("the model has a chat template"), std::string::npos);
  const json reply = json::parse(outcome.out);
  EXPECT_EQ(reply["chunks"], 5);
  EXPECT_GT(reply["ppl"], 100);
  const Imatrix one = Imatrix::read(out_);
  EXPECT_EQ(one.datasets, std::vector<std::string>{data("text.txt")});
  EXPECT_EQ(one.chunk_count, 5u);
  EXPECT_FALSE(std::filesystem::exists(out_ + ".part"));

  const std::string both = folder_ / "both.gguf", more = folder_ / "more.gguf";
  ASSERT_EQ(run({"imatrix"}, {"--in-file", out_, "--in-file", data("llama.imatrix.dat"), "-c", "64", "-o", both}).code,
            0);
  EXPECT_EQ(Imatrix::read(both).chunk_count, 9u);
  ASSERT_EQ(imatrix({"-f", data("text.txt"), "--in-file", out_, "-o", more, "--no-ppl"}).code, 0);
  EXPECT_EQ(Imatrix::read(more).chunk_count, 10u);
  EXPECT_EQ(Imatrix::read(more).find("blk.0.attn_q.weight")->sums[5], 2 * one.find("blk.0.attn_q.weight")->sums[5]);
  const test::Outcome table = run({"imatrix"}, {"--in-file", out_, "--show-statistics"});
  EXPECT_NE(table.out.find("attn_output"), std::string::npos);
  EXPECT_EQ(json::parse(run({"imatrix"}, {"--in-file", out_, "--show-statistics", "--json"}).out)["tensors"].size(),
            49u);
}

TEST_F(Measure, ImatrixTakesPartsOfATextAndCopies) {
  ASSERT_EQ(
      imatrix({"-f", data("text.txt"), "-o", out_, "--from-chunk", "2", "--chunks", "2", "--save-frequency", "1"}).code,
      0);
  const Imatrix both = Imatrix::read(out_), first = Imatrix::read(out_ + ".at_1");
  EXPECT_EQ(both.chunk_count, 2u);
  EXPECT_EQ(first.chunk_count, 1u);
  EXPECT_LT(first.find("blk.0.attn_q.weight")->sums[5], both.find("blk.0.attn_q.weight")->sums[5]);
  EXPECT_EQ(test::read_file(out_ + ".at_2"), test::read_file(out_));
  expect_refusal(imatrix({"-f", data("text.txt"), "-o", out_, "--from-chunk", "4"}), 2, "two must be left");
}

TEST_F(Measure, ImatrixReadsConversations) {
  std::string lines;
  for (int i = 0; i < 8; ++i) {
    lines +=
        R"({"messages": [{"role": "user", "content": "open the valve"}, {"role": "assistant", "content": "done"}]})";
    lines += "\n";
  }
  test::write_file(folder_ / "tasks.jsonl", lines);
  const test::Outcome outcome = imatrix({"--chat-data", folder_ / "tasks.jsonl", "-o", out_});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.error.find("has a chat template"), std::string::npos);
  EXPECT_NE(outcome.error.find("repeats itself"), std::string::npos);
  test::write_file(folder_ / "tasks.jsonl", lines + "{\n" + lines);
  expect_refusal(imatrix({"--chat-data", folder_ / "tasks.jsonl", "-o", out_}), 4, "line 9");
}

TEST_F(Measure, ImatrixRefusesWhatDoesNotGoTogether) {
  const std::string text = data("text.txt");
  expect_refusal(imatrix({"-f", text}), 2, "-o OUT is required");
  expect_refusal(imatrix({"-o", out_}), 2, "nothing to do");
  expect_refusal(run({"imatrix"}, {"-f", text, "-o", out_}), 2, "-m MODEL is required");
  expect_refusal(imatrix({"-f", text, "-o", model_}), 2, "llama.gguf");
  expect_refusal(run({"imatrix"}, {"--show-statistics"}), 2, "needs one --in-file");
  expect_refusal(imatrix({"--in-file", model_, "-o", out_}), 4, "no imatrix");
  expect_refusal(imatrix({"--in-file", data("qwen3-fused.imatrix.gguf"), "-f", text, "-o", out_}), 4,
                 "of another model");
  expect_refusal(imatrix({"-f", text, "-o", out_, "-c", "512"}), 2, "the text has 320 tokens");
  expect_refusal(imatrix({"-f", text, "-o", folder_ / "no/such/out.gguf"}), 1, "no/such");
  EXPECT_FALSE(std::filesystem::exists(out_));
}

TEST_F(Measure, ImatrixOverlapIsReported) {
  const test::Outcome outcome = imatrix({"-f", data("text.txt"), "-o", out_, "--eval-file", data("text.txt")});
  EXPECT_NE(outcome.error.find("100.0% of its runs of 50 characters stand in both"), std::string::npos)
      << outcome.error;
}

// Killed at any moment, it leaves a whole checkpoint or none, and the same command ends with the same bytes.
TEST_F(Measure, ImatrixGoesOnAfterAKill) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += test::read_file(data("text.txt")) + std::to_string(i);
  test::write_file(folder_ / "long.txt", text);
  const Arguments options = {"-f", folder_ / "long.txt", "-ofreq", "1", "-o"};
  const auto with_out = [&](const std::string& out) {
    Arguments arguments = {"imatrix", "-m", model_, "-c", "64"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.push_back(out);
    return arguments;
  };
  const std::string whole = folder_ / "whole.gguf";
  ASSERT_EQ(test::run(with_out(whole)).code, 0);
  bool went_on = false;
  for (int attempt = 1; attempt < 20 && !went_on && !std::filesystem::exists(out_); ++attempt) {
    const test::PipedProgram program(with_out(out_), {}, {}, [] {});
    ::usleep(static_cast<useconds_t>(attempt * 60'000));
    program.send(SIGKILL);
    const test::Outcome outcome = program.finish();
    went_on = went_on || outcome.error.find("going on after") != std::string::npos;
  }
  const test::Outcome last = test::run(with_out(out_));
  ASSERT_EQ(last.code, 0) << last.error;
  EXPECT_TRUE(went_on || last.error.find("going on after") != std::string::npos);
  EXPECT_EQ(test::read_file(out_), test::read_file(whole));
  EXPECT_FALSE(std::filesystem::exists(out_ + ".part"));
}

TEST_F(Measure, KldByFileAndSideBySide) {
  const std::string base = folder_ / "base.kld", text = data("text.txt");
  ASSERT_EQ(run({"eval", "perplexity"}, {"-m", model_, "-f", text, "-c", "64", "--kl-divergence-base", base}).code, 0);
  const test::Outcome by_file = run({"eval", "kld"}, {"-m", other_, "--kl-divergence-base", base, "--json"});
  const test::Outcome both =
      run({"eval", "kld"}, {"-m", other_, "--reference", model_, "-f", text, "-c", "64", "--json"});
  ASSERT_EQ(by_file.code, 0) << by_file.error;
  EXPECT_EQ(by_file.out, both.out);
  const json reply = json::parse(both.out);
  for (const char* key : {"kld_mean", "kld_error", "kld_median", "kld_p99_9", "kld_max", "same_top", "same_top_error",
                          "ppl", "ppl_reference", "ppl_ratio", "ppl_correlation", "dp_rms"}) {
    EXPECT_TRUE(reply[key].is_number()) << key;
  }
  EXPECT_NEAR(reply["kld_mean"], 0.08, 0.02);
  EXPECT_NE(run({"eval", "kld"}, {"-m", other_, "--kl-divergence-base", base}).out.find("same first choice"),
            std::string::npos);
  expect_refusal(run({"eval", "kld"}, {"-m", other_}), 2, "give --reference");
  expect_refusal(run({"eval", "kld"}, {"-m", other_, "--reference", model_}), 2, "needs a text");
  expect_refusal(run({"eval", "kld"}, {"-m", other_, "--kl-divergence-base", base, "-f", text}), 2, "leave out -f");
  expect_refusal(run({"eval", "kld"}, {"-m", other_, "--kl-divergence-base", text}), 4, "no file of log-probabilities");
  expect_refusal(
      run({"eval", "kld"}, {"-m", other_, "--reference", model_, "-f", text, "-c", "64", "--memory-limit", "12MB"}), 3,
      "limit");
}

// Killed at any moment, each evaluation goes on from what it kept and prints what an unbroken one does.
TEST_F(Measure, EvaluationsGoOnAfterAKill) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += test::read_file(data("text.txt")) + std::to_string(i);
  test::write_file(folder_ / "long.txt", text);
  const std::string kept = folder_ / "kept";
  const Arguments evaluations[] = {
      {"eval", "perplexity", "-m", model_, "-c", "64", "-f", folder_ / "long.txt", "--json"},
      {"eval", "kld", "-m", other_, "--reference", model_, "-c", "64", "-f", folder_ / "long.txt", "--json"},
      {"eval", "hellaswag", "-m", model_, "-f", data("hellaswag.txt"), "--json"}};
  for (const Arguments& evaluation : evaluations) {
    Arguments with_file = evaluation;
    with_file.insert(with_file.end(), {"--resume", kept});
    const test::PipedProgram program(with_file, {}, {}, [] {});
    for (int i = 0; i < 2000; ++i) {
      std::error_code error;
      if (std::filesystem::exists(kept, error) && std::filesystem::file_size(kept, error) > 26) break;
      ::usleep(5'000);
    }
    program.send(SIGKILL);
    program.finish();
    EXPECT_TRUE(std::filesystem::exists(kept));
    const test::Outcome resumed = test::run(with_file);
    ASSERT_EQ(resumed.code, 0) << resumed.error;
    EXPECT_EQ(resumed.out, test::run(evaluation).out);
    EXPECT_FALSE(std::filesystem::exists(kept));
  }
  test::write_file(kept, "somebody's notes");
  expect_refusal(test::run({"eval", "perplexity", "-m", model_, "-c", "64", "-f", data("text.txt"), "--resume", kept}),
                 2, "another file of that name");
  EXPECT_EQ(test::read_file(kept), "somebody's notes");
}

TEST_F(Measure, TasksPrintAScoreWithItsInterval) {
  const test::Outcome outcome =
      run({"eval", "hellaswag"}, {"-m", model_, "-f", data("hellaswag.txt"), "-ctk", "f32", "-ctv", "f32"});
  EXPECT_NE(outcome.out.find("hellaswag: 36.1111%"), std::string::npos) << outcome.out;
  const json reply = json::parse(
      run({"eval", "multiple-choice"}, {"-m", model_, "-bf", data("choices.bin"), "--tasks", "5", "--json"}).out);
  EXPECT_EQ(reply["tasks"], 5);
  EXPECT_LE(reply["interval_95"][0], reply["score"]);
  EXPECT_GE(reply["interval_95"][1], reply["score"]);
  expect_refusal(run({"eval", "winogrande"}, {"-m", model_, "-f", data("text.txt")}), 4, "no tasks");
  expect_refusal(run({"eval", "multiple-choice"}, {"-m", model_, "-f", data("text.txt")}), 4, "the file ends in");
}

}  // namespace
}  // namespace thimble
