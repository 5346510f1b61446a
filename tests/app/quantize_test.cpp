// thimble quantize on a small random model: its arguments as llama-quantize has them, its reports, and what it refuses.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

class QuantizeVerb : public testing::Test {
 protected:
  void SetUp() override {
    const ArchSpec& llama = find_architecture("llama", "test");
    test::write_tiny_model(llama, test::tiny_of(llama), model_);
  }

  static test::Outcome quantize(const Arguments& more) {
    Arguments arguments = {"quantize"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(arguments);
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "in.gguf";
  std::string out_ = folder_ / "out.gguf";
};

TEST_F(QuantizeVerb, TakesItsArgumentsAsLlamaQuantizeDoes) {
  ASSERT_EQ(quantize({model_, out_, "q8_0", "1"}).code, 0);
  ASSERT_EQ(quantize({model_, "Q8_0"}).code, 0);
  EXPECT_EQ(test::read_file(folder_ / "ggml-model-Q8_0.gguf"), test::read_file(out_));
  EXPECT_EQ(test::run({"generate", "-m", out_, "--ids", "1,5", "-n", "4", "--temp", "0"}).code, 0);
  for (const Arguments& bad : {Arguments{model_}, Arguments{model_, out_}, Arguments{model_, out_, "Q9"},
                               Arguments{model_, out_, "Q8_0", "x"}, Arguments{model_, "Q8_0", "1", "2"}}) {
    EXPECT_EQ(quantize(bad).code, 2);
  }
  EXPECT_NE(quantize({model_, out_, "Q9"}).error.find("Q4_K_M"), std::string::npos);
}

TEST_F(QuantizeVerb, ReportsTensorsTotalsAndError) {
  const json report = json::parse(quantize({"--json", model_, out_, "Q4_0"}).out);
  EXPECT_EQ(report["output"][0], out_);
  EXPECT_EQ(report["type"], "Q4_0");
  uint64_t bytes = 0;
  for (const json& tensor : report["tensors"]) {
    bytes += tensor["bytes"].get<uint64_t>();
    if (tensor["type"] == "Q4_0") {
      EXPECT_GT(tensor["error"], 0.01);
      EXPECT_LT(tensor["error"], 0.08);
    }
  }
  EXPECT_EQ(report["bytes"], bytes);
  EXPECT_LT(bytes, std::filesystem::file_size(out_));
}

TEST_F(QuantizeVerb, DryRunWritesNothingAndPlansTheMemory) {
  const json report = json::parse(quantize({"--dry-run", "--json", model_, out_, "Q4_0"}).out);
  EXPECT_FALSE(std::filesystem::exists(out_));
  ASSERT_EQ(quantize({model_, out_, "Q4_0"}).code, 0);
  const json plan = json::parse(test::run({"plan", "-m", out_, "--json"}).out);
  const auto weights = [](const json& parts) { return parts["weights"].get<double>(); };
  EXPECT_NEAR(weights(report["memory"]["parts"]), weights(plan["parts"]), 0.01 * weights(plan["parts"]));
}

TEST_F(QuantizeVerb, WarnsOfLowBitsAndRefusesWhatWouldRuin) {
  EXPECT_NE(quantize({"--dry-run", model_, "Q2_K"}).error.find("below 4 B parameters"), std::string::npos);
  EXPECT_EQ(quantize({"--dry-run", model_, "Q6_K"}).error.find("below 4 B parameters"), std::string::npos);
  EXPECT_EQ(quantize({model_, model_, "Q8_0"}).code, 2);
  ASSERT_EQ(quantize({model_, out_, "Q8_0"}).code, 0);
  const test::Outcome again = quantize({out_, folder_ / "again.gguf", "Q4_0"});
  EXPECT_EQ(again.code, 2);
  EXPECT_NE(again.error.find("--allow-requantize"), std::string::npos) << again.error;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "again.gguf"));
  EXPECT_EQ(quantize({folder_ / "none.gguf", out_, "Q4_0"}).code, 4);
  EXPECT_EQ(quantize({"--imatrix", model_, model_, out_, "Q4_0"}).code, 4);
  EXPECT_EQ(quantize({"--include-weights", "a", "--exclude-weights", "b", model_, out_, "Q4_0"}).code, 2);
}

// What a file system without space left does to writes, and what was there before stays.
void limit_files() {
  const rlimit limit{20'000, 20'000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

TEST_F(QuantizeVerb, AFullDiskLeavesWhatWasThereBefore) {
  test::write_file(out_, "before");
  for (const Arguments& more : {Arguments{"Q4_0"}, Arguments{"Q8_0"}}) {
    Arguments arguments = {"quantize", model_, out_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::Outcome outcome = test::PipedProgram(arguments, {}, {}, limit_files).finish();
    EXPECT_EQ(outcome.code, 1) << outcome.error;
    EXPECT_NE(outcome.error.find("out.gguf"), std::string::npos) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(test::read_file(out_), "before");
  }
  const std::filesystem::directory_iterator files(std::string(folder_ / ""));
  EXPECT_EQ(std::distance(begin(files), end(files)), 2);
}

class BestMethod : public QuantizeVerb {
 protected:
  Arguments best_arguments(const Arguments& calibration, const std::string& out) const {
    Arguments arguments = {"quantize", "--method", "best", "--like", "Q4_K_M", "--calibration-chunks", "8", "--json"};
    for (const std::string& path : calibration) arguments.insert(arguments.end(), {"--calibration", path});
    arguments.insert(arguments.end(), {model_, out});
    return arguments;
  }
  test::Outcome best(const Arguments& calibration, const std::string& out) const {
    return test::run(best_arguments(calibration, out));
  }
  // Each word told from the next, so that no line stands there twice.
  static std::string words(int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += "valve " + std::to_string(i * 7919 % 997) + (i % 9 == 8 ? "\n" : " ");
    return text;
  }
  std::string conversations(int count) const {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += R"({"messages": [{"role": "user", "content": ")" + std::to_string(i) + " " + words(8) +
               R"("}, {"role": "assistant", "content": "done"}]})" + "\n";
    }
    return lines;
  }
};

TEST_F(BestMethod, CalibratesOnTextAndConversations) {
  test::write_file(folder_ / "text.txt", words(1000));
  test::write_file(folder_ / "tasks.jsonl", "\n" + conversations(60));
  const std::string text = folder_ / "text.txt", chats = folder_ / "tasks.jsonl";
  std::vector<std::string> files;
  for (const Arguments& calibration : {Arguments{text}, Arguments{text, chats}}) {
    const std::string out = folder_ / std::to_string(files.size());
    const test::Outcome outcome = best(calibration, out);
    ASSERT_EQ(outcome.code, 0) << outcome.error;
    const bool is_plain = calibration == Arguments{text};
    EXPECT_EQ(outcome.error.find("has a chat template") != std::string::npos, is_plain) << outcome.error;
    EXPECT_GT(json::parse(outcome.out)["kld_tokens"], 0);
    files.push_back(test::read_file(out));
  }
  EXPECT_NE(files[0], files[1]);
}

// Killed at any moment, the same command ends in the same bytes, and until then nothing bears the file's name.
TEST_F(BestMethod, GoesOnAfterAKill) {
  test::write_file(folder_ / "text.txt", words(1000));
  const Arguments text = {folder_ / "text.txt"};
  const std::string whole = folder_ / "whole.gguf";
  ASSERT_EQ(best(text, whole).code, 0);
  const auto kept = [&] {
    const std::filesystem::path measured = out_ + ".statistics";
    uintmax_t bytes = 0;
    if (!std::filesystem::exists(measured)) return bytes;
    for (const auto& file : std::filesystem::directory_iterator(measured)) bytes += file.file_size();
    return bytes;
  };
  uintmax_t before = 0;
  bool grew_twice = false;
  for (int attempt = 0; attempt < 12 && !grew_twice && !std::filesystem::exists(out_); ++attempt) {
    const test::PipedProgram program(best_arguments(text, out_), {}, {}, [] {});
    ::usleep(700'000);
    program.send(SIGKILL);
    program.finish();
    grew_twice = before > 0 && kept() > before;
    before = kept();
  }
  EXPECT_TRUE(grew_twice);
  EXPECT_FALSE(std::filesystem::exists(out_));
  ASSERT_EQ(best(text, out_).code, 0);
  EXPECT_EQ(test::read_file(out_), test::read_file(whole));
}

TEST_F(BestMethod, NamesWhatIsWrongWithTheCalibration) {
  const test::Outcome none = best({}, out_);
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.error.find("--calibration FILE is missing"), std::string::npos) << none.error;
  test::write_file(folder_ / "tasks.jsonl", conversations(3) + "{\"messages\": 5}\n");
  const test::Outcome broken = best({folder_ / "tasks.jsonl"}, out_);
  EXPECT_EQ(broken.code, 4);
  EXPECT_NE(broken.error.find("line 4"), std::string::npos) << broken.error;
  test::write_file(folder_ / "short.txt", words(20));
  const test::Outcome few = best({folder_ / "short.txt"}, out_);
  EXPECT_EQ(few.code, 2);
  EXPECT_NE(few.error.find("at least 4096 are needed"), std::string::npos) << few.error;
  EXPECT_FALSE(std::filesystem::exists(out_));
}

}  // namespace
}  // namespace thimble
