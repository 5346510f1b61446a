// What sets the kinds of vocabulary apart: WordPiece, Unigram, Gemma 4's BPE.
#include <gtest/gtest.h>

#include <optional>

#include "text/tokenizer.h"
#include "text/tokenizer_models.h"
#include "text/tokenizer_vocabularies.h"

namespace thimble::test {
namespace {

constexpr EncodeOptions kText = {.add_special = false, .parse_special = false};

class Kinds : public testing::Test {
 protected:
  const Tokenizer& make(const TinyGguf& gguf) { return open(gguf.write(folder_ / "v.gguf")); }
  const Tokenizer& open(const std::string& path) {
    gguf_.emplace(Gguf::open(path));
    tokenizer_.emplace(Tokenizer::from_gguf(*gguf_));
    return *tokenizer_;
  }
  // The tokens' texts with a space between them.
  std::string tokens(std::string_view text, EncodeOptions options = kText) const {
    std::string out;
    for (const TokenId id : tokenizer_->encode(text, options)) {
      if (!out.empty()) out += ' ';
      out += tokenizer_->token_text(id);
    }
    return out;
  }

 private:
  TempFolder folder_;
  std::optional<Gguf> gguf_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(Kinds, WordPieceTakesTheLongestTokensFromTheLeft) {
  make(word_piece_vocabulary().word_piece());
  EXPECT_EQ(tokens("unaffable"), "▁un aff able");
  EXPECT_EQ(tokens("  aff\taffa \n"), "▁aff ▁aff a");
  EXPECT_EQ(tokens("unx un"), "[UNK] ▁un");
  EXPECT_EQ(tokens("able"), "[UNK]");
  EXPECT_EQ(tokens(""), "");
  EXPECT_EQ(tokens(" \n"), "");
}

TEST_F(Kinds, WordPieceCleansAndCutsText) {
  make(word_piece_vocabulary().word_piece());
  EXPECT_EQ(tokens("UN,Aff!a"), "▁un ▁, ▁aff ▁! ▁a");
  EXPECT_EQ(tokens("\u00e9\u00dc"), "[UNK]");  // e, then u, which goes on with no word
  EXPECT_EQ(tokens("\u00c9 \u00fc e\u0301"), "▁e ▁u ▁e");
  EXPECT_EQ(tokens("a好a"), "▁a ▁好 ▁a");
  EXPECT_EQ(tokens("a\u0001\u200bb\ufffd\xff"), "▁a b");
  EXPECT_EQ(tokens("a\u3000a\u2028a"), "▁a ▁a ▁a");
  EXPECT_EQ(tokens("\ud55c"), "▁\u1112 \u1161 \u11ab");
  EXPECT_EQ(tokens("\u0130"), "▁i");
}

TEST_F(Kinds, WordPieceKeepsCaseAndAccentsWhereTheFileSaysSo) {
  make(word_piece_vocabulary().word_piece().add("tokenizer.ggml.normalizer.lowercase", false));
  EXPECT_EQ(tokens("A a e\u0301 a\u0307"), "[UNK] ▁a [UNK] ▁a \u0307");
  make(word_piece_vocabulary().word_piece().add("tokenizer.ggml.normalizer.strip_accents", false));
  EXPECT_EQ(tokens("A \u0130 \u00e9"), "▁a ▁i \u0307 [UNK]");
}

TEST_F(Kinds, WordPieceWordsOfMoreThanAHundredCharactersAreUnknown) {
  make(word_piece_vocabulary().word_piece());
  EXPECT_NE(tokens("a" + std::string(99, 'b')), "[UNK]");
  EXPECT_EQ(tokens("a" + std::string(100, 'b')), "[UNK]");
}

TEST_F(Kinds, WordPieceTextStandsBetweenItsTwoTokens) {
  TinyGguf gguf = word_piece_vocabulary().word_piece();
  const Tokenizer& t = make(gguf.add("tokenizer.ggml.add_bos_token", false).add("tokenizer.ggml.add_eos_token", false));
  EXPECT_EQ(tokens("un [MASK]", {.add_special = true, .parse_special = true}), "[CLS] ▁un [MASK] [SEP]");
  EXPECT_EQ(tokens("", {.add_special = true}), "[CLS] [SEP]");
  EXPECT_EQ(tokens("[MASK]"), "[UNK] [UNK] [UNK]");
  EXPECT_TRUE(t.adds_bos() && t.adds_eos());
  EXPECT_EQ(t.decode(t.encode("UNAFFABLE aff!")), "unaffable aff !");
}

// x 1, y 2, xy 3, spaces and words.
TinyVocabulary unigram_vocabulary() {
  TinyVocabulary vocabulary = sentence_piece_vocabulary();
  vocabulary.add("x", 1, -3);
  vocabulary.add("y", 1, -3);
  vocabulary.add("xy", 1, -5);
  vocabulary.add("yx", 1, -1);
  vocabulary.add("\u2581x", 1, -4);
  return vocabulary;
}

TEST_F(Kinds, UnigramTakesTheHighestSumOfScores) {
  const Tokenizer& t = make(unigram_vocabulary().unigram());
  EXPECT_EQ(tokens("xy"), "▁x y");
  EXPECT_EQ(tokens("xyx"), "▁x yx");
  EXPECT_EQ(tokens("x", {.add_special = true}), "▁x </s>");
  EXPECT_EQ(t.decode(t.encode("x yx")), "x yx");
}

TEST_F(Kinds, UnigramUnknownCharactersAreOneToken) {
  TinyVocabulary vocabulary = unigram_vocabulary();
  vocabulary.types[258] = 5;  // one byte of the 256 has no token
  make(vocabulary.unigram());
  EXPECT_EQ(tokens("x\u00e9\u597dy\xff"), "▁x <unk> y <unk>");
}

TEST_F(Kinds, UnigramUnknownCharactersAreTheirBytes) {
  const Tokenizer& t = make(unigram_vocabulary().unigram());
  EXPECT_EQ(tokens("x\u00e9y\xff"), "▁x <0xC3> <0xA9> y <0xFF>");
  EXPECT_EQ(t.decode(t.encode("x\u00e9\u597dy")), "x\u00e9\u597dy");
}

TEST_F(Kinds, UnigramSpaces) {
  TinyGguf gguf = unigram_vocabulary().unigram();
  make(gguf);
  EXPECT_EQ(tokens("x  x "), "▁x ▁ ▁x ▁");
  EXPECT_EQ(tokens("  "), "▁ ▁ ▁");
  make(gguf.add("tokenizer.ggml.remove_extra_whitespaces", true));
  EXPECT_EQ(tokens("  x  x "), "▁x ▁x");
  EXPECT_EQ(tokens("  "), "");
  make(gguf.add("tokenizer.ggml.add_space_prefix", false));
  EXPECT_EQ(tokens("  x  x "), "x ▁x");
  EXPECT_EQ(tokens("  "), "");
  make(gguf.add("tokenizer.ggml.remove_extra_whitespaces", false));
  EXPECT_EQ(tokens("x x"), "x ▁x");
}

TEST_F(Kinds, UnigramUserDefinedTokensStandWhereTheyAreFound) {
  make(unigram_vocabulary().unigram());
  EXPECT_EQ(tokens("x<tag>x"), "▁x <tag> ▁x");
  EXPECT_EQ(tokens("x</s>x", {.add_special = false, .parse_special = true}), "▁x </s> ▁x");
}

TEST_F(Kinds, UnigramNormalizesByTheFilesTable) {
  const Tokenizer& t = open(find_model_or_vocabulary("unigram-rules"));
  const auto same = [&](std::string_view one, std::string_view other) {
    EXPECT_EQ(t.encode(one, kText), t.encode(other, kText)) << one;
  };
  same("a\u0301", "\u00e1");
  same("\uff21\uff22", "AB");
  same("a\u200bb", "ab");
  same("a\n\tb", "a b");
  same("\u2026", "...");
  EXPECT_NE(t.encode("a", kText), t.encode("A", kText));
}

TEST_F(Kinds, SomeMasksTakeTheSpaceBeforeThem) {
  TinyVocabulary vocabulary = unigram_vocabulary();
  vocabulary.add("<mask>", 4);
  TinyGguf gguf = vocabulary.unigram();
  make(gguf);
  EXPECT_EQ(tokens("x <mask>"), "▁x ▁ <mask>");
  make(gguf.add("general.architecture", "nomic-bert-moe"));
  EXPECT_EQ(tokens("x \n<mask> x"), "▁x <mask> ▁ ▁x");
}

TEST_F(Kinds, CharacterLevelBpe) {
  TinyVocabulary vocabulary = sentence_piece_vocabulary();
  vocabulary.add("\n");
  vocabulary.add("\n\n");
  vocabulary.merges = {"a b", "\u2581 a", "< /"};
  const Tokenizer& t = make(vocabulary.character_level().add("tokenizer.ggml.add_bos_token", false));
  EXPECT_EQ(tokens("ab a"), "ab ▁a");
  EXPECT_EQ(tokens("a\n\na\n"), "a \n\n a \n");
  EXPECT_EQ(tokens("\u00e9\xff"), "<0xC3> <0xA9> <0xFF>");
  EXPECT_EQ(tokens("a", {.add_special = true}), "<s> a");  // Gemma 4 has it, whatever the file says
  EXPECT_EQ(t.decode(t.encode(" a\u00e9 b", kText)), " a\u00e9 b");
}

}  // namespace
}  // namespace thimble::test
