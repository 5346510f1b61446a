// Tasks with a few answers, against llama-perplexity's scores of the same files.
#include "measure/choices.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.h"
#include "support/measured_model.h"

namespace thimble {
namespace {

using nlohmann::json;

ChoiceTasks read_tasks(const std::string& kind, size_t count) {
  const auto data = [](const char* name) { return test::read_file(test::measure_data(name)); };
  if (kind == "hellaswag") return parse_hellaswag(kind, data("hellaswag.txt"), count);
  if (kind == "winogrande") return parse_winogrande(kind, data("winogrande.csv"), count);
  return parse_multiple_choice(kind, data("choices.bin"), count);
}

class Choices : public testing::TestWithParam<const char*> {};

TEST_P(Choices, AreLlamaCpps) {
  const json golden = test::measure_golden();
  test::MeasuredModel model("llama", 2);
  const auto session = model.session(512, 512);
  for (const bool all : {true, false}) {
    const ChoiceTasks tasks = read_tasks(GetParam(), all ? 0 : golden["selected"].get<size_t>());
    EXPECT_EQ(tasks.lines_left_out, 0u);
    EXPECT_EQ(tasks.tasks.size(), all ? 36u : golden["selected"].get<size_t>());
    const ChoiceResult result = measure_choices(*session, model.tokenizer(), tasks.tasks);
    const json& expected = golden[all ? "scores_all" : "scores_selected"][GetParam()];
    EXPECT_NEAR(result.score() * 100, expected[0].get<double>(), 5e-5);
    if (expected.size() < 3) continue;
    EXPECT_NEAR(result.interval().low * 100, expected[1].get<double>(), 6e-5);
    EXPECT_NEAR(result.interval().high * 100, expected[2].get<double>(), 6e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, Choices, testing::Values("hellaswag", "winogrande", "multiple-choice"),
                         [](const auto& kind) { return test::case_name(kind.param); });

std::string refusal(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ChoiceTasks, BrokenHellaswagIsRefusedByLine) {
  const auto refused = [](std::string_view text) { return refusal([&] { parse_hellaswag("f", text, 0); }); };
  EXPECT_EQ(refused("c\n0\na\nb\nc\nd"), "accepted");
  EXPECT_EQ(refused("c\r\n3\r\na\r\nb\r\nc\r\nd\r\n"), "accepted");
  EXPECT_NE(refused("c\n0\na\nb\nc").find("5 lines; expected six"), std::string::npos);
  EXPECT_NE(refused("c\n4\na\nb\nc\nd").find("line 2: expected the number"), std::string::npos);
  EXPECT_NE(refused("c\nx\na\nb\nc\nd").find("found 'x'"), std::string::npos);
  EXPECT_NE(refused("").find("no tasks"), std::string::npos);
}

TEST(ChoiceTasks, LinesThatAreNoGapAreLeftOut) {
  const ChoiceTasks tasks = parse_winogrande(
      "f", "qID,sentence,option1,option2,answer\n1,\"a, _ b\",x,y,2\n2,no gap,x,y,1\n3,a _,x,y,3\n", 0);
  ASSERT_EQ(tasks.tasks.size(), 1u);
  EXPECT_EQ(tasks.tasks[0].texts, (std::vector<std::string>{"a, x b", "a, y b"}));
  EXPECT_EQ(tasks.tasks[0].bases, (std::vector<std::string>{"a, x", "a, y"}));
  EXPECT_EQ(tasks.tasks[0].correct, (std::vector<bool>{false, true}));
  EXPECT_EQ(tasks.lines_left_out, 3u);
  EXPECT_EQ(tasks.first_line_left_out, 1u);
  EXPECT_NE(refusal([] { parse_winogrande("f", "\n", 0); }).find("no tasks"), std::string::npos);
}

TEST(ChoiceTasks, BrokenBinariesAreRefusedByTask) {
  const std::string good = test::read_file(test::measure_data("choices.bin"));
  const auto refused = [](const std::string& bytes, size_t count = 0) {
    return refusal([&] { parse_multiple_choice("f", bytes, count); });
  };
  ASSERT_EQ(refused(good), "accepted");
  for (size_t length = 0; length < good.size(); length += 7) {
    EXPECT_NE(refused(good.substr(0, length)), "accepted") << length;
  }
  std::string many = good;
  many.replace(0, 4, "\xff\xff\xff\xff");
  EXPECT_NE(refused(many).find("the file ends in the tasks' positions"), std::string::npos);
  EXPECT_NE(refused(many, 3), "accepted");
  std::string far = good;
  for (size_t i = 4; i < 4 + 36 * 4; ++i) far[i] = '\x7f';
  EXPECT_EQ(refused(far), "accepted");
  EXPECT_NE(refused(far, 3).find("is behind the end"), std::string::npos);
  EXPECT_NE(refused(std::string(4, '\0')).find("no tasks"), std::string::npos);
}

TEST(Choices, TasksThatCannotBeRunAreNamed) {
  test::MeasuredModel model("llama");
  const auto session = model.session(32, 32);
  const auto refused = [&](std::vector<std::string> texts) {
    const std::vector<ChoiceTask> tasks = {{{"ab", "ac"}, {}, {true, false}}, {std::move(texts), {}, {true, false}}};
    return refusal([&] { measure_choices(*session, model.tokenizer(), tasks); });
  };
  EXPECT_EQ(refused({"ab", "abc"}), "accepted");  // one begins the other
  EXPECT_EQ(refused({"ab", "ab"}), "accepted");
  EXPECT_NE(refused({"b", "c"}).find("task 2: its texts have no first token in common"), std::string::npos);
  EXPECT_NE(refused({"", "c"}).find("task 2: its texts have no first token in common"), std::string::npos);
  EXPECT_NE(refused({std::string(33, 'a'), "a"}).find("task 2 has 33 tokens"), std::string::npos);
}

TEST(ChoiceResult, IntervalsAreWilsons) {
  const ChoiceResult half{100, 50, 400};
  EXPECT_NEAR(half.interval().low, 0.4038, 1e-4);
  EXPECT_NEAR(half.interval().high, 0.5962, 1e-4);
  EXPECT_NEAR(half.error(), std::sqrt(0.25 / 99), 1e-12);
  EXPECT_EQ(half.chance(), 0.25);
  const ChoiceResult none{10, 0, 20};
  EXPECT_NEAR(none.interval().low, 0, 1e-12);
  EXPECT_NEAR(none.interval().high, 0.2775, 1e-4);
}

}  // namespace
}  // namespace thimble
