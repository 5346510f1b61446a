// Small vocabularies made for tests.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "base/utf8.h"
#include "support/tiny_gguf.h"

namespace thimble::test {

inline std::string byte_level_character(uint32_t byte) {
  const auto is_own = [](uint32_t b) { return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae; };
  uint32_t character = byte;
  if (!is_own(byte)) {
    character = 256;
    for (uint32_t b = 0; b < byte; ++b) character += is_own(b) ? 0 : 1;
  }
  std::string out;
  append_utf8(out, character);
  return out;
}

// Tokens, types and scores, to be changed before they are written.
struct TinyVocabulary {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<float> scores;
  std::vector<std::string> merges;

  int32_t add(std::string text, int32_t type = 1, float score = 0) {
    tokens.push_back(std::move(text));
    types.push_back(type);
    scores.push_back(score);
    return static_cast<int32_t>(tokens.size()) - 1;
  }

  TinyGguf byte_level() const {
    TinyGguf gguf;
    gguf.add("general.architecture", "llama").add("tokenizer.ggml.model", "gpt2").add("tokenizer.ggml.pre", "gpt-2");
    gguf.add("tokenizer.ggml.tokens", tokens)
        .add("tokenizer.ggml.token_type", types)
        .add("tokenizer.ggml.merges", merges);
    return gguf;
  }
  TinyGguf sentence_piece() const {
    TinyGguf gguf;
    gguf.add("general.architecture", "llama").add("tokenizer.ggml.model", "llama");
    gguf.add("tokenizer.ggml.tokens", tokens)
        .add("tokenizer.ggml.token_type", types)
        .add("tokenizer.ggml.scores", scores);
    return gguf;
  }
  TinyGguf word_piece() const {
    TinyGguf gguf;
    gguf.add("general.architecture", "bert").add("tokenizer.ggml.model", "bert");
    gguf.add("tokenizer.ggml.tokens", tokens).add("tokenizer.ggml.token_type", types);
    gguf.add("tokenizer.ggml.unknown_token_id", 0u)
        .add("tokenizer.ggml.cls_token_id", 1u)
        .add("tokenizer.ggml.seperator_token_id", 2u);
    return gguf;
  }
  TinyGguf unigram() const {
    return sentence_piece()
        .add("tokenizer.ggml.model", "t5")
        .add("tokenizer.ggml.unknown_token_id", 0u)
        .add("tokenizer.ggml.eos_token_id", 2u)
        .add("tokenizer.ggml.add_space_prefix", true);
  }
  // Gemma 4's kind of BPE.
  TinyGguf character_level() const {
    return sentence_piece()
        .add("tokenizer.ggml.model", "gemma4")
        .add("tokenizer.ggml.merges", merges)
        .add("tokenizer.ggml.bos_token_id", 1u);
  }
};

// Ids 0 to 255 are the bytes; 256 "ab", 257 "abc", 258 "aa", 259 "aaaa", then a control and a user-defined token.
inline constexpr int32_t kByteLevelEnd = 260;
inline constexpr int32_t kByteLevelTag = 261;
inline TinyVocabulary byte_level_vocabulary() {
  TinyVocabulary vocabulary;
  for (uint32_t byte = 0; byte < 256; ++byte) vocabulary.add(byte_level_character(byte));
  for (const char* text : {"ab", "abc", "aa", "aaaa"}) vocabulary.add(text);
  vocabulary.add("<|im_end|>", 3);
  vocabulary.add("<tag>", 4);
  vocabulary.merges = {"a b", "ab c", "a a", "aa aa"};
  return vocabulary;
}

// <unk> <s> </s>, the bytes as 3 to 258, then characters and their merges.
inline TinyVocabulary sentence_piece_vocabulary() {
  TinyVocabulary vocabulary;
  vocabulary.add("<unk>", 2);
  vocabulary.add("<s>", 3);
  vocabulary.add("</s>", 3);
  for (int byte = 0; byte < 256; ++byte) vocabulary.add(fmt::format("<0x{:02X}>", byte), 6);
  for (const char* text : {"\u2581", "a", "b", "<", "/", "s", ">"}) vocabulary.add(text, 1, -100);
  vocabulary.add("ab", 1, -2);
  vocabulary.add("\u2581a", 1, -1);
  vocabulary.add("\u2581ab", 1, -3);
  vocabulary.add("</", 1, -4);
  vocabulary.add("s>", 1, -5);
  vocabulary.add("<tag>", 4);
  return vocabulary;
}

// [UNK] [CLS] [SEP] [MASK], then tokens that begin words and tokens that go on with them.
inline TinyVocabulary word_piece_vocabulary() {
  TinyVocabulary vocabulary;
  vocabulary.add("[UNK]", 3);
  for (const char* text : {"[CLS]", "[SEP]", "[MASK]"}) vocabulary.add(text, 3);
  for (const char* text : {"un", "aff", "a", "e", "u", ",", "!", "好", "\u1112", "i"})
    vocabulary.add(std::string("\u2581") + text);
  for (const char* text : {"aff", "able", "a", "b", "\u1161", "\u11ab", "\u0307"}) vocabulary.add(text);
  return vocabulary;
}

}  // namespace thimble::test
