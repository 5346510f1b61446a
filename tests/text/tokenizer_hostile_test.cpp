// Broken vocabularies end in Error(bad_file) that names the key and the fault, or are taken as llama.cpp takes them.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "text/tokenizer.h"
#include "text/tokenizer_vocabularies.h"

namespace thimble::test {
namespace {

class HostileVocabulary : public testing::Test {
 protected:
  std::string write(const TinyGguf& gguf) const { return gguf.write(folder_ / "v.gguf"); }

  void expect_refused(const TinyGguf& gguf, const std::vector<std::string>& words, ExitCode code = ExitCode::bad_file,
                      std::string_view pre_tokenizer = {}) const {
    const Gguf file = Gguf::open(write(gguf));
    try {
      Tokenizer::from_gguf(file, pre_tokenizer);
      FAIL() << "accepted, expected a message with " << words[0];
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      for (const std::string& word : words)
        EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    }
  }

  // With a tokenizer that was accepted.
  void use(const TinyGguf& gguf, const std::function<void(const Tokenizer&)>& check) const {
    const Gguf file = Gguf::open(write(gguf));
    check(Tokenizer::from_gguf(file));
  }

  TempFolder folder_;
  TinyVocabulary bytes_ = byte_level_vocabulary();
  TinyVocabulary pieces_ = sentence_piece_vocabulary();
};

TEST_F(HostileVocabulary, Model) {
  expect_refused(bytes_.byte_level().remove("tokenizer.ggml.model"), {"tokenizer.ggml.model", "missing"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.model", "rwkv"),
                 {"tokenizer.ggml.model", "'rwkv'", "gpt2", "llama", "bert", "t5"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.model", 7u), {"tokenizer.ggml.model", "UINT32"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.model", "a\x1b[31m\n"), {"\\x1b[31m\\x0a"});
}

TEST_F(HostileVocabulary, PreTokenizer) {
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.pre", "nonsense"),
                 {"tokenizer.ggml.pre", "'nonsense'", "--pre-tokenizer", "llama-bpe", "qwen2", "smollm", "gpt-2"});
  expect_refused(bytes_.byte_level().remove("tokenizer.ggml.pre"),
                 {"tokenizer.ggml.pre", "missing", "--pre-tokenizer"});
  expect_refused(bytes_.byte_level(), {"--pre-tokenizer", "nonsense"}, ExitCode::usage, "nonsense");
  expect_refused(pieces_.sentence_piece(), {"--pre-tokenizer", "SentencePiece"}, ExitCode::usage, "gpt-2");
  const Gguf file = Gguf::open(write(bytes_.byte_level().add("tokenizer.ggml.pre", "nonsense")));
  EXPECT_EQ(Tokenizer::from_gguf(file, "smollm").encode("ab"), (std::vector<TokenId>{256}));
}

TEST_F(HostileVocabulary, Tokens) {
  expect_refused(bytes_.byte_level().remove("tokenizer.ggml.tokens"), {"tokenizer.ggml.tokens", "0 tokens"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.tokens", std::vector<std::string>{}),
                 {"tokenizer.ggml.tokens", "0 tokens"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.tokens", "text"), {"tokenizer.ggml.tokens"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.tokens", std::vector<uint32_t>{1, 2}),
                 {"tokenizer.ggml.tokens"});
}

TEST_F(HostileVocabulary, MoreTokensThanSupported) {
  std::string data;
  append_bytes(data, static_cast<uint32_t>(GgufValueType::STRING));
  const uint64_t count = (1u << 24) - 1;
  append_bytes(data, count);
  data.append(count * sizeof(uint64_t), '\0');
  expect_refused(
      bytes_.byte_level().add_raw("tokenizer.ggml.tokens", static_cast<uint32_t>(GgufValueType::ARRAY), data),
      {"tokenizer.ggml.tokens", "16777215"});
}

TEST_F(HostileVocabulary, Types) {
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.token_type", std::vector<int32_t>{1, 1}),
                 {"tokenizer.ggml.token_type", "2 entries", "262"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.token_type", std::vector<float>(262)),
                 {"tokenizer.ggml.token_type", "FLOAT32"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.token_type", 1), {"tokenizer.ggml.token_type", "INT32"});
  bytes_.types[5] = -7;
  bytes_.types[6] = 1000000;
  use(bytes_.byte_level(), [](const Tokenizer& t) {
    EXPECT_EQ(t.type(5), TokenType::unused);
    EXPECT_EQ(t.type(6), TokenType::unused);
    EXPECT_EQ(t.piece(6), "");
  });
}

TEST_F(HostileVocabulary, Scores) {
  expect_refused(pieces_.sentence_piece().add("tokenizer.ggml.scores", std::vector<float>(3)),
                 {"tokenizer.ggml.scores", "3 entries"});
  expect_refused(pieces_.sentence_piece().add("tokenizer.ggml.scores", "0"), {"tokenizer.ggml.scores", "STRING"});
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    pieces_.scores[260] = bad;
    expect_refused(pieces_.sentence_piece(), {"tokenizer.ggml.scores", "token 260", "finite"});
  }
  use(pieces_.sentence_piece().remove("tokenizer.ggml.scores"),
      [](const Tokenizer& t) { EXPECT_FALSE(t.encode("ab").empty()); });
}

TEST_F(HostileVocabulary, Merges) {
  expect_refused(bytes_.byte_level().remove("tokenizer.ggml.merges"), {"tokenizer.ggml.merges", "missing"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.merges", std::vector<float>{1}), {"tokenizer.ggml.merges"});
  for (const char* merge : {"", " ", "ab", " ab", "a  b", "a zz", "zz a", "a ", "b a", "\xff\xfe \xff"}) {
    bytes_.merges[2] = merge;
    expect_refused(bytes_.byte_level(), {"tokenizer.ggml.merges", "merge 2"});
  }
}

TEST_F(HostileVocabulary, OfEqualMergesTheFirstCounts) {
  bytes_.merges = {"b c", "a b", "b c", "a b"};
  bytes_.add("bc");
  use(bytes_.byte_level(), [&](const Tokenizer& t) { EXPECT_EQ(t.encode("abc"), (std::vector<TokenId>{'a', 262})); });
}

TEST_F(HostileVocabulary, SpecialIds) {
  for (const char* key :
       {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
        "tokenizer.ggml.eom_token_id", "tokenizer.ggml.fim_pad_token_id", "tokenizer.ggml.unknown_token_id"}) {
    expect_refused(bytes_.byte_level().add(key, 262u), {key, "262"});
    expect_refused(bytes_.byte_level().add(key, -1), {key});
    expect_refused(bytes_.byte_level().add(key, "0"), {key});
  }
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.add_bos_token", true),
                 {"tokenizer.ggml.bos_token_id", "missing"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.add_eos_token", true),
                 {"tokenizer.ggml.eos_token_id", "missing"});
  expect_refused(bytes_.byte_level().add("tokenizer.ggml.add_bos_token", 1u), {"tokenizer.ggml.add_bos_token"});
}

TEST_F(HostileVocabulary, ByteTokens) {
  for (const char* text : {"<0x-1>", "<0x1>", "<0x100>", "<0xG0>", "x", "<0x 1>", "<0x+1>"}) {
    pieces_.tokens[10] = text;
    expect_refused(pieces_.sentence_piece(), {"tokenizer.ggml.tokens", "byte token 10"});
  }
}

TEST_F(HostileVocabulary, MissingByteTokens) {
  pieces_.tokens[3 + 0xc3] = "other";
  pieces_.types[3 + 0xc3] = 1;
  use(pieces_.sentence_piece(), [](const Tokenizer& t) {
    EXPECT_EQ(t.encode("a\u00e9", {.add_special = false}), (std::vector<TokenId>{267, 0, 3 + 0xa9}));
  });
  pieces_.types[0] = 1;
  expect_refused(pieces_.sentence_piece(), {"<0xC3>", "unknown"});
}

TEST_F(HostileVocabulary, BytesWithoutATokenAreLeftOut) {
  bytes_.tokens[200] = "other";
  use(bytes_.byte_level(), [](const Tokenizer& t) {
    EXPECT_EQ(t.encode("a\xc8"
                       "b"),
              (std::vector<TokenId>{'a', 'b'}));
  });
}

TEST_F(HostileVocabulary, DuplicateAndEmptyTokens) {
  bytes_.add("ab");
  bytes_.add("");
  bytes_.add("");
  use(bytes_.byte_level(), [](const Tokenizer& t) {
    EXPECT_EQ(t.find("ab"), 262);
    EXPECT_EQ(t.encode("ab"), (std::vector<TokenId>{262}));
    EXPECT_EQ(t.piece(256), "ab");
    EXPECT_EQ(t.piece(263), "");
    EXPECT_EQ(t.find(""), std::nullopt);
  });
}

TEST_F(HostileVocabulary, SpecialTokensThatWouldMakeMatchingSlow) {
  const int32_t long_one = bytes_.add(std::string(1025, 'x'), 4);
  expect_refused(bytes_.byte_level(), {"tokenizer.ggml.tokens", std::to_string(long_one), "1025"});
  bytes_ = byte_level_vocabulary();
  for (size_t length = 1; length <= 300; ++length) bytes_.add(std::string(length, 'x'), 4);
  expect_refused(bytes_.byte_level(), {"tokenizer.ggml.tokens", "300 different lengths"});
}

TEST_F(HostileVocabulary, WordPiece) {
  const TinyVocabulary words = word_piece_vocabulary();
  expect_refused(words.word_piece().remove("tokenizer.ggml.unknown_token_id"),
                 {"tokenizer.ggml.unknown_token_id", "missing"});
  expect_refused(words.word_piece().remove("tokenizer.ggml.cls_token_id"), {"tokenizer.ggml.bos_token_id", "missing"});
  expect_refused(words.word_piece().remove("tokenizer.ggml.seperator_token_id"),
                 {"tokenizer.ggml.seperator_token_id", "missing"});
  expect_refused(words.word_piece().add("tokenizer.ggml.seperator_token_id", 1000u),
                 {"tokenizer.ggml.seperator_token_id", "1000"});
  expect_refused(words.word_piece().add("tokenizer.ggml.normalizer.lowercase", 1u),
                 {"tokenizer.ggml.normalizer.lowercase"});
  expect_refused(words.word_piece(), {"--pre-tokenizer", "WordPiece"}, ExitCode::usage, "gpt-2");
}

TEST_F(HostileVocabulary, Unigram) {
  TinyGguf small = pieces_.unigram();
  expect_refused(small.remove("tokenizer.ggml.unknown_token_id")
                     .add("tokenizer.ggml.eos_token_id", 0u)
                     .add("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"}),
                 {"tokenizer.ggml.unknown_token_id", "missing"});
  pieces_.add(std::string(256, 'a'));
  expect_refused(pieces_.unigram(), {"tokenizer.ggml.tokens", "256 bytes"});
}

// A size, units and replacements.
std::string character_map(uint32_t size, const std::vector<uint32_t>& units, std::string_view replacements) {
  std::string out;
  append_bytes(out, size);
  for (const uint32_t unit : units) append_bytes(out, unit);
  return out.append(replacements);
}

TinyGguf with_map(const TinyVocabulary& vocabulary, const std::string& bytes) {
  return vocabulary.unigram().add("tokenizer.ggml.precompiled_charsmap",
                                  std::vector<uint8_t>(bytes.begin(), bytes.end()));
}

TEST_F(HostileVocabulary, CharacterMapOfTheWrongForm) {
  using namespace std::string_view_literals;
  const std::vector<std::string> words = {"tokenizer.ggml.precompiled_charsmap"};
  for (const std::string& bytes : {std::string("abc"), character_map(4, {}, ""), character_map(4, {1}, ""),
                                   character_map(0xffffffff, {1}, "a\0"sv), character_map(3, {1}, "a\0"sv),
                                   character_map(4, {1}, "a"), character_map(4, {1}, std::string(256, 'a') + '\0')})
    expect_refused(with_map(pieces_, bytes), words);
  expect_refused(pieces_.unigram().add("tokenizer.ggml.precompiled_charsmap", "text"), words);
  expect_refused(pieces_.unigram().add("tokenizer.ggml.precompiled_charsmap", std::vector<float>{1}), words);
}

TEST_F(HostileVocabulary, CharacterMapThatLeadsAstray) {
  using namespace std::string_view_literals;
  constexpr uint32_t kValue = 1u << 31;
  constexpr uint32_t kHasValue = 1u << 8;
  std::vector<uint32_t> units(256, 0);
  const auto expect_no_match = [&](uint32_t a, uint32_t value) {
    units['a'] = a;
    units[1] = value;
    use(with_map(pieces_, character_map(1024, units, "b\0"sv)), [&](const Tokenizer& t) {
      EXPECT_EQ(t.encode(std::string(20000, 'a'), {.add_special = false}).size(), 20000u);
    });
  };
  const auto offset = [](uint32_t to) { return ('a' ^ to) << 10; };
  expect_no_match('a' | kHasValue | offset(1), kValue | 2);    // a replacement beyond the end
  expect_no_match('a' | kHasValue | offset(1), 0);             // a value that is none
  expect_no_match('a' | kHasValue | 0x7ffffc00, 0);            // a value beyond the end
  expect_no_match('a' | kHasValue | 0x7ffffc00 | 1u << 9, 0);  // and farther
  expect_no_match('a' | offset(0), 0);                         // a table that begins again
  units['a'] = 'a' | kHasValue | offset(1);
  units[1] = kValue | 0;
  use(with_map(pieces_, character_map(1024, units, "b\0"sv)), [&](const Tokenizer& t) {
    EXPECT_EQ(t.encode("a", {.add_special = false}), t.encode("b", {.add_special = false}));
  });
}

TEST_F(HostileVocabulary, TextThatGrowsBeyondMeasure) {
  using namespace std::string_view_literals;
  std::vector<uint32_t> units(256, 0);
  units['a'] = 'a' | 1u << 8 | ('a' ^ 1) << 10;
  units[1] = 1u << 31;
  use(with_map(pieces_, character_map(1024, units, std::string(255, 'b') + '\0')),
      [](const Tokenizer& t) { EXPECT_THROW(t.encode(std::string(300'000, 'a')), Error); });
}

TEST_F(HostileVocabulary, IdsOutOfRange) {
  use(bytes_.byte_level(), [](const Tokenizer& t) {
    for (const TokenId id : {-1, 262, std::numeric_limits<TokenId>::min(), std::numeric_limits<TokenId>::max()}) {
      EXPECT_THROW(t.piece(id), Error);
      EXPECT_THROW(t.type(id), Error);
      EXPECT_THROW(t.token_text(id), Error);
      EXPECT_THROW(t.decode(std::vector<TokenId>{0, id}), Error);
      EXPECT_FALSE(t.is_end_of_generation(id));
    }
  });
}

TEST_F(HostileVocabulary, OneToken) {
  TinyVocabulary one;
  one.add("a");
  use(one.byte_level(), [](const Tokenizer& t) { EXPECT_EQ(t.encode("abaz"), (std::vector<TokenId>{0, 0})); });
}

}  // namespace
}  // namespace thimble::test
