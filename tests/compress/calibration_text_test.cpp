#include "compress/calibration_text.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "base/error.h"
#include "compress/chat_data.h"
#include "support/measured_model.h"

namespace thimble {
namespace {

std::string prose(unsigned seed, size_t lines, std::string_view alphabet = "abcdefghijklmnop") {
  std::mt19937 random(seed);
  std::string text;
  for (size_t i = 0; i < lines * 60; ++i) {
    text += i % 60 == 59 ? '\n' : i % 7 == 6 ? ' ' : alphabet[random() % alphabet.size()];
  }
  return text;
}

bool warns(const CalibrationText& text, std::string_view of) {
  for (const std::string& warning : calibration_warnings(text)) {
    if (warning.find(of) != std::string::npos) return true;
  }
  return false;
}

TEST(CalibrationText, AShortOneIsWarnedOf) {
  const std::string text = prose(1, 50);
  EXPECT_TRUE(warns({text, 3072, false, false, {}}, "3072 tokens are run, at least 50000 are advised"));
  EXPECT_FALSE(warns({text, kAdvisedTokens, false, false, {}}, "short"));
}

TEST(CalibrationText, OneKindIsWarnedOf) {
  const std::string english = prose(1, 100);
  std::string greek, code;
  for (int i = 0; i < 400; ++i) greek += "\u03b1\u03b2\u03b3\u03b4 \u03b5\u03b6\n";
  for (int i = 0; i < 50; ++i) code += "if (a[" + std::to_string(i) + "] == b) { return; }\n";
  EXPECT_EQ(text_kind(english).script, "Latin");
  EXPECT_EQ(text_kind(english).script_share, 1);
  EXPECT_EQ(text_kind(greek).script, "Greek");
  EXPECT_NEAR(text_kind(english + code).code_line_share, 1.0 / 3, 0.01);
  EXPECT_EQ(text_kind("").script, "");
  EXPECT_TRUE(warns({english, 0, false, false, {}}, "of one kind: 100.0% of its letters are Latin, 0.0% of its lines"));
  EXPECT_TRUE(warns({code, 0, false, false, {}}, "100.0% of its lines look like code"));
  EXPECT_FALSE(warns({english + code, 0, false, false, {}}, "of one kind"));
  const std::string both = english + greek;
  EXPECT_FALSE(warns({both, 0, false, false, {}}, "of one kind"));
}

TEST(CalibrationText, RepetitionIsWarnedOf) {
  const std::string once = prose(1, 100), twice = once + once;
  EXPECT_EQ(text_kind(once).repeated_line_share, 0);
  EXPECT_EQ(text_kind(twice).repeated_line_share, 0.5);
  EXPECT_TRUE(warns({twice, 0, false, false, {}}, "50% of its lines stood there before"));
  EXPECT_FALSE(warns({once, 0, false, false, {}}, "repeats"));
}

TEST(CalibrationText, OverlapIsTheShareOfTheEvaluationTextsShingles) {
  const std::string a = prose(1, 200), b = prose(2, 200);
  EXPECT_EQ(shared_shingles(a, b), 0);
  EXPECT_EQ(shared_shingles(a, a), 1);
  EXPECT_EQ(shared_shingles(a, "short"), 0);
  EXPECT_EQ(shared_shingles("", a), 0);
  // Half of it, less the 49 windows that reach across the border.
  const double half = shared_shingles(a, a + b);
  EXPECT_NEAR(half, 0.5, 49.0 / static_cast<double>(a.size()));
  std::string wrapped = a;
  for (char& c : wrapped) c = c == ' ' ? '\n' : c;
  EXPECT_EQ(shared_shingles(wrapped, a), 1);  // other line ends
  const std::string mixed = a + b;
  EXPECT_TRUE(warns({a, 0, false, false, mixed}, "overlaps the calibration text: 49."));
  EXPECT_FALSE(warns({a, 0, false, false, b}, "overlaps"));
}

TEST(CalibrationText, OfALargeEvaluationTextASampleIsTaken) {
  const std::string a = prose(1, 30'000), b = prose(2, 30'000);  // above a million shingles together
  EXPECT_NEAR(shared_shingles(a, a + b), 0.5, 0.005);
}

TEST(CalibrationText, PlainTextForAChatModelIsWarnedOf) {
  const std::string text = prose(1, 50);
  EXPECT_TRUE(warns({text, 0, true, false, {}}, "has a chat template"));
  EXPECT_FALSE(warns({text, 0, true, true, {}}, "has a chat template"));
  EXPECT_FALSE(warns({text, 0, false, false, {}}, "has a chat template"));
}

TEST(ChatData, IsRenderedWithTheModelsTemplate) {
  test::MeasuredModel model("llama");
  const ChatData data = read_chat_data(model.loaded(), {}, "f",
                                       R"({"messages": [{"role": "user", "content": "a<|im_end|>"},)"
                                       R"( {"role": "assistant", "content": "b"}]})"
                                       "\n\n"
                                       R"([{"role": "user", "content": "c"}])"
                                       "\r\n");
  EXPECT_EQ(data.conversations, 2u);
  EXPECT_EQ(data.text,
            "<|im_start|>user\na<|im_end|><|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
            "<|im_start|>user\nc<|im_end|>\n");
  // Three messages; what a message says is no control token.
  EXPECT_EQ(std::ranges::count(data.tokens, 257), 3);
  EXPECT_EQ(std::ranges::count(data.tokens, 258), 3);
}

TEST(ChatData, BrokenLinesAreNamedByNumber) {
  test::MeasuredModel model("llama");
  const auto refusal = [&](std::string_view lines) -> std::string {
    try {
      read_chat_data(model.loaded(), {}, "tasks.jsonl", lines);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      return error.what();
    }
    return "accepted";
  };
  const std::string good = R"({"messages": [{"role": "user", "content": "a"}]})";
  EXPECT_EQ(refusal(good), "accepted");
  const std::string two = refusal(good + "\n{\"messages\":\n" + good + "\n[]\n");
  EXPECT_NE(two.find("tasks.jsonl: 2 broken lines: line 2: no JSON; line 4: "), std::string::npos) << two;
  EXPECT_NE(refusal("{\"text\": 1}").find("1 broken line: line 1: expected an object with"), std::string::npos);
  EXPECT_NE(refusal("[{\"role\": 3}]").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("{\"messages\": \"x\"}").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("\n \n").find("there are no conversations"), std::string::npos);
  std::string many;
  for (int i = 0; i < 25; ++i) many += "x\n";
  EXPECT_NE(refusal(many).find("25 broken lines: line 1: no JSON; line 2: "), std::string::npos);
  EXPECT_NE(refusal(many).find("line 20: no JSON; and 5 more"), std::string::npos);
}

TEST(ChatData, IsToldFromTextByItsFirstLine) {
  EXPECT_TRUE(begins_with_conversation("{\"messages\": []}\nrest"));
  EXPECT_TRUE(begins_with_conversation("\n \r\n[{\"role\": \"user\", \"content\": \"a\"}]"));
  for (const char* text : {"", "\n\n", "plain", "{\"text\": \"a\"}", "[]", "[1, 2]", "[{\"name\": 1}]",
                           "{\"messages\": [", "plain\n{\"messages\": []}"}) {
    EXPECT_FALSE(begins_with_conversation(text)) << text;
  }
}

}  // namespace
}  // namespace thimble
