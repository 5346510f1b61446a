// Broken tokenizers: each is refused in one line that names the file and the fault, and what is odd but sound is read.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "compress/checkpoint_vocabulary.h"
#include "format/json_text.h"
#include "support/temp_file.h"
#include "text/tokenizer.h"

namespace thimble::test {
namespace {

using Json = nlohmann::json;

// Two bytes' worth of GPT-2's kind: enough for everything but encoding.
Json byte_level() {
  return Json::parse(
      R"({"version": "1.0", "normalizer": null, "added_tokens": [{"id": 4, "content": "<s>", "special": true}],
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "abb": 3}, "merges": ["a b", "ab b"]}})");
}

Json sentence_piece() {
  Json tree = byte_level();
  tree["pre_tokenizer"] = nullptr;
  tree["decoder"] = nullptr;
  tree["model"]["byte_fallback"] = true;
  return tree;
}

Json word_piece() {
  return Json::parse(R"({"added_tokens": [], "normalizer": {"type": "BertNormalizer", "lowercase": true},
    "model": {"type": "WordPiece", "continuing_subword_prefix": "##", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##b": 4}}})");
}

Json unigram() {
  return Json::parse(
      R"({"added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Metaspace", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5], ["b", -2]]}})");
}

struct Checkpoint {
  TempFolder folder;
  uint32_t vocabulary_size = 5;
  Json config = Json::object();
  std::string architecture = "llama";
  std::string pre_tokenizer;

  void write(const std::string& name, const Json& value) const { write_file(folder / name, value.dump()); }
  void convert(const std::string& out) const {
    GgufWriter writer(out);
    writer.set("general.architecture", architecture);
    write_vocabulary(folder.path(), find_architecture(architecture, "test"), config, vocabulary_size, writer,
                     pre_tokenizer);
    writer.commit();
  }
};

void expect_refusal(const Checkpoint& checkpoint, std::string_view fault, const std::string& name) {
  const std::string out = checkpoint.folder / "out.gguf";
  try {
    checkpoint.convert(out);
    FAIL() << name << " was accepted";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find(fault), std::string::npos) << name << ": " << message;
    EXPECT_NE(message.find(checkpoint.folder.path()), std::string::npos) << name << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << name;
    EXPECT_LT(message.size(), 4000u) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(out)) << name;
}

struct BrokenDefinition {
  std::string name;
  std::string fault;
  Json tree;
};

Json with(Json tree, const char* pointer, Json value) {
  tree[Json::json_pointer(pointer)] = std::move(value);
  return tree;
}

std::vector<BrokenDefinition> broken_definitions() {
  const Json far = Json::parse(R"([{"id": 9, "content": "<x>", "special": true}])");
  return {
      {"no object", "'model' is missing", Json::array()},
      {"no model", "'model' is missing", with(byte_level(), "/model", nullptr)},
      {"model of no kind", "'WordLevel', supported are", with(byte_level(), "/model/type", "WordLevel")},
      {"no tokens", "no tokens", with(byte_level(), "/model/vocab", Json::object())},
      {"vocabulary is a text", "no tokens", with(byte_level(), "/model/vocab", "a")},
      {"id of another type", "the id of the token 'ab' is \"2\"", with(byte_level(), "/model/vocab/ab", "2")},
      {"negative id", "the id of the token 'ab' is -1", with(byte_level(), "/model/vocab/ab", -1)},
      {"broken id", "is 1.5", with(byte_level(), "/model/vocab/ab", 1.5)},
      {"huge id", "is 18446744073709551615", with(byte_level(), "/model/vocab/ab", UINT64_MAX)},
      {"id outside", "'ab' has the id 5, but the token embedding has 5 rows", with(byte_level(), "/model/vocab/ab", 5)},
      {"id twice", "the id 1 belongs to two tokens, 'ab' and 'b'", with(byte_level(), "/model/vocab/ab", 1)},
      {"merges are a number", "merge 0 is neither", with(byte_level(), "/model/merges", Json::array({7}))},
      {"merge of one", "merge 0 is 'ab'", with(byte_level(), "/model/merges", Json::array({"ab"}))},
      {"merge of three", "merge 0 is neither",
       with(byte_level(), "/model/merges", Json::parse(R"([["a", "b", "b"]])"))},
      {"merge of what is no token", "merge 0 is 'a c'", with(byte_level(), "/model/merges", Json::array({"a c"}))},
      {"merge into what is no token", "merge 0 is 'b a'", with(byte_level(), "/model/merges", Json::array({"b a"}))},
      {"added tokens are no list", "'added_tokens' is no list", with(byte_level(), "/added_tokens", "x")},
      {"added token without text", "without a text", with(byte_level(), "/added_tokens/0/content", nullptr)},
      {"added token without id", "the id of the token '<s>' is null",
       with(byte_level(), "/added_tokens/0/id", nullptr)},
      {"added token outside", "'<x>' has the id 9", with(byte_level(), "/added_tokens", far)},
      {"added token where another is", "belongs to two tokens", with(byte_level(), "/added_tokens/0/id", 3)},
      {"added token with two ids", "has two ids, 0 and 4", with(byte_level(), "/added_tokens/0/content", "a")},
      {"unknown pre-tokenizer", "--pre-tokenizer NAME",
       with(byte_level(), "/pre_tokenizer",
            Json::parse(R"({"type": "Split", "pattern": {"Regex": "x+"}, "behavior": "Isolated"})"))},
      {"a space in front", "--pre-tokenizer NAME", with(byte_level(), "/pre_tokenizer/add_prefix_space", true)},
      {"normalizer that changes text", "Lowercase",
       with(byte_level(), "/normalizer", Json::parse(R"({"type": "Lowercase"})"))},
      {"suffixes", "end_of_word_suffix", with(byte_level(), "/model/end_of_word_suffix", "</w>")},
      {"characters without byte tokens", "byte_fallback", with(sentence_piece(), "/model/byte_fallback", false)},
      {"SentencePiece that changes text", "normalizer",
       with(sentence_piece(), "/normalizer", Json::parse(R"({"type": "NFKC"})"))},
      {"SentencePiece with words", "pre-tokenizer",
       with(sentence_piece(), "/pre_tokenizer", Json::parse(R"({"type": "Whitespace"})"))},
      {"merge of what is no token, SentencePiece", "merge 0",
       with(sentence_piece(), "/model/merges", Json::array({"a c"}))},
      {"another prefix", "continuing_subword_prefix", with(word_piece(), "/model/continuing_subword_prefix", "@@")},
      {"score is a text", "entry 1 is no pair", with(unigram(), "/model/vocab/1/1", "x")},
      {"no pair", "entry 2 is no pair", with(unigram(), "/model/vocab/2", Json::parse(R"(["b", -2, 3])"))},
      {"text twice", "the token 'a' has two ids, 1 and 2", with(unigram(), "/model/vocab/2/0", "a")},
      {"table is no base 64", "no base 64",
       with(unigram(), "/normalizer", Json::parse(R"({"type": "Precompiled", "precompiled_charsmap": "A*=="})"))},
      {"more tokens than rows", "has the id 5", with(with(word_piece(), "/model/vocab/c", 5), "/model/vocab/d", 6)},
  };
}

TEST(HostileCheckpoint, BrokenDefinitionsAreRefused) {
  for (const BrokenDefinition& one : broken_definitions()) {
    Checkpoint checkpoint;
    checkpoint.write("tokenizer.json", one.tree);
    expect_refusal(checkpoint, one.fault, one.name);
  }
}

TEST(HostileCheckpoint, BrokenJsonIsRefused) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  std::string values = "{\"x\": [0";
  for (size_t i = 0; i <= size_t{1} << 22; ++i) values += ",0";
  values += "]}";
  const std::pair<std::string, std::string> broken[] = {
      {"", "empty"},
      {"{", "byte"},
      {"{\"model\": {\"vocab\": {\"a\": 0", "byte"},
      {"{} {}", "byte"},
      {"{\"a\xff\": 1}", "byte"},
      {"{\"a\": \"\\ud800\"}", "byte"},
      {"{\"a\": 1e999}", "byte"},
      {deep, "nested deeper than 64"},
      {"{\"model\": " + deep + "}", "nested deeper than 64"},
      {values, "more than 4194304 values"},
      {R"({"model": 1, "model": 2})", "the key 'model' is there twice"},
      {R"({"model": {"vocab": {"a": 0, "a": 1}}})", "the token 'a' has two ids, 0 and 1"},
  };
  for (const auto& [text, fault] : broken) {
    Checkpoint checkpoint;
    write_file(checkpoint.folder / "tokenizer.json", text);
    expect_refusal(checkpoint, fault, text.substr(0, 60));
  }
}

TEST(HostileCheckpoint, OtherFilesThatAreBrokenAreRefused) {
  const std::pair<const char*, const char*> broken[] = {
      {"tokenizer_config.json", "[]"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": []})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"x": {"content": "y"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"-1": {"content": "y"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"99999999999999999999": {"content": "y"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"7": {"content": "y"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"1": {"content": "y"}}})"},
      {"tokenizer_config.json", R"({"added_tokens_decoder": {"1": 7}})"},
      {"special_tokens_map.json", "7"},
      {"generation_config.json", "nonsense"},
      {"added_tokens.json", "null"},
      {"chat_template.jinja", "\xff"},
  };
  for (const auto& [file, text] : broken) {
    Checkpoint checkpoint;
    checkpoint.write("tokenizer.json", byte_level());
    write_file(checkpoint.folder / file, text);
    expect_refusal(checkpoint, file, text);
  }
}

TEST(HostileCheckpoint, FilesOfNoKindAreRefused) {
  Checkpoint nothing;
  expect_refusal(nothing, "no vocabulary", "nothing");
  Checkpoint folder;
  std::filesystem::create_directory(folder.folder / "tokenizer.json");
  expect_refusal(folder, "found a directory", "a folder");
  Checkpoint pieces;
  write_file(pieces.folder / "tokenizer.model", "IQ== 0\nIg== 1\n");  // of tiktoken
  expect_refusal(pieces, "without pieces", "another kind of tokenizer.model");
  Checkpoint words;
  words.write("vocab.json", Json::parse(R"({"a": 0, "b": 1, "ab": 2})"));
  write_file(words.folder / "merges.txt", "#version: 0.2\na b\n");
  expect_refusal(words, "--pre-tokenizer NAME", "no class");
  words.pre_tokenizer = "gpt-2";
  EXPECT_NO_THROW(words.convert(words.folder / "out.gguf"));
  words.pre_tokenizer = "no-such";
  EXPECT_THROW(words.convert(words.folder / "out.gguf"), Error);
  write_file(words.folder / "merges.txt", "a b\nb  a\n");
  words.pre_tokenizer = "gpt-2";
  std::filesystem::remove(words.folder / "out.gguf");
  expect_refusal(words, "merge 1 is 'b  a'", "merges.txt");
  Checkpoint lines;
  write_file(lines.folder / "vocab.txt", "[UNK]\na\na\n");
  expect_refusal(lines, "the token 'a' has two ids, 1 and 2", "vocab.txt");
  lines.vocabulary_size = 2;
  write_file(lines.folder / "vocab.txt", "[UNK]\na\nb\n");
  expect_refusal(lines, "has the id 2", "vocab.txt longer than the embedding");
  Checkpoint huge;
  huge.write("tokenizer.json", byte_level());
  huge.vocabulary_size = UINT32_MAX;
  expect_refusal(huge, "a vocabulary of 4294967295 tokens", "too many rows");
}

TEST(HostileCheckpoint, APreTokenizerIsOfByteLevelVocabularies) {
  Checkpoint checkpoint;
  checkpoint.architecture = "bert";
  checkpoint.write("tokenizer.json", word_piece());
  checkpoint.pre_tokenizer = "gpt-2";
  expect_refusal(checkpoint, "no pre-tokenizer to choose", "WordPiece");
  checkpoint.pre_tokenizer = "";
  EXPECT_NO_THROW(checkpoint.convert(checkpoint.folder / "out.gguf"));
}

// A definition that nothing is known of, with the name to take for it.
TEST(OddCheckpoint, APreTokenizerCanBeChosen) {
  Checkpoint checkpoint;
  checkpoint.write("tokenizer.json", with(byte_level(), "/normalizer", Json::parse(R"({"type": "NFKC"})")));
  checkpoint.pre_tokenizer = "qwen2";
  const std::string out = checkpoint.folder / "out.gguf";
  checkpoint.convert(out);
  EXPECT_EQ(Gguf::open(out).string("tokenizer.ggml.pre"), "qwen2");
}

// Ids that make no sense are left out, never written.
TEST(OddCheckpoint, RolesOutsideOfTheVocabularyAreLeftOut) {
  Checkpoint checkpoint;
  checkpoint.write("tokenizer.json", byte_level());
  checkpoint.config = Json::parse(
      R"({"bos_token_id": 99, "eos_token_id": [77, "x", -1, 4], "pad_token_id": -1, "sep_token_id": true})");
  const std::string out = checkpoint.folder / "out.gguf";
  checkpoint.convert(out);
  const Gguf gguf = Gguf::open(out);
  EXPECT_FALSE(gguf.find("tokenizer.ggml.bos_token_id"));
  EXPECT_FALSE(gguf.find("tokenizer.ggml.padding_token_id"));
  EXPECT_FALSE(gguf.find("tokenizer.ggml.seperator_token_id"));
  EXPECT_EQ(gguf.unsigned_integer("tokenizer.ggml.eos_token_id"), 4u);
}

// The file would be refused where it is read.
TEST(OddCheckpoint, TextsBeginWithATokenOnlyWhereThereIsOne) {
  Checkpoint checkpoint;
  checkpoint.write("tokenizer.json", byte_level());
  const std::string out = checkpoint.folder / "out.gguf";
  for (const bool is_named : {false, true}) {
    Json config = {{"add_bos_token", true}, {"bos_token", is_named ? Json("<s>") : Json(nullptr)}};
    checkpoint.write("tokenizer_config.json", config);
    checkpoint.write("tokenizer.json", with(byte_level(), "/post_processor", nullptr));
    checkpoint.convert(out);
    EXPECT_EQ(Tokenizer::from_gguf(Gguf::open(out)).adds_bos(), is_named);
  }
}

TEST(OddCheckpoint, TemplatesWithNamesKeepLettersAndDigitsOfThem) {
  Checkpoint checkpoint;
  checkpoint.write("tokenizer.json", byte_level());
  checkpoint.write("tokenizer_config.json",
                   Json::parse(R"({"chat_template": [{"name": "a/../b", "template": "x"}, {"name": "", "template": "y"},
    {"name": "default", "template": "z"}, {"template": "u"}, 7]})"));
  const std::string out = checkpoint.folder / "out.gguf";
  checkpoint.convert(out);
  const Gguf gguf = Gguf::open(out);
  EXPECT_EQ(gguf.string("tokenizer.chat_template"), "z");
  EXPECT_EQ(gguf.string("tokenizer.chat_template.a____b"), "x");
  EXPECT_EQ(gguf.strings("tokenizer.chat_templates"), std::vector<std::string_view>{"a____b"});
}

}  // namespace
}  // namespace thimble::test
