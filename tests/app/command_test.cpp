// thimble command and eval task on a small random model: forms of input and output, errors of one line, and that a break costs nothing.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

constexpr std::string_view kTools = R"([
  {"name": "set_valve", "description": "Move a valve", "x-confirm": true, "parameters": {"type": "object", "properties": {"percent": {"type":
    "integer", "minimum": 0, "maximum": 100}}, "required": ["percent"]}},
  {"name": "stop", "parameters": {"type": "object", "properties": {"machine": {"enum": ["pump", "press"]}}, "required": ["machine"]}}
])";

class CommandVerb : public testing::Test {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.context_length = 4096;
    test::write_tiny_model(find_architecture("llama", "test"), tiny, model_);
    test::write_file(tools_, kTools);
    std::string cases;
    for (int i = 0; i < 12; ++i) {
      cases += json({{"id", "c" + std::to_string(i)},
                     {"task", "command"},
                     {"category", i % 2 == 0 ? "even" : "odd"},
                     {"prompt", "command " + std::to_string(i)},
                     {"tools", "tools.json"},
                     {"metric", "json_slots"},
                     {"expected", {{"name", "stop"}, {"arguments", {{"machine", "pump"}}}}}})
                   .dump() +
               "\n";
    }
    cases += json({{"id", "t"},
                   {"task", "text"},
                   {"category", "text"},
                   {"prompt", "one of them"},
                   {"metric", "choice"},
                   {"choices", {"a \"b\"", "c\\d"}},
                   {"expected", "c\\d"}})
                 .dump() +
             "\n";
    test::write_file(tasks_, cases);
  }

  test::Outcome command(const Arguments& more, std::string_view input = {}) const {
    return run({"command", "-m", model_, "--tools", tools_, "-sys", "Call."}, more, input);
  }
  test::Outcome eval(const Arguments& more) const {
    return run({"eval", "task", tasks_, "-sys", "Call.", "--json"}, more);
  }
  static test::Outcome run(Arguments verb, const Arguments& more, std::string_view input = {}) {
    verb.insert(verb.end(), more.begin(), more.end());
    return test::run(verb, {}, input);
  }
  static void expect_refusal(const test::Outcome& outcome, int code, std::string_view part) {
    EXPECT_EQ(outcome.code, code) << outcome.error;
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.error.find(part), std::string::npos) << outcome.error;
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  }
  // What does not differ from one run to the next.
  static json without_times(json report) {
    for (json& model : report["models"]) {
      for (const char* key : {"first_token_seconds", "decode_tps", "peak_rss_bytes"}) model.erase(key);
    }
    return report;
  }

  test::TempFolder folder_;
  std::string model_ = folder_ / "m.gguf", tools_ = folder_ / "tools.json", tasks_ = folder_ / "tasks.jsonl",
              answers_ = folder_ / "answers.jsonl";
};

TEST_F(CommandVerb, OneCommandIsOneCall) {
  const test::Outcome outcome = command({"-p", "open it", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json reply = json::parse(outcome.out);
  for (const char* key : {"name", "arguments", "confidence", "confirm"}) EXPECT_TRUE(reply.contains(key)) << key;
  EXPECT_EQ(reply["confirm"], reply["name"] == "set_valve");
  EXPECT_EQ(reply["prompt"]["tools"], 2);
  EXPECT_EQ(json::parse(command({"-f", "-", "--json"}, "open it\n").out)["name"], reply["name"]);
  EXPECT_NE(command({"-p", "open it"}).out.find("confidence "), std::string::npos);
}

TEST_F(CommandVerb, LinesAreAnsweredOneByOne) {
  const std::string long_line(100'000, 'x');
  const test::Outcome outcome = command(
      {"--jsonl"}, "open it\n\n\"open \\u0069t\"\r\n{\"id\": [7], \"prompt\": \"open it\"}\n{\"text\": 1}\n\xff\n" +
                       long_line + "\nopen it");
  EXPECT_EQ(outcome.code, 1);
  std::istringstream lines(outcome.out);
  std::vector<json> replies;
  for (std::string line; std::getline(lines, line);) replies.push_back(json::parse(line));
  ASSERT_EQ(replies.size(), 7u) << outcome.out;
  for (const size_t same : {1u, 2u, 6u}) {
    EXPECT_EQ(replies[same]["name"], replies[0]["name"]);
    EXPECT_EQ(replies[same]["arguments"], replies[0]["arguments"]);
    EXPECT_EQ(replies[same]["confidence"], replies[0]["confidence"]);
  }
  EXPECT_EQ(replies[2]["id"], json::parse("[7]"));
  EXPECT_GT(replies[1]["prompt"]["kept_tokens"], replies[1]["prompt"]["tokens"].get<int>() - 30);
  EXPECT_NE(replies[3]["error"].get<std::string>().find("line 5: a line that begins with {"), std::string::npos);
  EXPECT_NE(replies[4]["error"].get<std::string>().find("line 6: a command is UTF-8"), std::string::npos);
  EXPECT_NE(replies[5]["error"].get<std::string>().find("line 7: a line has at most 16384 bytes, found 100000"),
            std::string::npos);
}

TEST_F(CommandVerb, ErrorsAreOneLine) {
  expect_refusal(command({"-p", " "}), 2, "the command is empty");
  expect_refusal(command({"-p", "x", "--shots", "3"}), 2, "--examples FILE");
  expect_refusal(command({"-p", "x", "--jsonl"}), 2, "--jsonl: reads lines");
  expect_refusal(command({"-p", "x", "-c", "64"}), 1, "shorten it or raise -c");
  expect_refusal(command({"-p", "x", "--examples", tools_}), 4, "broken lines");
  expect_refusal(command({"-p", "x", "--calibration", tools_}), 4, "none_threshold");
  expect_refusal(command({"-p", std::string(20'000, 'x')}), 2, "at most 16384 bytes");
  test::write_file(tools_,
                   R"([{"name": "a", "parameters": {"type": "object", "properties": {"x": {"contains": {}}}}}])");
  expect_refusal(command({"-p", "x"}), 4, "tool 'a'");
  test::write_file(tools_, "{");
  expect_refusal(command({"-p", "x"}), 4, "is no JSON");
}

TEST_F(CommandVerb, ReportsHoldEveryCaseAndSort) {
  const std::string page = folder_ / "page.html", fitted = folder_ / "fit.json";
  const test::Outcome outcome = eval({"-m", model_, "--html", page, "--fit-calibration", fitted});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json model = json::parse(outcome.out)["models"][0];
  EXPECT_EQ(model["all"]["cases"], 13);
  EXPECT_EQ(model["cases"].size(), 13u);
  EXPECT_EQ(model["categories"]["even"]["cases"], 6);
  EXPECT_EQ(model["parts"]["calls"]["cases"], 12);
  EXPECT_GT(model["peak_rss_bytes"], 1'000'000);
  EXPECT_GT(model["first_token_seconds"]["p95"], 0);
  EXPECT_TRUE(model["confidence"].contains("expected_calibration_error"));
  EXPECT_NE(test::read_file(page).find("<svg"), std::string::npos);
  EXPECT_EQ(eval({"-m", model_, "--calibration", fitted}).code, 0);
  EXPECT_EQ(json::parse(eval({"-m", model_, "--category", "odd", "--limit", "2"}).out)["cases"], 2);
  EXPECT_EQ(eval({"-m", model_, "--no-constraint", "-n", "8", "--limit", "3"}).code, 0);
}

TEST_F(CommandVerb, ABreakCostsNothing) {
  const Arguments arguments = {"eval", "task", tasks_, "-sys", "Call.", "--json", "-m", model_, "--answers"};
  const auto with = [&](const std::string& answers) {
    Arguments all = arguments;
    all.push_back(answers);
    return all;
  };
  const test::Outcome whole = test::run(with(folder_ / "whole.jsonl"));
  ASSERT_EQ(whole.code, 0) << whole.error;
  // Killed once there are some answers, then cut in the middle of a line.
  for (const int signal : {SIGKILL, SIGINT}) {
    const test::PipedProgram program(with(answers_), {}, {}, [] {});
    for (int i = 0; i < 2000; ++i) {
      std::error_code error;
      if (std::filesystem::file_size(answers_, error) > 600 && !error) break;
      ::usleep(1000);
    }
    program.send(signal);
    EXPECT_NE(program.finish().code, 4);
    const std::string kept = test::read_file(answers_);
    test::write_file(answers_, kept.substr(0, kept.size() - std::min<size_t>(kept.size(), 9)));
  }
  const test::Outcome resumed = test::run(with(answers_));
  ASSERT_EQ(resumed.code, 0) << resumed.error;
  EXPECT_EQ(without_times(json::parse(resumed.out)), without_times(json::parse(whole.out)));
  const json scored = json::parse(run({"eval", "task", tasks_, "--json"}, {"--from-answers", answers_}).out);
  EXPECT_EQ(scored["models"][0]["cases"], json::parse(whole.out)["models"][0]["cases"]);
  expect_refusal(test::run({"eval", "task", tasks_, "-m", model_, "--answers", answers_}), 2,
                 "something else than answers of this run");
}

TEST_F(CommandVerb, QuestionsAndSummariesAreRunToo) {
  std::filesystem::create_directory(folder_ / "manuals");
  test::write_file(folder_ / "manuals/pump.md",
                   "# Pump\n\n## Oil\n\nThe pump takes 3 litres of oil.\n\n## Belt\n\nThe belt is red.\n");
  test::write_file(folder_ / "some.log",
                   "2026-03-02 04:18:57 INFO started\n2026-03-02 04:19:57 ERROR pump tripped on E07\n");
  const json question = {{"id", "q"},
                         {"task", "question"},
                         {"category", "fact"},
                         {"prompt", "How much oil does the pump take?"},
                         {"documents", "manuals"},
                         {"metric", "contains"},
                         {"expected", {{"all_of", {{"3 litres"}}}}},
                         {"sections", {{{"path", "pump.md"}, {"section", "OIL"}}}}};
  const json summary = {
      {"id", "s"},
      {"task", "summary"},
      {"category", "trip"},
      {"metric", "events"},
      {"log", {{"path", "some.log"}, {"first_line", 1}, {"last_line", 2}}},
      {"expected",
       {{"events", {{{"severity", "error"}, {"first_line", 2}, {"last_line", 2}}}}, {"summary", "A trip."}}}};
  test::write_file(tasks_, question.dump() + "\n" + summary.dump() + "\n");
  const test::Outcome outcome = eval({"-m", model_, "-c", "4096", "--answers", answers_});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json model = json::parse(outcome.out)["models"][0];
  EXPECT_EQ(model["retrieval_recall"]["cases"], 1);
  EXPECT_EQ(model["retrieval_recall"]["score"], 1.0);
  EXPECT_EQ(model["cases"]["s"]["events"][0], 1) << "the trip is found without a model";
  EXPECT_EQ(model["parts"].size(), 2u);
  EXPECT_EQ(json::parse(eval({"-m", model_, "-c", "4096", "--answers", answers_}).out)["models"][0]["cases"],
            model["cases"]);
  const json alone = json::parse(eval({"-m", model_, "-c", "4096", "--no-retrieval"}).out)["models"][0];
  EXPECT_FALSE(alone.contains("retrieval_recall"));
}

TEST_F(CommandVerb, SeveralModelsAreCompared) {
  const std::string other = folder_ / "other.gguf";
  test::TinyModel tiny;
  tiny.context_length = 4096;
  tiny.block_count = 3;
  test::write_tiny_model(find_architecture("llama", "test"), tiny, other);
  const json report = json::parse(eval({"-m", model_, "-m", other, "--limit", "4"}).out);
  ASSERT_EQ(report["models"].size(), 2u);
  EXPECT_EQ(report["models"][1]["model"], "other.gguf");
  EXPECT_EQ(report["paired"][0]["second"], "other.gguf");
}

TEST_F(CommandVerb, WhatCannotBeMeasuredIsRefused) {
  expect_refusal(eval({}), 2, "give -m MODEL");
  expect_refusal(eval({"-m", model_, "--from-answers", answers_}), 2, "give -m MODEL");
  expect_refusal(eval({"-m", model_, "--answers", "a", "--answers", "b"}), 2, "1 models, 2 files");
  expect_refusal(eval({"-m", model_, "--category", "none"}), 2, "no case has it");
  expect_refusal(eval({"-m", model_, "--html", tasks_}), 2, "tasks.jsonl");
  expect_refusal(eval({"-m", model_, "--html", folder_ / "nowhere/page.html"}), 1, "nowhere");
  expect_refusal(
      eval({"-m", model_, "-m", folder_ / "missing.gguf", "--answers", answers_, "--answers", answers_ + "2"}), 4,
      "missing.gguf");
  EXPECT_FALSE(std::filesystem::exists(answers_)) << "nothing is run before all models are found";
  test::write_file(tasks_, "{\n");
  expect_refusal(eval({"-m", "no model at all"}), 4, "1 broken line: line 1: no JSON");
}

}  // namespace
}  // namespace thimble
