// Files of answers: they go on after a break as if there had been none, and belong to one run.
#include "measure/task_records.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "measure/task_page.h"
#include "measure/task_plots.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

TaskFile three_cases() {
  std::string text;
  for (const char* id : {"a", "b", "<c>"}) {
    text +=
        std::string(R"({"id": ")") + id +
        R"(", "task": "text", "category": "<i>&x", "prompt": "</script><b>", "metric": "exact", "expected": "'yes'"})" +
        "\n";
  }
  return TaskFile::read("tasks.jsonl", text);
}

TaskRecord record(const std::string& answer) {
  return {.answer = {.value = answer},
          .confidence = 0.25,
          .trust = CallTrust{0.1, 0.2, 0.3},
          .cost = TaskCost{5, 2, 3, 0.5, 0.25}};
}

class AnswersFiles : public testing::Test {
 protected:
  std::string refusal(const Json& run) const {
    try {
      AnswersFile(path_, run, file_);
    } catch (const Error& error) {
      return error.what();
    }
    return "taken";
  }

  test::TempFolder folder_;
  std::string path_ = folder_ / "answers.jsonl";
  TaskFile file_ = three_cases();
  Json run_ = {{"model", "m"}};
};

TEST_F(AnswersFiles, GoOnAfterABreakAtAnyByte) {
  {
    AnswersFile answers(path_, run_, file_);
    for (const TaskCase& task : file_.cases) answers.append(task, record("\"quoted\"\n" + task.id));
  }
  const std::string whole = test::read_file(path_);
  const size_t header = whole.find('\n') + 1, first = whole.find('\n', header) + 1,
               second = whole.find('\n', first) + 1;
  for (size_t length = 0; length <= whole.size(); ++length) {
    test::write_file(path_, whole.substr(0, length));
    {
      AnswersFile answers(path_, run_, file_);
      ASSERT_EQ(answers.kept().size(),
                (length >= first ? 1u : 0u) + (length >= second ? 1u : 0u) + (length == whole.size() ? 1u : 0u));
      for (const TaskCase& task : file_.cases) {
        if (!answers.kept().contains(task.id)) answers.append(task, record("\"quoted\"\n" + task.id));
      }
    }
    ASSERT_EQ(test::read_file(path_), whole) << "cut at " << length;
  }
  const TaskRecords read = read_task_records(path_, whole, file_);
  const TaskRecord& one = read.at("<c>");
  EXPECT_EQ(one.answer.value, "\"quoted\"\n<c>");
  EXPECT_EQ(one.confidence, 0.25);
  EXPECT_EQ(one.trust->arguments, 0.3);
  EXPECT_EQ(one.cost->generated_tokens, 3u);
  EXPECT_EQ(one.cost->first_token_seconds, 0.5);
}

TEST_F(AnswersFiles, OfAnotherRunOrSomethingElseAreLeftAlone) {
  {
    AnswersFile answers(path_, run_, file_);
    EXPECT_NE(refusal(run_).find("another process writes it"), std::string::npos);
  }
  EXPECT_NE(refusal({{"model", "other"}}).find("something else than answers of this run"), std::string::npos);
  test::write_file(path_, "somebody's notes\n");
  EXPECT_NE(refusal(run_).find("something else"), std::string::npos);
  EXPECT_EQ(test::read_file(path_), "somebody's notes\n");
}

TEST_F(AnswersFiles, BrokenLinesAreNamed) {
  const std::string text =
      "{\"id\": null}\n{\"id\": \"zz\", \"answer\": \"\"}\n{\"id\": \"a\"}\n{\"id\": \"b\", \"answer\": "
      "3}\n{\"answer\": \"\"}\n"
      "{\"id\": \"<c>\", \"answer\": \"\", \"confidence\": 1.5}\n{\"id\": \"a\", \"answer\": \"\", \"refused\": 1}\n";
  try {
    read_task_records("x.jsonl", text, file_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "x.jsonl: 6 broken lines: line 2: no case has the id 'zz'; line 3: \"answer\" is missing; line 4: "
              "\"answer\" is a string, found "
              "3; line 5: \"id\" is missing, or no string; line 6: \"confidence\" is a number from 0 to 1, found 1.5; "
              "line 7: \"refused\" is true "
              "or false, found 1");
  }
}

// What models and files say stands in the page as text only.
TEST_F(AnswersFiles, ThePageEscapesAllTextAndNeedsNothingElse) {
  TaskRun run{.name = "<script>alert(1)</script>", .records = {}, .peak_bytes = 1'000'000};
  for (const TaskCase& task : file_.cases)
    run.records.emplace(task.id, record("<img src=x onerror='alert(\"1\")'>\x01\xff"));
  const std::string page = task_page(make_task_report("</title><script>", file_.cases, {run, run}));
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("</script><b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_EQ(page.find('\x01'), std::string::npos);
  EXPECT_NE(page.find("&lt;img src=x onerror=&#39;alert(&quot;1&quot;)&#39;&gt;"), std::string::npos);
  for (const char* outside : {"http:", "https:", "url(", "@import", " src=\"", "<link"}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(html_text("a&<>\"'\n"), "a&amp;&lt;&gt;&quot;&#39;\n");
  // A plot of confidence, one of times, one of scores; three wrong answers a model.
  size_t plots = 0, wrong = 0;
  for (size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++plots;
  for (size_t at = 0; (at = page.find("<div class=\"case\"", at)) != std::string::npos; ++at) ++wrong;
  EXPECT_EQ(plots, 3u);
  EXPECT_EQ(wrong, 6u);
}

}  // namespace
}  // namespace thimble
