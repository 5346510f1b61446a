#include "compress/vocabulary_kinds.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "compress/pre_tokenizer_definition.h"
#include "compress/sentencepiece_vocabulary.h"
#include "format/json_text.h"
#include "text/pre_tokenizer.h"
#include "text/sentencepiece.h"

namespace thimble {
namespace {

using Json = nlohmann::json;
using enum TokenType;

constexpr size_t kMostTextBytes = size_t{256} << 20;
// The pre-tokenizer that llama.cpp's converter finds for BERT's vocabulary; no reader cares.
constexpr std::string_view kWordPieceName = "jina-v2-en";

struct ClassName {
  std::string_view tokenizer_class;  // of tokenizer_config.json
  std::string_view pre_tokenizer;
};
// The classes of `transformers` that come with vocab.json and merges.txt.
constexpr std::array<ClassName, 6> kClasses = {{{"GPT2Tokenizer", "gpt-2"},
                                                {"GPT2TokenizerFast", "gpt-2"},
                                                {"CodeGenTokenizer", "gpt-2"},
                                                {"CodeGenTokenizerFast", "gpt-2"},
                                                {"Qwen2Tokenizer", "qwen2"},
                                                {"Qwen2TokenizerFast", "qwen2"}}};

constexpr std::array<RoleText, 5> kWordPieceRoles = {
    {{"cls", "[CLS]"}, {"sep", "[SEP]"}, {"unk", "[UNK]"}, {"pad", "[PAD]"}, {"mask", "[MASK]"}}};

// Whether a token that was added beside the vocabulary is a control token, though it may not be marked so.
bool is_control(const AddedToken& token) { return token.special || looks_special(token.text); }

void add_added(CheckpointTokens& tokens, const AddedToken& token, const std::string& file) {
  tokens.add(token.id, token.text, is_control(token) ? control : user_defined, 0, file);
}

// What was added beside the base vocabulary, the same in all kinds but SentencePiece.
void add_all_added(const CheckpointFiles& files, CheckpointTokens& tokens) {
  if (files.definition) {
    for (const AddedToken& token : files.definition->added) add_added(tokens, token, files.definition->path);
  } else {
    for (const AddedToken& token : files.tokens_of_added_file())
      add_added(tokens, token, files.path("added_tokens.json"));
  }
  for (const AddedToken& token : files.tokens_of_config()) {
    // A text that is there keeps its id.
    const uint64_t id = tokens.find(token.text).value_or(static_cast<uint32_t>(token.id));
    add_added(tokens, {id, token.text, token.special}, files.path("tokenizer_config.json"));
  }
  for (const std::string& text : files.special_texts()) {
    if (const auto id = tokens.find(text)) tokens.set_type(*id, control);
  }
}

// What stands in text for a space is one, so that readers find it.
void unmark_user_defined(CheckpointTokens& tokens) {
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    const CheckpointToken& token = tokens[id];
    if (token.type == user_defined && token.text.find(kSpaceMark) != std::string::npos)
      tokens.set_text(id, unmark_spaces(token.text));
  }
}

std::string_view known_name(std::string_view pre_tokenizer) {
  const PreTokenizerSpec* spec = find_pre_tokenizer(pre_tokenizer);
  if (spec == nullptr) {
    fail(ExitCode::usage, "--pre-tokenizer {}: unknown; known are {}", printable(pre_tokenizer),
         known_pre_tokenizers());
  }
  return *std::ranges::find(spec->names, pre_tokenizer);
}

void require_plain_model(const TokenizerDefinition& definition, std::string_view prefix) {
  const Json& model = definition.part("model");
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const std::string_view expected = key.starts_with("cont") ? prefix : "";
    const auto found = find_text(model, key);
    if (!found || found->empty() || *found == expected) continue;
    fail(ExitCode::bad_file, "{}: model.{} is '{}', supported is '{}'", printable(definition.path), key,
         printable(*found, 60), expected);
  }
}

CollectedVocabulary collect_byte_level(const CheckpointFiles& files, const VocabularyRules& rules, uint32_t size,
                                       std::string_view pre_tokenizer) {
  const TokenizerDefinition& definition = *files.definition;
  require_plain_model(definition, "");
  CollectedVocabulary out = {VocabularyKind::byte_level, {}, CheckpointTokens(size, files.folder)};
  out.pre_tokenizer =
      pre_tokenizer.empty() ? recognize_pre_tokenizer(definition, rules.pre_tokenizers) : known_name(pre_tokenizer);
  for (const BaseToken& token : definition.tokens) out.tokens.add(token.id, token.text, normal, 0, definition.path);
  add_all_added(files, out.tokens);
  check_merges(definition.merges, out.tokens, definition.path);
  unmark_user_defined(out.tokens);
  out.merges = definition.merges;
  return out;
}

// "left right" a line, behind a first one that may say "#version".
std::vector<std::string> read_merges(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (rest.size() > kMostTextBytes || !is_valid_utf8(rest))
    fail(ExitCode::bad_file, "{}: expected at most {} bytes of UTF-8", printable(path), kMostTextBytes);
  std::vector<std::string> merges;
  for (bool is_first = true; !rest.empty(); is_first = false) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (is_first && line.starts_with("#version"))) continue;
    merges.emplace_back(line);
  }
  return merges;
}

std::string_view pre_tokenizer_of_class(const CheckpointFiles& files, const VocabularyRules& rules) {
  const auto name = find_text(files.tokenizer_config, "tokenizer_class").value_or("");
  const auto found = std::ranges::find(kClasses, name, &ClassName::tokenizer_class);
  if (found == kClasses.end()) {
    fail(ExitCode::bad_file,
         "{}: there is no tokenizer.json to say how text is cut into words, and the tokenizer_class '{}' says nothing "
         "of it; "
         "choose with --pre-tokenizer NAME; known are {}",
         printable(files.path("tokenizer_config.json")), printable(name, 60), known_pre_tokenizers());
  }
  const auto names = find_pre_tokenizer(found->pre_tokenizer)->names;
  for (const std::string_view wanted : rules.pre_tokenizers) {
    if (std::ranges::find(names, wanted) != names.end()) return wanted;
  }
  return found->pre_tokenizer;
}

CollectedVocabulary collect_vocab_json(const CheckpointFiles& files, const VocabularyRules& rules, uint32_t size,
                                       std::string_view pre_tokenizer) {
  const std::string path = files.path("vocab.json");
  const Json vocabulary = read_json_file(path);
  CollectedVocabulary out = {VocabularyKind::byte_level, {}, CheckpointTokens(size, files.folder)};
  out.pre_tokenizer = pre_tokenizer.empty() ? pre_tokenizer_of_class(files, rules) : known_name(pre_tokenizer);
  if (!vocabulary.is_object() || vocabulary.empty())
    fail(ExitCode::bad_file, "{}: expected an object of ids by text", printable(path));
  for (const auto& [text, id] : vocabulary.items()) {
    if (!id.is_number_unsigned())
      fail(ExitCode::bad_file, "{}: the token '{}' has no id", printable(path), printable(text, 60));
    out.tokens.add(id.get<uint64_t>(), text, normal, 0, path);
  }
  add_all_added(files, out.tokens);
  const std::string merges = files.path("merges.txt");
  out.merges = read_merges(merges);
  check_merges(out.merges, out.tokens, merges);
  unmark_user_defined(out.tokens);
  return out;
}

CollectedVocabulary collect_word_piece(const CheckpointFiles& files, uint32_t size) {
  const TokenizerDefinition& definition = *files.definition;
  require_plain_model(definition, "##");
  CollectedVocabulary out = {VocabularyKind::word_piece, kWordPieceName, CheckpointTokens(size, files.folder)};
  for (const BaseToken& token : definition.tokens) out.tokens.add(token.id, token.text, normal, 0, definition.path);
  add_all_added(files, out.tokens);
  unmark_user_defined(out.tokens);
  return out;
}

// A token a line, the first being 0.
CollectedVocabulary collect_vocab_txt(const CheckpointFiles& files, uint32_t size) {
  CollectedVocabulary out = {VocabularyKind::word_piece, kWordPieceName, CheckpointTokens(size, files.folder)};
  const std::string path = files.path("vocab.txt");
  const MappedFile file = MappedFile::open(path);
  std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (rest.size() > kMostTextBytes || !is_valid_utf8(rest))
    fail(ExitCode::bad_file, "{}: expected at most {} bytes of UTF-8", printable(path), kMostTextBytes);
  for (uint64_t id = 0; !rest.empty(); ++id) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.tokens.add(id, line, normal, 0, path);
  }
  out.roles = kWordPieceRoles;
  for (const auto& [role, text] : kWordPieceRoles) {
    if (const auto id = out.tokens.find(text)) out.tokens.set_type(*id, control);
  }
  add_all_added(files, out.tokens);
  out.lowercase = find_flag(files.tokenizer_config, "do_lower_case").value_or(true);
  return out;
}

[[noreturn]] void refuse_model(const TokenizerDefinition& definition) {
  fail(ExitCode::bad_file, "{}: the tokenizer's model is '{}', supported are BPE, WordPiece, Unigram",
       printable(definition.path), printable(definition.model, 60));
}

CollectedVocabulary collect_defined(const CheckpointFiles& files, const VocabularyRules& rules, uint32_t size,
                                    std::string_view pre_tokenizer) {
  const TokenizerDefinition& definition = *files.definition;
  if (definition.model == "BPE") {
    if (definition.is_byte_level()) return collect_byte_level(files, rules, size, pre_tokenizer);
    if (files.has("tokenizer.model")) return collect_sentencepiece_model(files, rules, size);
    return collect_sentencepiece_json(files, rules, size);
  }
  if (definition.model == "WordPiece") return collect_word_piece(files, size);
  if (definition.model == "Unigram") return collect_unigram_json(files, size);
  refuse_model(definition);
}

}  // namespace

CollectedVocabulary collect_vocabulary(const CheckpointFiles& files, const VocabularyRules& rules,
                                       uint32_t vocabulary_size, std::string_view pre_tokenizer) {
  if (files.definition) return collect_defined(files, rules, vocabulary_size, pre_tokenizer);
  if (files.has("tokenizer.model")) return collect_sentencepiece_model(files, rules, vocabulary_size);
  if (files.has("vocab.json")) return collect_vocab_json(files, rules, vocabulary_size, pre_tokenizer);
  if (files.has("vocab.txt")) return collect_vocab_txt(files, vocabulary_size);
  fail(ExitCode::bad_file,
       "{}: no vocabulary: expected tokenizer.json, tokenizer.model (SentencePiece), vocab.json with merges.txt, or "
       "vocab.txt",
       printable(files.folder));
}

void check_merges(const std::vector<std::string>& merges, const CheckpointTokens& tokens, const std::string& path) {
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    const bool is_pair = space != std::string_view::npos;
    const auto is_token = [&](std::string_view text) { return tokens.find(text).has_value(); };
    if (is_pair) joined.assign(merge.substr(0, space)).append(merge.substr(space + 1));
    if (is_pair && is_token(merge.substr(0, space)) && is_token(merge.substr(space + 1)) && is_token(joined)) continue;
    fail(ExitCode::bad_file, "{}: merge {} is '{}', expected two tokens that together are a third", printable(path),
         rank, printable(merge, 60));
  }
}

void mark_word_beginnings(CheckpointTokens& tokens) {
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    const CheckpointToken& token = tokens[id];
    if (token.type == control) continue;
    const bool continues = token.text.starts_with("##");
    tokens.set_text(id, continues ? token.text.substr(2) : std::string(kSpaceMark) + token.text);
  }
}

}  // namespace thimble
