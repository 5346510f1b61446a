// Task files: every broken line is named with its number, and paths, tools and expected commands are checked before anything is run.
#include "measure/task_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

class TaskFiles : public testing::Test {
 protected:
  void SetUp() override {
    test::write_file(
        folder_ / "tools.json",
        R"([{"name": "go", "parameters": {"type": "object", "properties": {"to": {"enum": ["a", "b"]}}, "required": ["to"]}}])");
    test::write_file(folder_ / "broken.json", "[");
    test::write_file(folder_ / "some.log", "one\ntwo\n");
  }

  TaskFile read(const std::string& text) const { return TaskFile::read(folder_ / "tasks.jsonl", text); }

  std::string refusal(const std::string& text) const {
    try {
      read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      return error.what();
    }
    return "taken";
  }
  // A line of a text case with `members` behind the usual ones.
  static std::string line(const std::string& id, const std::string& members) {
    return R"({"id": ")" + id + R"(", "category": "c", )" + members + "}\n";
  }
  static std::string text_line(const std::string& id, const std::string& metric, const std::string& more) {
    return line(id, R"("task": "text", "prompt": "?", "metric": ")" + metric + "\", " + more);
  }
  void expect_refusal(const std::string& one_line, std::string_view part) const {
    const std::string message = refusal(text_line("good", "exact", R"("expected": "x")") + "\n" + one_line);
    EXPECT_NE(message.find("1 broken line: line 3: "), std::string::npos) << message;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }

  test::TempFolder folder_;
};

TEST_F(TaskFiles, EveryKindOfCaseIsRead) {
  const TaskFile file = read(
      line(
          "1",
          R"("task": "command", "prompt": "to a", "tools": "tools.json", "metric": "json_slots", "expected": {"name": "go", "arguments": {"to": "a"}}, "tags": [])") +
      "\r\n  \n" +
      line(
          "2",
          R"("task": "question", "prompt": "?", "documents": ".", "metric": "contains", "expected": {"all_of": [["x", "y"]]}, "sections": [{"path": "p", "section": "s"}])") +
      line(
          "3",
          R"("task": "summary", "log": {"path": "some.log", "first_line": 1, "last_line": 2}, "metric": "events", "expected": {"events": [{"severity": "info", "first_line": 1, "last_line": 1}], "summary": "s"})") +
      line(
          "4",
          R"("task": "text", "messages": [{"role": "system", "content": ""}, {"role": "user", "content": "hi"}], "metric": "choice", "choices": ["a"], "expected": "a")") +
      text_line("5", "json_slots", R"("schema": {"type": "object"}, "expected": {"name": null, "arguments": {}})"));
  ASSERT_EQ(file.cases.size(), 5u);
  EXPECT_EQ(file.cases[0].prompt(), "to a");
  EXPECT_NE(file.cases[0].tools, nullptr);
  EXPECT_EQ(file.cases[1].line, 4u);
  EXPECT_EQ(file.cases[1].sections.at(0).section, "s");
  EXPECT_EQ(file.cases[2].log->last_line, 2u);
  EXPECT_EQ(file.cases[3].messages.size(), 2u);
  EXPECT_TRUE(file.cases[4].schema.is_object());
}

TEST_F(TaskFiles, EveryBrokenLineIsNamed) {
  const std::string message =
      refusal("{\n[1]\n\xff\n" + text_line("a", "exact", R"("expected": 1)") +
              text_line("b", "exact", R"("expected": "")") + text_line("b", "exact", R"("expected": "")"));
  EXPECT_EQ(message,
            printable(folder_ / "tasks.jsonl") +
                ": 5 broken lines: line 1: no JSON; line 2: expected an object, found array; line 3: no UTF-8; line 4: "
                "\"expected\" is a string, found 1; line 6: the id 'b' is there twice");
  std::string many;
  for (int i = 0; i < 50; ++i) many += "x\n";
  EXPECT_NE(refusal(many).find("; line 20: no JSON; and 30 more"), std::string::npos) << refusal(many);
  EXPECT_NE(refusal("\n\n").find("there is no case in it"), std::string::npos);
}

TEST_F(TaskFiles, WhatIsMissingOrMistypedIsSaid) {
  expect_refusal("{}", "\"id\" is missing");
  expect_refusal(line("", R"("task": "text")"), "\"id\" is empty");
  expect_refusal(line("x", R"("task": "dance")"), "\"task\" is one of command, question, summary, text, found 'dance'");
  expect_refusal(text_line("x", "luck", R"("expected": "")"), "\"metric\" is one of exact, choice");
  expect_refusal(text_line("x", "exact", R"("messages": [], "expected": "")"), "one of \"prompt\" and \"messages\"");
  expect_refusal(
      line("x",
           R"("task": "text", "metric": "exact", "expected": "", "messages": [{"role": "assistant", "content": ""}])"),
      "the last of \"messages\" is the user's");
  expect_refusal(text_line("x", "choice", R"("choices": ["a"], "expected": "b")"),
                 "\"expected\" is one of \"choices\"");
  expect_refusal(text_line("x", "contains", R"("expected": {"all_of": [[]]})"), "each of \"all_of\"");
  expect_refusal(text_line("x", "refusal", R"("expected": {})"), "\"refused\" is missing");
  expect_refusal(text_line("x", "rouge_l", R"("expected": {"references": [1]})"), "\"references\"");
  expect_refusal(text_line("x", "json_slots", R"("expected": {"name": null, "arguments": {"a": 1}})"),
                 "no name, but arguments");
  expect_refusal(
      text_line("x", "events", R"("expected": {"events": [{"first_line": 2, "last_line": 1}], "summary": ""})"),
      "no event");
  expect_refusal(text_line("x", "exact", R"("expected": "", "schema": {"type": "nonsense"})"), "schema");
  expect_refusal(std::string(TaskFile::kMostLineBytes + 1, 'x'), "bytes, a line has at most");
  expect_refusal(std::string(1000, '['), "no JSON");
}

TEST_F(TaskFiles, PathsToolsAndExpectedCallsAreChecked) {
  const auto command = [](const std::string& tools, const std::string& expected) {
    return line("x", R"("task": "command", "prompt": "p", "metric": "json_slots", "tools": ")" + tools +
                         R"(", "expected": )" + expected);
  };
  expect_refusal(command("missing.json", R"({"name": null, "arguments": {}})"), "missing.json");
  expect_refusal(command("broken.json", R"({"name": null, "arguments": {}})"), "is no JSON");
  expect_refusal(command("tools.json", R"({"name": "go", "arguments": {"to": "c"}})"), "is no call that");
  expect_refusal(command("tools.json", R"({"name": "stop", "arguments": {}})"), "is no call that");
  expect_refusal(
      line(
          "x",
          R"("task": "summary", "metric": "events", "expected": {"events": [], "summary": ""}, "log": {"path": "no.log", "first_line": 1, "last_line": 1})"),
      "there is no file");
  expect_refusal(
      line(
          "x",
          R"("task": "summary", "metric": "events", "expected": {"events": [], "summary": ""}, "log": {"path": "some.log", "first_line": 0, "last_line": 1})"),
      "a line from 1");
  expect_refusal(
      line(
          "x",
          R"("task": "question", "prompt": "p", "metric": "refusal", "expected": {"refused": true}, "documents": "nowhere")"),
      "there is no folder");
}

}  // namespace
}  // namespace thimble
