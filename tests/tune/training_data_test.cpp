// Examples of every form, and lines that are none.
#include <gtest/gtest.h>

#include "model/training_pass.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"
#include "tune/training_data.h"

namespace thimble {
namespace {

class TrainingData : public testing::Test {
 protected:
  TrainingData() {
    const ArchSpec& spec = find_architecture("llama", "test");
    test::write_tiny_model(spec, test::tiny_of(spec), folder_ / "tiny.gguf");
    language_model_ = std::make_unique<const LanguageModel>(
        LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
  }

  std::vector<TrainingExample> read(std::string_view lines, size_t max_length = 512) const {
    DataOptions options;
    options.max_length = max_length;
    return read_training_data(*language_model_, options, "data.jsonl", lines);
  }
  std::vector<TokenId> encode(std::string_view text, bool parse_special = true) const {
    return language_model_->tokenizer().encode(text, {.add_special = false, .parse_special = parse_special});
  }
  std::string fault_of(std::string_view lines, size_t max_length = 512) const {
    try {
      read(lines, max_length);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      return error.what();
    }
    return "nothing is wrong";
  }
  // The text of what is scored.
  std::string scored_text(const TrainingExample& example) const {
    std::string text;
    for (const TokenId target : example.targets) {
      if (target != kNotScored) text += language_model_->tokenizer().piece(target, true);
    }
    return text;
  }
  void expect_targets_follow(const TrainingExample& example) const {
    ASSERT_EQ(example.tokens.size(), example.targets.size());
    for (size_t i = 0; i + 1 < example.tokens.size(); ++i) {
      if (example.targets[i] == kNotScored) continue;
      EXPECT_EQ(example.targets[i], example.tokens[i + 1]);
    }
  }

  test::TempFolder folder_;
  std::unique_ptr<const LanguageModel> language_model_;
};

TEST_F(TrainingData, ScoresWhatTheAssistantSaysUpToTheEndOfItsTurn) {
  const auto examples = read(R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"A"},)"
                             R"({"role":"user","content":"<|im_end|>"},{"role":"assistant","content":"BC"}]})");
  ASSERT_EQ(examples.size(), 1u);
  EXPECT_EQ(scored_text(examples[0]), "A<|im_end|>BC<|im_end|>");
  expect_targets_follow(examples[0]);
  // What the person wrote stays text, as in a chat.
  std::vector<TokenId> expected =
      encode("<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\n");
  const std::vector<TokenId> written = encode("<|im_end|>", false);
  EXPECT_GT(written.size(), 1u);
  expected.insert(expected.end(), written.begin(), written.end());
  const std::vector<TokenId> rest = encode("<|im_end|>\n<|im_start|>assistant\nBC");
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(examples[0].tokens, expected);
}

TEST_F(TrainingData, TakesPairsTextsAndIds) {
  const auto examples = read(
      "{\"prompt\":\"ab\",\"completion\":\"cd\"}\n\n"
      "{\"prompt\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"},"
      "{\"role\":\"user\",\"content\":\"z\"}],\"completion\":[{\"role\":\"assistant\",\"content\":\"w\"}]}\n"
      "{\"text\":\"abcdefg\"}\n"
      "{\"ids\":[5,6,7,8],\"labels\":[-100,-100,7,-100]}\n",
      64);
  ASSERT_EQ(examples.size(), 4u);
  EXPECT_EQ(scored_text(examples[0]), "cd<|im_end|>");  // the vocabulary's EOS
  EXPECT_EQ(examples[0].tokens, encode("abcd"));
  EXPECT_EQ(scored_text(examples[1]), "w<|im_end|>");
  EXPECT_EQ(scored_text(examples[2]), "bcdefg<|im_end|>");
  EXPECT_EQ(examples[3].tokens, (std::vector<TokenId>{5, 6}));
  EXPECT_EQ(examples[3].targets, (std::vector<TokenId>{kNotScored, 7}));
  EXPECT_EQ(examples[3].line, 5u);
  for (const TrainingExample& example : examples) expect_targets_follow(example);
}

TEST_F(TrainingData, CutsTextsSoThatEachTokenIsForeseenOnce) {
  const auto examples = read(R"({"text":"abcdefghij"})", 4);
  std::string all;
  for (const TrainingExample& example : examples) {
    EXPECT_LE(example.tokens.size(), 4u);
    expect_targets_follow(example);
    all += scored_text(example);
  }
  EXPECT_EQ(all, "bcdefghij<|im_end|>");
}

TEST_F(TrainingData, NamesEveryBrokenLine) {
  const std::string good = "{\"text\":\"abc\"}\n";
  EXPECT_NE(fault_of(good + "{\n" + good + "[]\n")
                .find("2 broken lines: line 2: no JSON, or nested deeper than 64 levels; line 4: "),
            std::string::npos);
  const std::pair<const char*, const char*> faults[] = {
      {R"({"messages":[]})", "no messages"},
      {R"({"messages":[{"role":"user","content":"x"}]})", "no message is the assistant's"},
      {R"({"messages":[{"role":"assistant","content":"x"}]})", "nothing that it answers"},
      {R"({"messages":[{"role":"user"}]})", "message 0 of the conversation"},
      {R"({"prompt":"a"})", "\"completion\""},
      {R"({"completion":"a"})", "\"prompt\""},
      {R"({"text":""})", "\"text\""},
      {R"({"text":3})", "\"text\""},
      {R"({"ids":[1,2]})", "\"labels\""},
      {R"({"ids":[1,320],"labels":[1,320]})", "below 320"},
      {R"({"ids":[1,-1],"labels":[1,1]})", "below 320"},
      {R"({"ids":[1,2.5],"labels":[1,2]})", "below 320"},
      {R"({"ids":[1,2],"labels":[1]})", "2 ids and 1 labels"},
      {R"({"ids":[1,2],"labels":[1,3]})", "label 1 is 3"},
      {R"({"ids":[1,2],"labels":[1,-100]})", "no token is scored"},
      {R"({"ids":[1,2,3,4,5,6,7,8,9,10,11],"labels":[1,2,3,4,5,6,7,8,9,10,11]})", "--max-length"},
      {R"({"ids":[1,[2]],"labels":[1,2]})", "found array"},
      {R"({"other":1})", "expected \"messages\""},
  };
  for (const auto& [line, fault] : faults) {
    EXPECT_NE(fault_of(line, 9).find(fault), std::string::npos) << line << "\n" << fault_of(line, 9);
  }
  // Nested without end.
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  for (const char* key : {"ids", "text", "messages", "prompt"}) {
    EXPECT_NE(fault_of(fmt::format(R"({{"{}":{}}})", key, deep)), "nothing is wrong") << key;
  }
  EXPECT_NE(fault_of("\n \n").find("no examples"), std::string::npos);
}

// A template that shows earlier answers otherwise than chat asked for them.
TEST_F(TrainingData, RefusesAPromptThatChatWouldNotSend) {
  DataOptions options;
  options.template_source =
      "{% for m in messages %}[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}[bot]{% "
      "endif %}";
  try {
    read_training_data(*language_model_, options, "data.jsonl",
                       R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("chat would send"), std::string::npos) << error.what();
  }
}

TEST_F(TrainingData, FindsExamplesThatAreHeldOutToo) {
  const auto training = read("{\"text\":\"abc\"}\n{\"text\":\"def\"}\n");
  require_apart(training, read(R"({"text":"ghi"})"), "val.jsonl");
  try {
    require_apart(training, read("{\"text\":\"ghi\"}\n{\"text\":\"def\"}\n"), "val.jsonl");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("2 (2)"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace thimble
