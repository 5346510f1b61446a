// Tokenizing takes time in proportion to the text, whatever the text is.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "text/tokenizer_models.h"
#include "text/tokenizer_texts.h"
#include "text/tokenizer_vocabularies.h"

namespace thimble::test {
namespace {

// Instrumented code is slower; there, only a wrong complexity is to be found.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
constexpr double kSecondsPerMegabyte = 40;
constexpr size_t kTextBytes = 1 << 16;
#else
constexpr double kSecondsPerMegabyte = 2;
constexpr size_t kTextBytes = 1 << 20;
#endif

double processor_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string repeated(std::string_view part, size_t size) {
  std::string out;
  while (out.size() < size) out += part;
  return out;
}

std::vector<std::pair<std::string, std::string>> difficult_texts(size_t size) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const char* part : {"a",   "A",     " ",  "\n", "\r",     "7",      "<",      "!",          "'",    "\t ", " a",
                           "  a", "\n \n", "<|", "ab", "\u597d", "\u0301", "\u3000", "\U0001F600", "\xff", "\xe2"}) {
    texts.emplace_back(part, repeated(part, size));
  }
  texts.emplace_back("spaces before an ideograph", repeated(" ", size) + "\u597d");
  std::string word;
  TextRandom random(1);
  while (word.size() < size) word += static_cast<char>('a' + random.below(26));
  texts.emplace_back("one word of random letters", word);
  std::string mixed;
  for (uint64_t i = 0; mixed.size() < size; ++i) mixed += random_text(i);
  texts.emplace_back("mixed", mixed);
  return texts;
}

void expect_fast(const Tokenizer& tokenizer, size_t size) {
  const double limit = kSecondsPerMegabyte * static_cast<double>(size) / (1 << 20);
  for (const auto& [name, text] : difficult_texts(size)) {
    const double begin = processor_seconds();
    const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = true});
    const double seconds = processor_seconds() - begin;
    EXPECT_LT(seconds, limit) << size << " bytes of: " << name;
    EXPECT_LE(ids.size(), text.size() + 1);
  }
}

class TokenizerSpeed : public testing::TestWithParam<const char*> {};

TEST_P(TokenizerSpeed, IsBuiltQuickly) {
  const std::string path = find_model_or_vocabulary(GetParam());
  if (path.empty()) GTEST_SKIP() << GetParam() << " is not in the folder that THIMBLE_MODELS or THIMBLE_VOCABS names";
  const Gguf gguf = Gguf::open(path);
  const double begin = processor_seconds();
  const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
  // 400 ms, for busy machines; 67 ms were measured on a quiet one.
  EXPECT_LT(processor_seconds() - begin, 0.2 * kSecondsPerMegabyte);
}

TEST_P(TokenizerSpeed, OneMegabyteInTwoSeconds) {
  const std::string path = find_model_or_vocabulary(GetParam());
  if (path.empty()) GTEST_SKIP() << GetParam() << " is not in the folder that THIMBLE_MODELS or THIMBLE_VOCABS names";
  const Gguf gguf = Gguf::open(path);
  expect_fast(Tokenizer::from_gguf(gguf), kTextBytes);
}

INSTANTIATE_TEST_SUITE_P(RealModels, TokenizerSpeed, testing::ValuesIn(kRealModels));
INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerSpeed,
                         testing::Values("ggml-vocab-llama-bpe", "ggml-vocab-llama-spm", "ggml-vocab-bert-bge",
                                         "ggml-vocab-nomic-bert-moe", "ggml-vocab-deepseek-llm"));

TEST(TokenizerSpeed, TinyVocabularies) {
  const TempFolder folder;
  const Gguf pieces = Gguf::open(sentence_piece_vocabulary().sentence_piece().write(folder / "s.gguf"));
  expect_fast(Tokenizer::from_gguf(pieces), kTextBytes / 8);
  const Gguf words = Gguf::open(word_piece_vocabulary().word_piece().write(folder / "w.gguf"));
  expect_fast(Tokenizer::from_gguf(words), kTextBytes / 8);
  TinyVocabulary runs = sentence_piece_vocabulary();
  for (size_t length = 2; length <= 32; ++length) runs.add(std::string(length, 'a'), 1, -1);
  const Gguf unigram = Gguf::open(runs.unigram().write(folder / "u.gguf"));
  expect_fast(Tokenizer::from_gguf(unigram), kTextBytes / 8);
  const Gguf characters = Gguf::open(sentence_piece_vocabulary().character_level().write(folder / "c.gguf"));
  expect_fast(Tokenizer::from_gguf(characters), kTextBytes / 8);
  TinyGguf bytes = byte_level_vocabulary().byte_level();
  for (const char* name : {"gpt-2", "smollm", "qwen2", "llama-bpe", "qwen35", "falcon", "default", "tekken", "gpt-4o",
                           "deepseek-llm", "deepseek-coder", "deepseek-v3", "bloom", "viking", "seed-coder",
                           "bailingmoe", "minicpm5", "granite-embed-multi-97m"}) {
    bytes.add("tokenizer.ggml.pre", name).add("tokenizer.ggml.add_bos_token", false);
    const Gguf gguf = Gguf::open(bytes.write(folder / "b.gguf"));
    SCOPED_TRACE(name);
    expect_fast(Tokenizer::from_gguf(gguf), kTextBytes / 8);
  }
}

}  // namespace
}  // namespace thimble::test
