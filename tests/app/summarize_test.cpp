// thimble summarize: logs from files and standard input, windows, and the forms of its report.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "program_runner.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

using nlohmann::json;
using test::Arguments;

class Summarize : public testing::Test {
 protected:
  void SetUp() override {
    test::write_file(log_,
                     "2026-03-02 00:00:00 INFO heartbeat ok\n"
                     "2026-03-02 00:08:00 ERROR E01 motor overload, pump stopped\n"
                     "2026-03-02 00:16:00 NOTICE badge 131: E01 reset\n"
                     "2026-03-02 00:24:00 INFO heartbeat ok\n"
                     "2026-03-02 09:00:00 WARNING oil level low\n");
  }

  test::TempFolder folder_;
  std::string log_ = folder_ / "pump.log";
};

TEST_F(Summarize, ReportsEventsWithTheirLines) {
  const test::Outcome outcome = test::run({"summarize", "-f", log_, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json report = json::parse(outcome.out);
  ASSERT_EQ(report["events"].size(), 2u);
  EXPECT_EQ(report["events"][0]["what"], "E01 motor overload, pump stopped");
  EXPECT_EQ(report["events"][0]["severity"], "error");
  EXPECT_EQ(report["events"][0]["first_line"], 2);
  EXPECT_EQ(report["events"][0]["last_line"], 3);
  EXPECT_EQ(report["events"][0]["count"], 1);
  EXPECT_EQ(report["summary"],
            "From 00:08 to 00:16: E01 motor overload, pump stopped; in the end: badge 131: E01 reset [L2-L3]. "
            "At 09:00: oil level low [L5].");
  const test::Outcome text = test::run({"summarize", "-f", log_});
  EXPECT_NE(text.out.find("[L2-L3]   E01 motor overload"), std::string::npos) << text.out;
}

TEST_F(Summarize, AWindowKeepsTheNumbersOfTheWholeLog) {
  const json report = json::parse(test::run({"summarize", "-f", log_, "--lines", "4-5", "--json", "--facts"}).out);
  ASSERT_EQ(report["events"].size(), 1u);
  EXPECT_EQ(report["events"][0]["first_line"], 5);
  EXPECT_EQ(report["lines"]["count"], 2);
  EXPECT_EQ(report["facts"]["levels"]["warning"], 1);
  EXPECT_EQ(json::parse(test::run({"summarize", "-f", log_, "--lines", "5-", "--json"}).out)["events"].size(), 1u);
  for (const std::string window : {"", "0-3", "5-2", "a-b", "-", "3-x"}) {
    const test::Outcome outcome = test::run({"summarize", "-f", log_, "--lines=" + window});
    EXPECT_EQ(outcome.code, 2) << window;
    EXPECT_NE(outcome.error.find("--lines"), std::string::npos) << outcome.error;
  }
}

TEST_F(Summarize, StandardInputAndSeveralLogs) {
  const test::Outcome piped = test::run({"summarize", "-f", "-", "--json"}, {}, "ERROR: it broke\r\n");
  ASSERT_EQ(piped.code, 0) << piped.error;
  EXPECT_EQ(json::parse(piped.out)["events"][0]["what"], "it broke");
  const test::Outcome lines = test::run({"summarize", "-f", log_, "-f", "-", "--jsonl"}, {}, "all is well\n");
  const size_t end = lines.out.find('\n');
  EXPECT_EQ(json::parse(lines.out.substr(0, end))["file"], log_);
  EXPECT_EQ(json::parse(lines.out.substr(end + 1))["events"].size(), 0u);
  const test::Outcome both = test::run({"summarize", "-f", log_, "-f", log_, "--json"});
  EXPECT_EQ(json::parse(both.out).size(), 2u);
  EXPECT_EQ(test::run({"summarize", "-f", "-", "-f", "-"}, {}, "x\n").code, 2);
}

TEST_F(Summarize, WhatIsNoLogIsAnErrorThatNamesIt) {
  test::write_file(folder_ / "binary.log", std::string("\x7f"
                                                       "ELF\x02\x01\x01",
                                                       7) +
                                               std::string(100, '\0'));
  for (const std::string name : {"binary.log", "missing.log", "."}) {
    const test::Outcome outcome = test::run({"summarize", "-f", folder_ / name, "--json"});
    EXPECT_EQ(outcome.code, 4) << name;
    EXPECT_NE(outcome.error.find(name), std::string::npos) << outcome.error;
    EXPECT_TRUE(outcome.out.empty()) << outcome.out;
  }
}

TEST_F(Summarize, AModelThatWritesNoiseChangesNothingButTheCount) {
  const std::string model = folder_ / "tiny.gguf";
  test::TinyModel tiny;
  tiny.context_length = 2048;
  test::write_tiny_model(find_architecture("llama", "test"), tiny, model);
  const test::Outcome outcome = test::run({"summarize", "-m", model, "-f", log_, "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.error;
  const json with = json::parse(outcome.out), without = json::parse(test::run({"summarize", "-f", log_, "--json"}).out);
  EXPECT_EQ(with["events"], without["events"]);
  EXPECT_EQ(with["summary"], without["summary"]);
  EXPECT_GT(with["tokens"]["generated"], 0);
}

}  // namespace
}  // namespace thimble
