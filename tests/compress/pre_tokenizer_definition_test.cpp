// What tokenizer.json files say of cutting text into words, in the spellings that are about, and the names for it.
#include "compress/pre_tokenizer_definition.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

Json split(std::string_view pattern, std::string_view behavior = "Isolated", bool invert = false) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", invert}};
}

Json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

TokenizerDefinition definition_of(const std::vector<Json>& parts, bool ignore_merges,
                                  const Json& normalizer = nullptr) {
  TokenizerDefinition definition;
  definition.path = "test/tokenizer.json";
  definition.model = "BPE";
  definition.tree = {{"normalizer", normalizer},
                     {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", Json(parts)}}},
                     {"model", {{"ignore_merges", ignore_merges}}}};
  return definition;
}

constexpr std::string_view kTail =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string kLlama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|" + std::string(kTail);

TEST(PreTokenizerDefinition, SpellingsOfOneDefinitionHaveOneName) {
  const std::string other = "'(?i:s|t|re|ve|m|ll|d)|" + std::string(kTail);
  const Json nfc = {{"type", "NFC"}};
  const Json nested = {{"type", "Sequence"}, {"pretokenizers", Json::array({split(kLlama3), byte_level(false)})}};
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({split(kLlama3), byte_level(false)}, true), {}), "llama-bpe");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({split(other), byte_level(false)}, true), {}), "llama-bpe");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({split(kLlama3, "Removed", true), byte_level(false)}, true), {}),
            "llama-bpe");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({nested}, true, nfc), {}), "llama-bpe");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({split(kLlama3), byte_level(false)}, false), {}), "dbrx");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({byte_level(true)}, false), {}), "gpt-2");
  const Json digits = {{"type", "Digits"}, {"individual_digits", true}};
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({digits, byte_level(true)}, false), {}), "smollm");
  EXPECT_EQ(recognize_pre_tokenizer(definition_of({split(R"(\p{N})"), byte_level(true)}, false), {}), "smollm");
}

TEST(PreTokenizerDefinition, AFamilyPrefersItsOwnNameOfThoseThatShareTheWords) {
  const TokenizerDefinition plain = definition_of({byte_level(true)}, false);
  const std::array<std::string_view, 2> names = {"stablelm2", "phi-2"};
  EXPECT_EQ(recognize_pre_tokenizer(plain, names), "phi-2");
  const std::array<std::string_view, 1> others = {"refact"};
  EXPECT_EQ(recognize_pre_tokenizer(plain, others), "gpt-2");
}

TEST(PreTokenizerDefinition, WhatIsAboutTheSameIsNot) {
  const Json grouped = {{"type", "Digits"}, {"individual_digits", false}};
  Json spaced = byte_level(true);
  spaced["add_prefix_space"] = true;
  const std::vector<Json> broken[] = {
      {split(kLlama3 + "|x"), byte_level(false)},
      {split(kLlama3, "Removed"), byte_level(false)},
      {split(kLlama3, "MergedWithNext"), byte_level(false)},
      {split(kLlama3), byte_level(true)},
      {split(kLlama3), split(kLlama3), byte_level(false)},
      {byte_level(true), split(R"(\p{N})")},
      {grouped, byte_level(true)},
      {spaced, byte_level(true)},
      {spaced},
      {nullptr, 7, "x"},
      {},
  };
  for (const std::vector<Json>& parts : broken)
    EXPECT_THROW(recognize_pre_tokenizer(definition_of(parts, true), {}), Error) << parts;
  const Json lower = {{"type", "Lowercase"}};
  EXPECT_THROW(recognize_pre_tokenizer(definition_of({byte_level(true)}, false, lower), {}), Error);
}

// The definitions that exports write are those that conversions know.
TEST(PreTokenizerDefinition, ExportedPatternsAreRecognised) {
  for (const char* name : {"llama-bpe", "dbrx", "qwen2", "smollm", "gpt-2", "qwen35", "tekken", "gpt-4o", "seed-coder",
                           "bailingmoe", "minicpm5", "deepseek-v3"}) {
    std::vector<Json> parts;
    for (const std::string& pattern : patterns_of_pre_tokenizer(name)) parts.push_back(split(pattern));
    parts.push_back(byte_level(false));
    const bool ignore_merges = std::string_view(name) == "llama-bpe";
    EXPECT_EQ(recognize_pre_tokenizer(definition_of(parts, ignore_merges), {}), name);
  }
}

}  // namespace
}  // namespace thimble
