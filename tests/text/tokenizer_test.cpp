// What a tokenizer promises whatever the model: round trips, special tokens, spaces, end of generation, memory.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "text/tokenizer_models.h"
#include "text/tokenizer_texts.h"
#include "text/tokenizer_vocabularies.h"

namespace thimble::test {
namespace {

using Ids = std::vector<TokenId>;

constexpr EncodeOptions kText = {.add_special = false, .parse_special = false};
constexpr EncodeOptions kParsed = {.add_special = false, .parse_special = true};

class TinyTokenizer : public testing::Test {
 protected:
  const Tokenizer& make(const TinyGguf& gguf) {
    gguf_.emplace(Gguf::open(gguf.write(folder_ / "v.gguf")));
    tokenizer_.emplace(Tokenizer::from_gguf(*gguf_));
    return *tokenizer_;
  }

 private:
  TempFolder folder_;
  std::optional<Gguf> gguf_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(TinyTokenizer, MergesTheLowestRankFirstThenTheLeftmost) {
  const Tokenizer& t = make(byte_level_vocabulary().byte_level());
  EXPECT_EQ(t.encode("abc"), Ids{257});
  EXPECT_EQ(t.encode("aab"), (Ids{'a', 256}));
  EXPECT_EQ(t.encode("aaaaaaa"), (Ids{259, 258, 'a'}));
  EXPECT_EQ(t.encode(""), Ids{});
}

TEST_F(TinyTokenizer, FindsUserDefinedTokensAlwaysAndControlTokensOnRequest) {
  const Tokenizer& t = make(byte_level_vocabulary().byte_level());
  EXPECT_EQ(t.encode("a<tag>b", kText), (Ids{'a', kByteLevelTag, 'b'}));
  EXPECT_EQ(t.encode("<|im_end|>", kParsed), Ids{kByteLevelEnd});
  const Ids as_text = t.encode("<|im_end|>", kText);
  EXPECT_EQ(as_text.size(), 10u);
  EXPECT_EQ(t.decode(as_text), "<|im_end|>");
}

TEST_F(TinyTokenizer, LongerSpecialTokensGoFirstAnywhereInTheText) {
  TinyVocabulary vocabulary = byte_level_vocabulary();
  const TokenId brief = vocabulary.add("xyz", 4);
  const TokenId full = vocabulary.add("yzzz", 4);
  const Tokenizer& t = make(vocabulary.byte_level());
  EXPECT_EQ(t.encode("xyzzz", kText), (Ids{'x', full}));
  EXPECT_EQ(t.encode("xyzz", kText), (Ids{brief, 'z'}));
}

TEST_F(TinyTokenizer, MergingNeverMakesAControlToken) {
  TinyVocabulary vocabulary = byte_level_vocabulary();
  const TokenId half = vocabulary.add("xy");
  const TokenId whole = vocabulary.add("xyz", 3);
  vocabulary.merges = {"x y", "xy z"};
  for (const char* pre_tokenizer : {"gpt-2", "glm4"}) {  // glm4: whole words come before merges
    const TinyGguf gguf = vocabulary.byte_level().add("tokenizer.ggml.pre", pre_tokenizer);
    EXPECT_EQ(make(gguf).encode("xyz", kText), (Ids{half, 'z'}));
    EXPECT_EQ(make(gguf).encode("xyz", kParsed), Ids{whole});
  }

  const Tokenizer& pieces = make(sentence_piece_vocabulary().sentence_piece());
  const Ids text = pieces.encode("</s>", kText);
  EXPECT_EQ(std::count(text.begin(), text.end(), 2), 0);
  EXPECT_EQ(pieces.decode(text), "</s>");
  EXPECT_EQ(pieces.encode("</s>", kParsed), Ids{2});
}

TEST_F(TinyTokenizer, ByteTokensAreNotNamedByText) {
  TinyVocabulary vocabulary = sentence_piece_vocabulary();
  for (const char* text : {"0", "x", "4", "1", "<0", "<0x", "<0x4", "<0x41"}) vocabulary.add(text, 1, -1);
  const Tokenizer& t = make(vocabulary.sentence_piece());
  EXPECT_EQ(t.decode(t.encode("<0x41>", kText)), "<0x41>");
}

TEST_F(TinyTokenizer, SentencePieceAddsASpaceWhereTextBegins) {
  const TinyVocabulary vocabulary = sentence_piece_vocabulary();
  const Tokenizer& t = make(vocabulary.sentence_piece());
  const TokenId space_a = *t.find("\u2581a");
  const TokenId tag = *t.find("<tag>");
  EXPECT_EQ(t.encode("a", {.add_special = true}), (Ids{1, space_a}));
  EXPECT_EQ(t.encode("a<tag>a", kText), (Ids{space_a, tag, space_a}));
  EXPECT_EQ(t.decode(Ids{space_a, tag, space_a}), "a<tag>a");
  EXPECT_EQ(t.decode(Ids{1, space_a, space_a}), "a a");
  EXPECT_EQ(t.decode(Ids{1, space_a}, true), "<s>a");

  const Tokenizer& bare = make(vocabulary.sentence_piece().add("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(bare.encode("a", kText), Ids{*bare.find("a")});
  EXPECT_EQ(bare.decode(Ids{space_a}), " a");
}

TEST_F(TinyTokenizer, SentencePieceFallsBackToBytes) {
  const Tokenizer& t = make(sentence_piece_vocabulary().sentence_piece().add("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(t.encode("\u00e9", kText), (Ids{3 + 0xc3, 3 + 0xa9}));
  EXPECT_EQ(t.encode("\xff\xc3", kText), (Ids{3 + 0xff, 3 + 0xc3}));
  EXPECT_EQ(t.decode(Ids{3 + 0xc3, 3 + 0xa9}), "\u00e9");
}

TEST_F(TinyTokenizer, AddsBosAndEosAsTheFileAsks) {
  const TinyVocabulary vocabulary = byte_level_vocabulary();
  const TinyGguf plain =
      vocabulary.byte_level().add("tokenizer.ggml.bos_token_id", 260u).add("tokenizer.ggml.eos_token_id", 260u);
  EXPECT_EQ(make(plain).encode("a"), Ids{'a'});
  TinyGguf both = plain;
  both.add("tokenizer.ggml.add_bos_token", true).add("tokenizer.ggml.add_eos_token", true);
  EXPECT_EQ(make(both).encode("a"), (Ids{260, 'a', 260}));
  EXPECT_EQ(make(both).encode("", {.add_special = true}), (Ids{260, 260}));
  EXPECT_EQ(make(both).encode("a", kText), Ids{'a'});
  TinyGguf llama3 = plain;
  EXPECT_EQ(make(llama3.add("tokenizer.ggml.pre", "llama-bpe")).encode("a"), (Ids{260, 'a'}));
}

TEST_F(TinyTokenizer, EndsGenerationByKeyAndByText) {
  TinyVocabulary vocabulary = byte_level_vocabulary();
  const TokenId text_end = vocabulary.add("</s>", 1);
  const TokenId message_end = vocabulary.add("<|eom_id|>", 3);
  const TokenId pad = vocabulary.add("<|fim_pad|>", 3);
  const TokenId other = vocabulary.add("<|other|>", 3);
  const Tokenizer& t = make(vocabulary.byte_level().add("tokenizer.ggml.eos_token_id", 65u));
  for (const TokenId id : {kByteLevelEnd, text_end, message_end, pad, 65})
    EXPECT_TRUE(t.is_end_of_generation(id)) << id;
  for (const TokenId id : {other, kByteLevelTag, 66}) EXPECT_FALSE(t.is_end_of_generation(id)) << id;
  EXPECT_EQ(t.type(text_end), TokenType::control);
  EXPECT_EQ(t.piece(text_end), "</s>");
  EXPECT_EQ(t.piece(message_end), "");
  EXPECT_EQ(t.piece(message_end, true), "<|eom_id|>");
}

TEST_F(TinyTokenizer, AnAnswerGoesOnAfterEndWhereOtherTokensEndIt) {
  TinyVocabulary vocabulary = byte_level_vocabulary();
  const TokenId end = vocabulary.add("<|end|>", 3);
  EXPECT_TRUE(make(vocabulary.byte_level()).is_end_of_generation(end));
  const TokenId last = vocabulary.add("<|return|>", 3);
  const TokenId call = vocabulary.add("<|call|>", 3);
  const Tokenizer& t = make(vocabulary.byte_level());
  EXPECT_FALSE(t.is_end_of_generation(end));
  EXPECT_EQ(t.type(end), TokenType::user_defined);
  EXPECT_TRUE(t.is_end_of_generation(last) && t.is_end_of_generation(call));
}

TEST_F(TinyTokenizer, Phi3SpecialTokensTakeTheSpaceThatFollows) {
  TinyVocabulary vocabulary = sentence_piece_vocabulary();
  const TokenId user = vocabulary.add("<|user|>", 3);
  TinyGguf gguf = vocabulary.sentence_piece();
  const TokenId space_a = *make(gguf).find("\u2581a");
  EXPECT_EQ(make(gguf).encode("<|user|>\n a", kParsed).size(), 4u);
  EXPECT_EQ(make(gguf.add("general.name", "Phi-3 mini")).encode("<|user|>\n a", kParsed), (Ids{user, space_a}));
  EXPECT_EQ(make(gguf).encode("<s> a", kParsed).size(), 3u);
}

TEST_F(TinyTokenizer, RoundTripOfAnyBytes) {
  const Tokenizer& t = make(byte_level_vocabulary().byte_level());
  TextRandom random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint32_t n = random.below(40); n > 0; --n) bytes += static_cast<char>(random.below(256));
    ASSERT_EQ(t.decode(t.encode(bytes)), bytes);
  }
}

TEST_F(TinyTokenizer, RefusesTooMuchText) {
  const Tokenizer& t = make(byte_level_vocabulary().byte_level());
  const std::string much((size_t{256} << 20) + 1, 'a');
  EXPECT_THROW(t.encode(much), Error);
}

class RealTokenizer : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string path = find_model_or_vocabulary(GetParam());
    if (path.empty()) GTEST_SKIP() << GetParam() << " is not in the folder that THIMBLE_MODELS or THIMBLE_VOCABS names";
    gguf_.emplace(Gguf::open(path));
    tokenizer_.emplace(Tokenizer::from_gguf(*gguf_));
  }
  std::optional<Gguf> gguf_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(RealTokenizer, RoundTrip) {
  // SentencePiece writes spaces as U+2581, so U+2581 comes back as a space; and some vocabularies lack tokens for some
  // bytes.
  const bool is_byte_level = gguf_->string("tokenizer.ggml.model") == "gpt2";
  std::string lost_bytes;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (is_byte_level && !tokenizer_->find(byte_level_character(byte))) lost_bytes += static_cast<char>(byte);
  }
  size_t tried = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const std::string text = random_text(i);
    if (!is_byte_level && text.find("\u2581") != std::string::npos) continue;
    if (text.find_first_of(lost_bytes) != std::string::npos) continue;
    ASSERT_EQ(tokenizer_->decode(tokenizer_->encode(text, kText)), text) << "string " << i;
    ++tried;
  }
  EXPECT_GT(tried, 5000u);
}

class TokenizerMemory : public RealTokenizer {};

TEST_P(TokenizerMemory, IsAsPlannedAndSmall) {
  const double planned = static_cast<double>(Tokenizer::planned_bytes(*gguf_));
  const double held = static_cast<double>(tokenizer_->memory_bytes());
  EXPECT_NEAR(held / planned, 1, 0.1);
  EXPECT_LT(held, 15e6);
}

INSTANTIATE_TEST_SUITE_P(RealModels, RealTokenizer, testing::ValuesIn(kRealModels));
INSTANTIATE_TEST_SUITE_P(Vocabularies, RealTokenizer, testing::ValuesIn(kVocabularies));
INSTANTIATE_TEST_SUITE_P(RealModels, TokenizerMemory, testing::ValuesIn(kRealModels));
INSTANTIATE_TEST_SUITE_P(Vocabularies, TokenizerMemory, testing::ValuesIn(kVocabularies));
INSTANTIATE_TEST_SUITE_P(Encoders, TokenizerMemory,
                         testing::Values("ggml-vocab-bert-bge", "ggml-vocab-nomic-bert-moe"));

TEST(RealVocabularies, EndOfGeneration) {
  struct Expected {
    const char* model;
    std::vector<const char*> ends;
    std::vector<const char*> others;
  };
  const std::vector<Expected> table = {
      {"smollm2-135m", {"<|im_end|>", "<|endoftext|>", "<reponame>"}, {"<|im_start|>", "<repo_name>", "a"}},
      {"qwen2.5-coder-0.5b",
       {"<|im_end|>", "<|endoftext|>", "</s>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"},
       {"<|im_start|>", "<tool_call>"}},
      {"gemma-3-270m", {"<eos>", "<end_of_turn>", "</s>"}, {"<bos>", "<start_of_turn>", "<pad>"}},
  };
  size_t tried = 0;
  for (const Expected& expected : table) {
    const std::string path = real_model(expected.model);
    if (path.empty()) continue;
    ++tried;
    const Gguf gguf = Gguf::open(path);
    const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
    for (const char* text : expected.ends)
      EXPECT_TRUE(tokenizer.is_end_of_generation(tokenizer.find(text).value())) << text;
    for (const char* text : expected.others)
      EXPECT_FALSE(tokenizer.is_end_of_generation(tokenizer.find(text).value())) << text;
  }
  if (tried == 0) GTEST_SKIP() << "no real model in the folder that THIMBLE_MODELS names";
}

}  // namespace
}  // namespace thimble::test
