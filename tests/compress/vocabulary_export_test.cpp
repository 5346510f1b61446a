// A vocabulary exported and converted again gives the ids it gave, and the same tokens, types and templates.
#include "compress/vocabulary_export.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "compress/checkpoint_vocabulary.h"
#include "format/json_text.h"
#include "support/temp_file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_texts.h"

namespace thimble::test {
namespace {

void convert(const std::string& folder, const std::string& architecture, uint32_t vocabulary_size,
             const std::string& out) {
  GgufWriter writer(out);
  writer.set("general.architecture", architecture);
  write_vocabulary(folder, find_architecture(architecture, folder), nlohmann::json::object(), vocabulary_size, writer);
  writer.commit();
}

class VocabularyExport : public testing::TestWithParam<const char*> {};

TEST_P(VocabularyExport, ComesBackAsItWas) {
  const TempFolder temporary;
  const std::string folder = std::string(THIMBLE_TEST_DATA) + "/checkpoints/" + GetParam();
  const nlohmann::json golden = read_json_file(folder + "/golden.json");
  const std::string architecture = golden["architecture"];
  const std::string first = temporary / "first.gguf";
  const std::string second = temporary / "second.gguf";
  convert(folder, architecture, golden["vocabulary_size"], first);
  const Gguf before = Gguf::open(first);
  export_vocabulary(before, temporary.path());
  convert(temporary.path(), architecture, golden["vocabulary_size"], second);
  const Gguf after = Gguf::open(second);

  const Tokenizer old_tokenizer = Tokenizer::from_gguf(before);
  const Tokenizer new_tokenizer = Tokenizer::from_gguf(after);
  EXPECT_EQ(new_tokenizer.adds_bos(), old_tokenizer.adds_bos());
  EXPECT_EQ(new_tokenizer.adds_eos(), old_tokenizer.adds_eos());
  EXPECT_EQ(new_tokenizer.bos(), old_tokenizer.bos());
  EXPECT_EQ(new_tokenizer.eos(), old_tokenizer.eos());
  EXPECT_EQ(after.string("tokenizer.chat_template"), before.string("tokenizer.chat_template"));
  EXPECT_EQ(after.strings("tokenizer.chat_templates"), before.strings("tokenizer.chat_templates"));
  EXPECT_EQ(after.strings("tokenizer.ggml.tokens"), before.strings("tokenizer.ggml.tokens"));
  for (size_t i = 0; i < 2000; ++i) {
    for (const bool parse_special : {false, true}) {
      const EncodeOptions options = {.add_special = true, .parse_special = parse_special};
      const std::string text = random_text(i);
      ASSERT_EQ(new_tokenizer.encode(text, options), old_tokenizer.encode(text, options)) << text;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, VocabularyExport,
                         testing::Values("llama3", "qwen2", "smollm", "phi2", "phi4-mini", "phi3", "llama2", "gemma",
                                         "gemma3-json", "bert", "bert-cased", "unigram"));

TEST(VocabularyExport, WhatJsonCannotHoldIsRefused) {
  const TempFolder temporary;
  const std::string path = temporary / "vocabulary.gguf";
  const auto refusal = [&](std::span<const std::string_view> tokens, const char* pre) -> std::string {
    GgufWriter writer(path);
    writer.set("general.architecture", "llama");
    writer.set("tokenizer.ggml.model", "gpt2");
    writer.set("tokenizer.ggml.pre", pre);
    writer.set("tokenizer.ggml.tokens", tokens);
    writer.set("tokenizer.ggml.merges", std::span<const std::string_view>());
    writer.commit();
    try {
      export_vocabulary(Gguf::open(path), temporary.path());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string_view broken[] = {"a", "\xff"};
  const std::string_view twice[] = {"a", "a"};
  const std::string_view sound[] = {"a", "b"};
  EXPECT_NE(refusal(broken, "gpt-2").find("no UTF-8"), std::string::npos);
  EXPECT_NE(refusal(twice, "gpt-2").find("the same text 'a'"), std::string::npos);
  EXPECT_NE(refusal(sound, "bloom").find("no tokenizer.json can name"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(temporary / "tokenizer.json"));
  EXPECT_EQ(refusal(sound, "gpt-2"), "");
  EXPECT_TRUE(std::filesystem::exists(temporary / "tokenizer_config.json"));
}

}  // namespace
}  // namespace thimble::test
