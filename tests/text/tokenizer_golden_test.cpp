// Token ids equal llama.cpp's, or those of the libraries that vocabularies are trained with: llama.cpp's own test cases,
// random strings of many scripts, and every code point.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>

#include "support/temp_file.h"
#include "text/tokenizer_models.h"
#include "text/tokenizer_texts.h"

namespace thimble::test {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::vector<TokenId> parse_ids(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<TokenId>(words), {}};
}

class GoldenTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string_view name = GetParam();
    const size_t at = std::min(name.find('@'), name.size());
    path_ = find_model_or_vocabulary(name.substr(0, at));
    if (path_.empty())
      GTEST_SKIP() << GetParam() << " is not in the folder that THIMBLE_MODELS or THIMBLE_VOCABS names";
    gguf_.emplace(Gguf::open(path_));
    tokenizer_.emplace(Tokenizer::from_gguf(*gguf_, name.substr(std::min(at + 1, name.size()))));
  }

  // The three parts of a golden file.
  void read_digests() {
    const std::string bytes = read_file(std::string(THIMBLE_TEST_DATA) + "/tokenizer/" + GetParam() + ".digests");
    ASSERT_GE(bytes.size(), 8u) << "run tests/oracle/tokenizer_golden.py";
    std::vector<uint32_t> values(bytes.size() / 4);
    std::memcpy(values.data(), bytes.data(), values.size() * 4);
    strings_ = values[0];
    blocks_ = values[1];
    const auto groups = static_cast<ptrdiff_t>((strings_ + kGroup - 1) / kGroup);
    ASSERT_EQ(values.size(), 2 + 2 * groups + (blocks_ + kGroup - 1) / kGroup);
    const auto begin = values.begin() + 2;
    plain_digests_.assign(begin, begin + groups);
    special_digests_.assign(begin + groups, begin + 2 * groups);
    block_digests_.assign(begin + 2 * groups, values.end());
  }

  void expect_digests(size_t count, bool parse_special, const std::vector<uint32_t>& expected,
                      const std::function<std::string(size_t)>& text) const {
    for (size_t group = 0; group < expected.size(); ++group) {
      Digest digest;
      for (size_t i = group * kGroup; i < std::min(count, (group + 1) * kGroup); ++i)
        digest.add(tokenizer_->encode(text(i), {.add_special = false, .parse_special = parse_special}));
      ASSERT_EQ(digest.value(), expected[group]) << "one of the texts from " << group * kGroup << " on";
    }
  }

  // As tests/oracle/tokenizer_golden.py makes them, or trained_vocabularies.py.
  std::function<std::string(size_t)> text_maker() const {
    if (!is_trained(GetParam()) && GetParam() != std::string_view("ggml-vocab-bert-bge")) return random_text;
    return [](size_t index) {
      std::string text = random_text(index);
      for (size_t at = text.find("\u2581"); at != std::string::npos; at = text.find("\u2581", at)) text.erase(at, 3);
      return text;
    };
  }

  static constexpr size_t kGroup = 16;
  std::string path_;
  std::optional<Gguf> gguf_;
  std::optional<Tokenizer> tokenizer_;
  size_t strings_ = 0;
  size_t blocks_ = 0;
  std::vector<uint32_t> plain_digests_;
  std::vector<uint32_t> special_digests_;
  std::vector<uint32_t> block_digests_;
};

using LlamaCases = GoldenTest;

TEST_P(LlamaCases, GiveLlamaCppsIds) {
  const auto inputs = split(read_file(path_ + ".inp"), "\n__ggml_vocab_test__\n");
  const auto outputs = split(read_file(path_ + ".out"), "\n");
  ASSERT_GT(inputs.size(), 40u);
  ASSERT_GE(outputs.size(), inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(tokenizer_->encode(inputs[i], {.add_special = false}), parse_ids(outputs[i]))
        << "case " << i << ": " << inputs[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, LlamaCases, testing::ValuesIn(kVocabularies));
INSTANTIATE_TEST_SUITE_P(Bert, LlamaCases, testing::Values("ggml-vocab-bert-bge"));

using Digests = GoldenTest;

TEST_P(Digests, RandomStringsAsText) {
  ASSERT_NO_FATAL_FAILURE(read_digests());
  EXPECT_GE(strings_, 10000u);
  expect_digests(strings_, false, plain_digests_, text_maker());
}

TEST_P(Digests, RandomStringsWithControlTokens) {
  ASSERT_NO_FATAL_FAILURE(read_digests());
  expect_digests(strings_, true, special_digests_, text_maker());
}

TEST_P(Digests, EveryCodePoint) {
  ASSERT_NO_FATAL_FAILURE(read_digests());
  EXPECT_GE(blocks_, 0x200u);
  expect_digests(blocks_, false, block_digests_, code_point_block);
}

INSTANTIATE_TEST_SUITE_P(RealModels, Digests, testing::ValuesIn(kRealModels));
// Not ggml-vocab-phi-3: the separator of a golden run would take the white space that follows it, as Phi-3's tokens do.
INSTANTIATE_TEST_SUITE_P(Vocabularies, Digests,
                         testing::Values("ggml-vocab-command-r", "ggml-vocab-deepseek-coder", "ggml-vocab-deepseek-llm",
                                         "ggml-vocab-falcon", "ggml-vocab-gemma-4", "ggml-vocab-gpt-2",
                                         "ggml-vocab-llama-bpe", "ggml-vocab-llama-spm", "ggml-vocab-mpt",
                                         "ggml-vocab-nomic-bert-moe", "ggml-vocab-qwen2", "ggml-vocab-qwen35",
                                         "ggml-vocab-refact", "ggml-vocab-starcoder"));
// By the libraries that the vocabularies were trained with.
INSTANTIATE_TEST_SUITE_P(Trained, Digests, testing::ValuesIn(kTrained));
INSTANTIATE_TEST_SUITE_P(Bert, Digests, testing::Values("ggml-vocab-bert-bge"));
// What no vocabulary at hand was made for, on one that was made for another.
INSTANTIATE_TEST_SUITE_P(OtherPreTokenizers, Digests,
                         testing::Values("ggml-vocab-llama-bpe@tekken", "ggml-vocab-llama-bpe@gpt-4o",
                                         "ggml-vocab-llama-bpe@deepseek-v3", "ggml-vocab-llama-bpe@dbrx",
                                         "ggml-vocab-llama-bpe@default", "ggml-vocab-llama-bpe@glm4",
                                         "ggml-vocab-llama-bpe@granite-embed-multi-97m",
                                         "ggml-vocab-llama-bpe@seed-coder", "ggml-vocab-llama-bpe@bailingmoe",
                                         "ggml-vocab-llama-bpe@minicpm5", "ggml-vocab-llama-bpe@bloom",
                                         "ggml-vocab-llama-bpe@viking"));

}  // namespace
}  // namespace thimble::test
