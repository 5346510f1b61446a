// thimble index and ask as a person calls them, on small random models.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

class Knowledge : public testing::Test {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.context_length = 4096;
    tiny.block_count = 1;
    test::write_tiny_model(find_architecture("llama", "test"), tiny, model_);
    const ArchSpec& bert = find_architecture("bert", "test");
    tiny = test::tiny_of(bert);
    tiny.adjust = [](Hyperparameters& h) { h.pooling_type = static_cast<uint32_t>(Pooling::mean); };
    test::write_tiny_model(bert, tiny, encoder_);
    std::filesystem::create_directories(documents_);
    test::write_file(
        documents_ + "/pump.md",
        "# Pump\n## 1 Limits\nThe pump trips at 7.1 mm/s of vibration.\n## 2 Oil\nFill 16 litres of oil.\n");
    test::write_file(documents_ + "/oven.html",
                     "<h1>Oven</h1><h2>3 Data</h2><table><tr><th>Property<th>Value<tr><td>Zones<td>8</table>");
  }

  test::Outcome index(const Arguments& more = {}) const {
    Arguments arguments = {"index", documents_, "-o", base_, "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(arguments, {}, "");
  }

  test::Outcome ask(const Arguments& more, std::string_view input = "") const {
    Arguments arguments = {"ask", "--kb", base_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(arguments, {}, input);
  }

  // Refused in one line that has the text.
  static void expect_error(const test::Outcome& outcome, int code, const std::string& text) {
    EXPECT_EQ(outcome.code, code) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.error.find(text), std::string::npos) << outcome.error;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "llama.gguf", encoder_ = folder_ / "bert.gguf", documents_ = folder_ / "documents",
              base_ = folder_ / "kb.db";
};

TEST_F(Knowledge, IndexReportsAndSaysWhatIsLeftOut) {
  test::Outcome outcome = index();
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  json report = json::parse(outcome.out);
  EXPECT_EQ(report["documents"], 2);
  EXPECT_EQ(report["chunks"], 3);
  EXPECT_EQ(report["skipped"], json::array());
  EXPECT_EQ(report["embedding"], nullptr);
  test::write_file(documents_ + "/picture.png", std::string("\x89PNG\0\0", 6));
  EXPECT_EQ(index().code, 0) << "pictures are no fault";
  test::write_file(documents_ + "/broken.pdf", "%PDF-1.7\nno");
  outcome = index();
  EXPECT_EQ(outcome.code, 4) << "a manual is missing";
  report = json::parse(outcome.out);
  EXPECT_EQ(report["unchanged"], 2);
  ASSERT_EQ(report["skipped"].size(), 2u);
  EXPECT_EQ(report["skipped"][0]["reason"], "broken PDF");
}

TEST_F(Knowledge, AskAnswersWithItsSection) {
  ASSERT_EQ(index({"--embed-model", encoder_}).code, 0);
  const test::Outcome outcome = ask({"-m", model_, "--embed-model", encoder_, "-c", "4000", "-n", "8", "-p",
                                     "At what vibration does the pump trip?", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json answer = json::parse(outcome.out);
  EXPECT_FALSE(answer["refused"]);
  EXPECT_NE(answer["answer"].get<std::string>().find("7.1 mm/s"), std::string::npos);
  EXPECT_EQ(answer["citations"][0]["path"], "pump.md");
  EXPECT_EQ(answer["citations"][0]["section"], "1 Limits");
  EXPECT_TRUE(answer["retrieved"][0]["cosine"].is_number());
  EXPECT_TRUE(answer["budget"]["context"] == 4000);
}

TEST_F(Knowledge, ManyQuestionsAreAnsweredInTurn) {
  ASSERT_EQ(index().code, 0);
  const test::Outcome outcome = ask({"-m", model_, "-c", "4000", "-n", "4", "-f", "-", "--jsonl"},
                                    "At what vibration does the pump trip?\n\n{\"prompt\": \"purple elephants\"}\n"
                                    "{\"messages\": [{\"role\": \"user\", \"content\": \"How much oil?\"}, {\"role\": "
                                    "\"assistant\", \"content\": \"16 litres\"}, "
                                    "{\"role\": \"user\", \"content\": \"And the zones of the oven?\"}]}\n");
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  std::istringstream lines(outcome.out);
  std::vector<json> answers;
  for (std::string line; std::getline(lines, line);) answers.push_back(json::parse(line));
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_FALSE(answers[0]["refused"]);
  EXPECT_TRUE(answers[1]["refused"]);
  EXPECT_EQ(answers[2]["budget"]["history"]["turns"], 1);
}

TEST_F(Knowledge, SearchNeedsNoModel) {
  ASSERT_EQ(index().code, 0);
  const test::Outcome outcome = ask({"--retrieve-only", "-p", "oil \"* NEAR(", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(json::parse(outcome.out)["retrieved"][0]["section"], "2 Oil");
}

TEST_F(Knowledge, MisuseIsNamed) {
  expect_error(ask({"-m", model_, "-p", "x"}), 4, "no such file");
  ASSERT_EQ(index().code, 0);
  expect_error(ask({"-m", model_, "-p", "x", "--embed-model", encoder_}), 2, "has no vectors");
  expect_error(ask({"-m", model_, "-c", "64", "-p", "x"}), 2, "-c 64: the instruction");
  expect_error(ask({"-m", model_, "-p", " "}), 2, "the question is empty");
  expect_error(ask({"-p", "x"}), 2, "-m MODEL is required");
  expect_error(ask({"-m", model_, "-f", "-", "--jsonl"}, "{\"prompt\""), 4, "line 1");
  expect_error(ask({"-m", model_, "-f", "-", "--jsonl"}, "fine\n{\"x\": 1}\n"), 2, "line 2");
  expect_error(ask({"-m", model_, "-p", "x", "--memory-limit", "5MB"}), 3, "--memory-limit");
  expect_error(index({"--embed-model", model_}), 2, "pooling");
  test::write_file(
      base_,
      "no database, whatever its name says; long enough to have a header that is looked at by the library, so it is "
      "refused for what it is and not for its length");
  expect_error(ask({"-m", model_, "-p", "x"}), 4, "expected a knowledge base");
  expect_error(index(), 4, "expected a knowledge base");
  expect_error(test::run({"index", folder_ / "none", "-o", folder_ / "other.db"}, {}, ""), 4, "expected a folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "other.db"));
}

}  // namespace
}  // namespace thimble
