#include "compress/model_name.h"

#include <gtest/gtest.h>

#include "compress/model_card.h"

namespace thimble {
namespace {

// What gguf-py's Metadata.get_model_id_components and size_label give for the same names.
TEST(ModelName, IsTakenApart) {
  struct Case {
    const char* id;
    uint64_t parameters;
    ModelName parts;
  };
  const Case kCases[] = {
      {"Mixtral-8x7B-Instruct-v0.1", 0, {"Mixtral-8x7B-Instruct-v0.1", "", "Mixtral", "Instruct", "v0.1", "8x7B"}},
      {"owner/Llama-3.2-1B-Instruct",
       1'235'814'400,
       {"Llama-3.2-1B-Instruct", "owner", "Llama-3.2", "Instruct", "", "1B"}},
      {"Phi-3-mini-4k-instruct", 3'800'000'000, {"Phi-3-mini-4k-instruct", "", "Phi-3", "4k-instruct", "", "mini"}},
      {"bloom-7b1-petals", 7'100'000'000, {"bloom-7b1-petals", "", "bloom", "petals", "", "7.1B"}},
      {"smollm2-135m", 135'000'000, {"smollm2-135m", "", "smollm2", "", "", "135M"}},
      {"model", 1000, {"model", "", "", "", "", ""}},
      {"A model of mine", 1000, {"A model of mine", "", "", "", "", ""}},
      {"./checkpoint", 1000, {"checkpoint", "", "", "", "", ""}},
  };
  for (const Case& c : kCases) {
    const ModelName found = take_apart(c.id, c.parameters);
    EXPECT_EQ(found.name, c.parts.name) << c.id;
    EXPECT_EQ(found.organization, c.parts.organization) << c.id;
    EXPECT_EQ(found.basename, c.parts.basename) << c.id;
    EXPECT_EQ(found.finetune, c.parts.finetune) << c.id;
    EXPECT_EQ(found.version, c.parts.version) << c.id;
    EXPECT_EQ(found.size_label, c.parts.size_label) << c.id;
  }
}

TEST(ModelName, HasATitle) {
  EXPECT_EQ(title_of("tiny-qwen2-128k"), "Tiny Qwen2 128k");
  EXPECT_EQ(title_of("all-MiniLM-L6-v2"), "All MiniLM L6 v2");
  EXPECT_EQ(title_of("  a--b "), "A B");
}

TEST(ModelName, SizesHaveTwoDigits) {
  EXPECT_EQ(size_label_of(134'515'008), "135M");
  EXPECT_EQ(size_label_of(1'235'814'400), "1.2B");
  EXPECT_EQ(size_label_of(22'713'216), "23M");
  EXPECT_EQ(size_label_of(141'536), "142K");
  EXPECT_EQ(size_label_of(400), "0.40K");
  EXPECT_EQ(size_label_of(3'212'749'888), "3.2B");
}

TEST(ModelCard, HasPlainValuesAndLists) {
  const ModelCard card = ModelCard::parse(
      "---\r\nlicense: apache-2.0 # free\nname: 'A: b'\nlanguage:\n- en\n-  \"no\"\ntags: [a, 'b c', ]\n"
      "model-index:\n- name: x\n  results:\n  - y\nempty:\ntext: |\n  tags: no\n---\nlicense: mit\n");
  EXPECT_EQ(card.text("license"), "apache-2.0");
  EXPECT_EQ(card.text("absent|name"), "A: b");
  EXPECT_EQ(card.texts("language"), (std::vector<std::string>{"en", "no"}));
  EXPECT_EQ(card.texts("tags"), (std::vector<std::string>{"a", "b c"}));
  EXPECT_TRUE(card.texts("model-index").empty());
  EXPECT_TRUE(card.texts("empty").empty());
  EXPECT_TRUE(card.texts("text").empty());
}

TEST(ModelCard, WithoutFrontMatterSaysNothing) {
  for (const char* text : {"", "# Title\nlicense: mit\n", "---\nlicense: mit\n", "---", "----\nlicense: mit\n---\n"}) {
    EXPECT_TRUE(ModelCard::parse(text).texts("license").empty()) << text;
  }
}

}  // namespace
}  // namespace thimble
