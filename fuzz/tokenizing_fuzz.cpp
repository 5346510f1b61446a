// Any text against sound vocabularies, one for each pre-tokenizer and SentencePiece: every byte has a token, so what comes back
// is what went in, control tokens are met only where they are asked for, and streaming shows the same text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "format/gguf.h"
#include "memory_file.h"
#include "text/tokenizer.h"
#include "vocabulary_file.h"

namespace {

using thimble::GgufValueType;
using thimble::Tokenizer;
using thimble::fuzz::VocabularyFile;

constexpr const char* kPreTokenizers[] = {"gpt-2",  "smollm", "qwen2",   "llama-bpe",
                                          "qwen35", "falcon", "default", "gpt-4o"};

struct Vocabulary {
  thimble::Gguf gguf;
  Tokenizer tokenizer;
  bool spells_spaces;  // with U+2581, which comes back as a space
};

Vocabulary load(const VocabularyFile& file, bool spells_spaces) {
  const std::string bytes = file.whole();
  const thimble::fuzz::MemoryFile memory(bytes.data(), bytes.size());
  thimble::Gguf gguf = thimble::Gguf::open(memory.path());
  Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
  return {std::move(gguf), std::move(tokenizer), spells_spaces};
}

void add_special(std::vector<std::string>& tokens, std::vector<int32_t>& types) {
  types.assign(tokens.size(), 1);
  for (const char* control : {"<|im_start|>", "<|im_end|>", "<s>", "</s>"}) {
    tokens.emplace_back(control);
    types.push_back(3);
  }
}

Vocabulary byte_level(const char* pre_tokenizer) {
  std::vector<std::string> tokens;
  thimble::fuzz::add_alphabet(tokens);
  for (const char* text :
       {"he", "ll", "hell", "hello", "\u0120h", "in", "th", "the", "\u0120the", "12", "123", "aa", "aaaa"})
    tokens.emplace_back(text);
  std::vector<int32_t> types;
  add_special(tokens, types);
  VocabularyFile file;
  file.text("tokenizer.ggml.model", "gpt2");
  file.text("tokenizer.ggml.pre", pre_tokenizer);
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", GgufValueType::INT32, types);
  file.texts("tokenizer.ggml.merges", {"h e", "l l", "he ll", "hell o", "\u0120 h", "i n", "t h", "th e", "\u0120 the",
                                       "1 2", "12 3", "a a", "aa aa"});
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::BOOL, uint8_t{0});
  return load(file, false);
}

Vocabulary sentence_piece() {
  std::vector<std::string> tokens = {"<unk>"};
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(fmt::format("<0x{:02X}>", byte));
  for (const char* text :
       {"\u2581", "h", "e", "l", "o", "he", "ll", "hell", "hello", "\u2581hello", "a", "aa", "aaaa", "\u00fc"})
    tokens.emplace_back(text);
  std::vector<int32_t> types;
  add_special(tokens, types);
  types[0] = 2;
  for (size_t i = 1; i <= 256; ++i) types[i] = 6;
  std::vector<float> scores;
  for (size_t i = 0; i < tokens.size(); ++i) scores.push_back(-static_cast<float>(i));
  VocabularyFile file;
  file.text("tokenizer.ggml.model", "llama");
  file.texts("tokenizer.ggml.tokens", tokens);
  file.numbers("tokenizer.ggml.token_type", GgufValueType::INT32, types);
  file.numbers("tokenizer.ggml.scores", GgufValueType::FLOAT32, scores);
  file.number("tokenizer.ggml.add_bos_token", GgufValueType::BOOL, uint8_t{0});
  return load(file, true);
}

const std::vector<Vocabulary>& vocabularies() {
  static const std::vector<Vocabulary> all = [] {
    std::vector<Vocabulary> made;
    for (const char* name : kPreTokenizers) made.push_back(byte_level(name));
    made.push_back(sentence_piece());
    return made;
  }();
  return all;
}

std::string with_spaces(std::string text) {
  constexpr std::string_view kSpace = "\u2581";
  for (size_t at = 0; (at = text.find(kSpace, at)) != std::string::npos; ++at) text.replace(at, kSpace.size(), " ");
  return text;
}

void check(const Vocabulary& vocabulary, const std::string& text, bool parse_special) {
  const Tokenizer& tokenizer = vocabulary.tokenizer;
  const auto ids = tokenizer.encode(text, {.add_special = false, .parse_special = parse_special});
  const std::string decoded = tokenizer.decode(ids, true);
  if (decoded != (vocabulary.spells_spaces ? with_spaces(text) : text)) std::abort();
  thimble::StreamDecoder stream;
  std::string shown;
  for (const auto id : ids) {
    if (!parse_special && tokenizer.type(id) == thimble::TokenType::control) std::abort();
    shown += stream.push(tokenizer.piece(id, true));
  }
  shown += stream.finish();
  if (!thimble::is_valid_utf8(shown)) std::abort();
  for (const size_t start : tokenizer.control_token_starts(text)) {
    if (start >= text.size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Vocabulary& vocabulary = vocabularies()[data[0] % vocabularies().size()];
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const bool parse_special : {false, true}) check(vocabulary, text, parse_special);
  return 0;
}
