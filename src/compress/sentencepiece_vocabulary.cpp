#include "compress/sentencepiece_vocabulary.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "format/base64.h"
#include "format/json_text.h"
#include "format/sentencepiece_model.h"
#include "text/sentencepiece.h"

namespace thimble {
namespace {

using Json = nlohmann::json;
using enum TokenType;

constexpr float kAddedScore = -1000;
constexpr std::string_view kSpacesAtEnds = "^ +| +$";  // as Thimble's exports have it

// What is done about tokens beside the base vocabulary.
class Additions {
 public:
  Additions(CheckpointTokens& tokens, bool is_literal) : tokens_(tokens), is_literal_(is_literal) {}

  // Whatever the id was; what has no row in the embedding, such as the tokens of a picture, is left out.
  void replace(const AddedToken& token, const std::string& file) {
    if (!tokens_.contains(token.id)) return;
    const bool is_control = token.special || (!is_literal_ && looks_special(token.text));
    tokens_.replace(token.id, token.text, is_control ? control : user_defined, kAddedScore, file);
    if (!is_control && !is_literal_) marked_.push_back(token.id);
  }
  void add_if_free(const AddedToken& token, const std::string& file) {
    if (tokens_.contains(token.id) && !tokens_[token.id].is_named && !tokens_.find(token.text)) replace(token, file);
  }
  // Spaces as text has them, so that readers find these tokens.
  void finish() {
    for (const uint64_t id : marked_) {
      if (tokens_[id].type == user_defined) tokens_.set_text(id, unmark_spaces(tokens_[id].text));
    }
  }

 private:
  CheckpointTokens& tokens_;
  bool is_literal_;
  std::vector<uint64_t> marked_;
};

void add_pieces(CheckpointTokens& tokens, const SentencePieceModel& model, const std::string& path) {
  if (model.pieces.size() > tokens.size()) {
    fail(ExitCode::bad_file, "{}: {} pieces, but the token embedding has {} rows", printable(path), model.pieces.size(),
         tokens.size());
  }
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const SentencePieceModel::Piece& piece = model.pieces[id];
    // llama.cpp's files have user-defined pieces as normal ones, where no other file names them.
    const bool is_plain =
        piece.type == PieceType::user_defined && model.algorithm == SentencePieceModel::Algorithm::bpe;
    const auto type = is_plain ? normal : static_cast<TokenType>(piece.type);
    tokens.add(id, piece.text, type, piece.score, path);
  }
}

bool has_type(const Json& part, std::string_view type) { return find_text(part, "type") == type; }

[[noreturn]] void refuse_part(const TokenizerDefinition& definition, std::string_view what, const Json& part) {
  fail(ExitCode::bad_file, "{}: the {} {} is not supported for a vocabulary of this kind", printable(definition.path),
       what, printable(part.dump(-1, ' ', false, Json::error_handler_t::replace), 200));
}

// {"type": "Metaspace", "replacement": U+2581, ...}: whether text gets a space in front of it.
bool metaspace_adds_space(const Json& part) {
  if (const auto scheme = find_text(part, "prepend_scheme")) return *scheme != "never";
  return find_flag(part, "add_prefix_space").value_or(true);
}

bool is_metaspace(const Json& part) {
  return has_type(part, "Metaspace") && find_text(part, "replacement").value_or(kSpaceMark) == kSpaceMark;
}

bool replaces(const Json& part, std::string_view kind, std::string_view pattern, std::string_view content) {
  const Json* found = find_member(part, "pattern");
  return has_type(part, "Replace") && found != nullptr && find_text(*found, kind) == pattern &&
         find_text(part, "content") == content;
}

// Spaces become U+2581; whether there is one in front of the text.
bool read_bpe_spaces(const TokenizerDefinition& definition) {
  bool adds_space = false;
  for (const Json* part : parts_of_sequence(definition.part("normalizer"), "normalizers")) {
    if (has_type(*part, "Prepend") && find_text(*part, "prepend") == kSpaceMark) {
      adds_space = true;
    } else if (!replaces(*part, "String", " ", kSpaceMark)) {
      refuse_part(definition, "normalizer", *part);
    }
  }
  for (const Json* part : parts_of_sequence(definition.part("pre_tokenizer"), "pretokenizers")) {
    const Json* pattern = find_member(*part, "pattern");
    const bool is_idle = has_type(*part, "Split") && pattern != nullptr && find_text(*pattern, "String") == " ";
    if (is_metaspace(*part)) {
      adds_space = adds_space || metaspace_adds_space(*part);
    } else if (!is_idle) {
      refuse_part(definition, "pre-tokenizer", *part);
    }
  }
  return adds_space;
}

// The order in which merges make the tokens: what is merged first is best.
void set_scores(CheckpointTokens& tokens, const std::vector<std::string>& merges) {
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].type == normal) tokens.set_score(id, -static_cast<float>(merges.size()));
  }
  std::vector<bool> is_ranked(tokens.size());
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const size_t space = merges[rank].find(' ', 1);
    joined.assign(merges[rank], 0, space).append(merges[rank], space + 1);
    const uint32_t id = *tokens.find(joined);
    if (is_ranked[id] || tokens[id].type != normal) continue;
    is_ranked[id] = true;
    tokens.set_score(id, -static_cast<float>(rank));
  }
}

void set_byte_types(CheckpointTokens& tokens) {
  for (uint32_t id = 0; id < tokens.size(); ++id) {
    if (tokens[id].type == normal && byte_token_value(tokens[id].text) >= 0) tokens.set_type(id, byte);
  }
}

// All but the base vocabulary.
void add_defined(const CheckpointFiles& files, bool is_literal, CheckpointTokens& tokens) {
  Additions additions(tokens, is_literal);
  for (const AddedToken& token : files.definition->added) additions.replace(token, files.definition->path);
  for (const AddedToken& token : files.tokens_of_config()) {
    const auto id = tokens.find(token.text);
    additions.replace({id.value_or(static_cast<uint32_t>(token.id)), token.text, token.special},
                      files.path("tokenizer_config.json"));
  }
  for (const std::string& text : files.special_texts()) {
    if (const auto id = tokens.find(text)) tokens.set_type(*id, control);
  }
  additions.finish();
}

void set_unknown(const TokenizerDefinition& definition, CheckpointTokens& tokens) {
  const auto text = find_text(definition.part("model"), "unk_token");
  const auto id = text ? tokens.find(*text) : std::nullopt;
  if (id) tokens.set_type(*id, unknown);
}

void read_unigram_definition(const TokenizerDefinition& definition, CollectedVocabulary& out) {
  bool adds_space = false;
  bool merges_spaces = false;
  for (const Json* part : parts_of_sequence(definition.part("normalizer"), "normalizers")) {
    if (has_type(*part, "Precompiled")) {
      auto table = decode_base64(find_text(*part, "precompiled_charsmap").value_or("?"));
      if (!table)
        fail(ExitCode::bad_file, "{}: normalizer: precompiled_charsmap is no base 64", printable(definition.path));
      out.precompiled_charsmap = std::move(*table);
    } else if (replaces(*part, "Regex", " {2,}", " ") || replaces(*part, "Regex", " {2,}", kSpaceMark)) {
      merges_spaces = true;
    } else if (has_type(*part, "Prepend") && find_text(*part, "prepend") == " ") {
      adds_space = true;
    } else if (!replaces(*part, "Regex", kSpacesAtEnds, "") && !replaces(*part, "String", " ", kSpaceMark)) {
      refuse_part(definition, "normalizer", *part);
    }
  }
  for (const Json* part : parts_of_sequence(definition.part("pre_tokenizer"), "pretokenizers")) {
    if (has_type(*part, "WhitespaceSplit")) {
      merges_spaces = true;
    } else if (is_metaspace(*part)) {
      adds_space = metaspace_adds_space(*part);
    } else {
      refuse_part(definition, "pre-tokenizer", *part);
    }
  }
  out.add_space_prefix = adds_space;
  out.remove_extra_whitespaces = merges_spaces;
}

}  // namespace

bool looks_special(std::string_view text) {
  constexpr std::array<std::string_view, 4> kTexts = {"<pad>", "<mask>", "<2mass>", "[@BOS@]"};
  const auto is_between = [&](std::string_view begin, std::string_view end) {
    return text.starts_with(begin) && text.ends_with(end);
  };
  // The second are DeepSeek's full-width bars.
  return std::ranges::find(kTexts, text) != kTexts.end() || is_between("<|", "|>") ||
         is_between("<\xef\xbd\x9c", "\xef\xbd\x9c>") || is_between("<unused", ">");
}

CollectedVocabulary collect_sentencepiece_model(const CheckpointFiles& files, const VocabularyRules& rules,
                                                uint32_t size) {
  const std::string path = files.path("tokenizer.model");
  const SentencePieceModel model = read_sentencepiece_model(path);
  const bool is_unigram = model.algorithm == SentencePieceModel::Algorithm::unigram;
  if (!is_unigram && model.algorithm != SentencePieceModel::Algorithm::bpe) {
    fail(ExitCode::bad_file, "{}: the model is of type {}, supported are 1 (unigram) and 2 (BPE)", printable(path),
         static_cast<int>(model.algorithm));
  }
  CollectedVocabulary out = {is_unigram ? VocabularyKind::unigram : VocabularyKind::sentence_piece, "default",
                             CheckpointTokens(size, files.folder)};
  add_pieces(out.tokens, model, path);
  Additions additions(out.tokens, rules.literal_added_tokens);
  for (AddedToken token : files.tokens_of_added_file()) {
    if (out.tokens.contains(token.id)) {
      out.tokens.replace(token.id, token.text, user_defined, kAddedScore, files.path("added_tokens.json"));
    }
  }
  for (const AddedToken& token : files.tokens_of_config())
    additions.replace(token, files.path("tokenizer_config.json"));
  if (files.definition) {
    for (const AddedToken& token : files.definition->added) {
      if (rules.literal_added_tokens) {
        additions.replace(token, files.definition->path);
      } else {
        additions.add_if_free(token, files.definition->path);
      }
    }
  }
  additions.finish();
  if (is_unigram || !model.add_space_prefix) out.add_space_prefix = model.add_space_prefix;
  if (is_unigram) {
    out.remove_extra_whitespaces = model.remove_extra_whitespaces;
    out.adds_bos = true;  // as `transformers` does where it finds a tokenizer.model
    out.precompiled_charsmap = model.precompiled_charsmap;
  }
  return out;
}

CollectedVocabulary collect_sentencepiece_json(const CheckpointFiles& files, const VocabularyRules& rules,
                                               uint32_t size) {
  const TokenizerDefinition& definition = *files.definition;
  if (!find_flag(definition.part("model"), "byte_fallback").value_or(false)) {
    fail(ExitCode::bad_file,
         "{}: the BPE model is neither byte-level nor has it byte tokens (byte_fallback), which is not supported",
         printable(definition.path));
  }
  CollectedVocabulary out = {VocabularyKind::sentence_piece, "default", CheckpointTokens(size, files.folder)};
  for (const BaseToken& token : definition.tokens) out.tokens.add(token.id, token.text, normal, 0, definition.path);
  check_merges(definition.merges, out.tokens, definition.path);
  set_byte_types(out.tokens);
  set_unknown(definition, out.tokens);
  set_scores(out.tokens, definition.merges);
  add_defined(files, rules.literal_added_tokens, out.tokens);
  if (!read_bpe_spaces(definition)) out.add_space_prefix = false;
  return out;
}

CollectedVocabulary collect_unigram_json(const CheckpointFiles& files, uint32_t size) {
  const TokenizerDefinition& definition = *files.definition;
  CollectedVocabulary out = {VocabularyKind::unigram, "default", CheckpointTokens(size, files.folder)};
  for (const BaseToken& token : definition.tokens)
    out.tokens.add(token.id, token.text, normal, token.score, definition.path);
  if (find_flag(definition.part("model"), "byte_fallback").value_or(false)) set_byte_types(out.tokens);
  add_defined(files, false, out.tokens);
  for (const BaseToken& token : definition.tokens) out.tokens.set_score(token.id, token.score);
  const Json* unknown_id = find_member(definition.part("model"), "unk_id");
  if (unknown_id != nullptr && unknown_id->is_number_unsigned() && out.tokens.contains(unknown_id->get<uint64_t>()))
    out.tokens.set_type(unknown_id->get<uint64_t>(), unknown);
  read_unigram_definition(definition, out);
  return out;
}

}  // namespace thimble
