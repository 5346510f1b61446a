// Token masks against asking about every token, forced tokens against the tokenizer, and texts split anywhere.
#include "text/token_constraint.h"

#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "support/real_models.h"
#include "support/temp_file.h"
#include "text/gbnf.h"
#include "text/grammar_matcher.h"
#include "text/json_schema.h"
#include "text/regular_expression.h"
#include "text/tokenizer_vocabularies.h"
#include "text/tool_grammar.h"

namespace thimble {
namespace {

// All bytes, common pieces of JSON, parts of characters, control tokens, and words that go over the borders of rules.
test::TinyVocabulary vocabulary() {
  test::TinyVocabulary tiny;
  for (uint32_t byte = 0; byte < 256; ++byte) tiny.add(test::byte_level_character(byte));
  const auto add = [&](const std::string& text) {
    std::string spelled;
    for (const char c : text) spelled += test::byte_level_character(static_cast<uint8_t>(c));
    tiny.add(spelled);
  };
  for (const char* text :
       {"{\"",        "\":",  "\": ", "\": \"", "\", \"", "\"}",  "\"]}",     "],",       "], ",      "name",
        "na",         "me\"", "true", "fal",    "se}",    "null", "12",       "123",      "12,",      "0.5",
        " ",          "  ",   "ab",   "abc",    "\\u00",  "\\\"", "\xc3\xa9", "\xe6\x97", "\xa5",     "\xf0\x9f",
        "\x98\x80\"", "a\"",  "\"a",  "}}",     "]]",     "[[",   "{}",       "[]",       ", \"a\": "}) {
    add(text);
  }
  tiny.add("<|end|>", 3);
  tiny.add("<|user|>", 3);
  tiny.add("<tool>", 4);
  return tiny;
}

struct World {
  World()
      : gguf(Gguf::open(make().write(folder / "v.gguf"))),
        tokenizer(Tokenizer::from_gguf(gguf)),
        trie(std::make_shared<VocabularyTrie>(tokenizer)) {}
  static test::TinyGguf make() {
    test::TinyVocabulary tiny = vocabulary();
    test::TinyGguf file = tiny.byte_level();
    file.add("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(tiny.tokens.size() - 3));
    return file;
  }
  test::TempFolder folder;
  Gguf gguf;
  Tokenizer tokenizer;
  std::shared_ptr<const VocabularyTrie> trie;
};

std::vector<std::shared_ptr<const Grammar>> grammars() {
  const char* schema =
      R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}, "a": {"type": "number",
      "minimum": -2.5, "maximum": 130}, "list": {"type": "array", "items": {"$ref": "#"}}}, "required": ["name"]})";
  std::vector<Grammar> made;
  made.push_back(compile_json_schema_text(schema));
  made.push_back(compile_json_schema_text("{}"));
  made.push_back(compile_json_schema_text(R"({"type": "string", "pattern": "^(a|é|日)+$"})"));
  made.push_back(
      compile_gbnf("root ::= e\ne ::= t ([+*] e)?\nt ::= [0-9]+ | \"(\" e \")\" | \"a\" [a-z]{0,4} | \"[\" e \"]\""));
  made.push_back(compile_gbnf("root ::= s\ns ::= \"a\" s \"b\" | \"a\" s \"bc\" | \"ab\" | \"\""));
  made.push_back(compile_regular_expression("(name|na|n)(\": \"|\": )(ab|abc)*[^a]?"));
  std::string wide = "root ::= r0";
  for (int i = 1; i < 40; ++i) wide += " | r" + std::to_string(i);
  for (int i = 0; i < 40; ++i) wide += "\nr" + std::to_string(i) + " ::= [a-z]* \"" + std::to_string(i) + "\" root?";
  made.push_back(compile_gbnf(wide));
  std::vector<std::shared_ptr<const Grammar>> out;
  for (Grammar& grammar : made) out.push_back(std::make_shared<const Grammar>(std::move(grammar)));
  return out;
}

bool expect_mask_is_exact(TokenConstraint& constraint, const Tokenizer& tokenizer, std::string_view text) {
  const TokenMask mask = constraint.mask();
  for (TokenId id = 0; static_cast<uint32_t>(id) < tokenizer.vocabulary_size(); ++id) {
    if (mask.contains(id) != constraint.allows(id)) {
      ADD_FAILURE() << "token " << id << " '" << tokenizer.piece(id) << "' behind '" << text << "': mask "
                    << mask.contains(id);
      return false;
    }
  }
  return true;
}

// Random walks, checking each mask bit for bit; returns how many positions that were.
size_t walk(TokenConstraint& constraint, const Tokenizer& tokenizer, std::mt19937& random, size_t steps) {
  constraint.restart();
  std::string text;
  for (size_t step = 0; step < steps; ++step) {
    if (!expect_mask_is_exact(constraint, tokenizer, text)) return step;
    const TokenMask& mask = constraint.mask();
    std::vector<TokenId> allowed;
    for (TokenId id = 0; static_cast<uint32_t>(id) < tokenizer.vocabulary_size(); ++id) {
      if (mask.contains(id)) allowed.push_back(id);
    }
    if (allowed.empty()) {
      ADD_FAILURE() << "nothing is allowed behind '" << text << "'";
      return step;
    }
    const TokenId token = allowed[random() % allowed.size()];
    if (tokenizer.is_end_of_generation(token)) return step + 1;
    constraint.accept(token);
    text += tokenizer.piece(token);
  }
  return steps;
}

TEST(TokenConstraint, MasksAreWhatAskingAboutEachTokenGives) {
  const World world;
  std::mt19937 random(7);
  size_t positions = 0;
  for (const auto& grammar : grammars()) {
    TokenConstraint constraint(grammar, world.trie, world.tokenizer);
    for (int i = 0; i < 30; ++i) positions += walk(constraint, world.tokenizer, random, 60);
  }
  EXPECT_GT(positions, 2000u);
}

TEST(TokenConstraint, MasksOverARealVocabulary) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, "qwen2.5-coder-0.5b");
  const Gguf gguf = Gguf::open(path);
  const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
  const auto trie = std::make_shared<const VocabularyTrie>(tokenizer);
  std::mt19937 random(11);
  for (const auto& grammar : grammars()) {
    TokenConstraint constraint(grammar, trie, tokenizer);
    walk(constraint, tokenizer, random, 12);
  }
}

TEST(TokenConstraint, ControlTokensAreNeverAllowedAndTheEndOnlyWhereTheTextMayEnd) {
  const World world;
  const auto grammar = std::make_shared<const Grammar>(compile_gbnf("root ::= \"a\" .*"));
  TokenConstraint constraint(grammar, world.trie, world.tokenizer);
  const TokenId end = *world.tokenizer.eos();
  EXPECT_FALSE(constraint.mask().contains(end));
  EXPECT_FALSE(constraint.allows(end));
  constraint.accept(*world.tokenizer.find("abc"));
  EXPECT_TRUE(constraint.mask().contains(end));
  EXPECT_FALSE(constraint.mask().contains(end + 1));  // <|user|>
  EXPECT_FALSE(constraint.allows(end + 1));
  EXPECT_TRUE(constraint.mask().contains(end + 2));  // user-defined tokens are text
  EXPECT_TRUE(constraint.may_end());
  EXPECT_FALSE(constraint.must_end());
}

TEST(TokenConstraint, WhatIsLeftWithoutAChoiceIsTaken) {
  const World world;
  const auto grammar = std::make_shared<const Grammar>(compile_json_schema_text(
      R"({"type": "object", "properties": {"name": {"enum": ["ab", "x"]}, "a": {"const": true}}, "required": ["name", "a"]})"));
  TokenConstraint constraint(grammar, world.trie, world.tokenizer);
  EXPECT_EQ(constraint.forced_bytes(), "{\"name\": \"");
  std::string text;
  for (const TokenId token : constraint.take_forced(100)) text += world.tokenizer.piece(token);
  // The last quotation mark may become part of `"a`: it is left.
  EXPECT_EQ(text, "{\"name\": ");
  constraint.restart();
  for (const char c : std::string("{\"name\": \"x"))
    constraint.accept(*world.tokenizer.find(test::byte_level_character(static_cast<uint8_t>(c))));
  EXPECT_EQ(constraint.forced_bytes(), "\", \"a\": true}");
  text.clear();
  for (const TokenId token : constraint.take_forced(100)) text += world.tokenizer.piece(token);
  EXPECT_EQ(text, "\", \"a\": true}");
  EXPECT_TRUE(constraint.must_end());
  constraint.restart();
  EXPECT_EQ(constraint.take_forced(2).size(), 2u);
}

// Caches are dropped and positions renumbered on the way; nothing changes by it.
TEST(TokenConstraint, LongTextsKeepTheirMasks) {
  const World world;
  const auto grammar =
      std::make_shared<const Grammar>(compile_json_schema_text(R"({"type": "string", "maxLength": 10000})"));
  TokenConstraint constraint(grammar, world.trie, world.tokenizer);
  constraint.accept(*world.tokenizer.find("\""));
  const TokenId two = *world.tokenizer.find("ab");
  for (int i = 0; i < 4999; ++i) constraint.accept(two);
  EXPECT_TRUE(constraint.allows(two));
  EXPECT_FALSE(constraint.allows(*world.tokenizer.find("abc")));
  expect_mask_is_exact(constraint, world.tokenizer, "...");
  constraint.accept(two);
  EXPECT_FALSE(constraint.allows(two));
  EXPECT_EQ(constraint.mask().count(), 1u);
  EXPECT_LT(constraint.memory_bytes(), size_t{40} << 20);
}

TEST(TokenConstraint, ToolCalls) {
  const auto tools = nlohmann::ordered_json::parse(
      R"([{"type": "function", "function": {"name": "set", "parameters": {"type": "object",
      "properties": {"level": {"$ref": "#/$defs/level"}}, "required": ["level"], "$defs": {"level": {"enum": [1, 2]}}}}},
      {"name": "stop"}])");
  const Grammar grammar = compile_tool_calls(tools);
  EXPECT_TRUE(matches(grammar, R"({"name": "set", "arguments": {"level": 2}})"));
  EXPECT_TRUE(matches(grammar, R"({"name": "stop", "arguments": {}})"));
  EXPECT_TRUE(matches(grammar, R"({"name": "none", "arguments": {}})"));
  EXPECT_FALSE(matches(grammar, R"({"name": "set", "arguments": {}})"));
  EXPECT_FALSE(matches(grammar, R"({"name": "set", "arguments": {"level": 3}})"));
  EXPECT_FALSE(matches(grammar, R"({"name": "go", "arguments": {}})"));
  for (const char* bad :
       {R"([{"name": "none"}])", R"([{"name": "a"}, {"name": "a"}])", R"([{"title": "a"}])", R"({})", R"([3])"}) {
    EXPECT_THROW(compile_tool_calls(nlohmann::ordered_json::parse(bad)), Error) << bad;
  }
}

}  // namespace
}  // namespace thimble
