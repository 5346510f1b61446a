#include "compress/vocabulary_export.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "compress/exported_model.h"
#include "format/json_text.h"
#include "text/sentencepiece.h"
#include "text/tokenizer.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

struct Role {
  std::string_view name;  // in tokenizer_config.json, with "_token" behind it
  std::string_view key;   // behind "tokenizer.ggml."
};
constexpr std::array<Role, 6> kRoles = {{{"bos", "bos_token_id"},
                                         {"eos", "eos_token_id"},
                                         {"unk", "unknown_token_id"},
                                         {"sep", "seperator_token_id"},
                                         {"pad", "padding_token_id"},
                                         {"mask", "mask_token_id"}}};

void write_json(const std::string& path, const Json& value) {
  AtomicFile file(path);
  file.write(value.dump(2, ' ', false, Json::error_handler_t::replace));
  file.write("\n");
  file.commit();
}

// What is matched in text as a whole before anything else.
Json added_tokens(const Gguf& gguf, const Tokenizer& tokenizer, const ExportedVocabulary& vocabulary) {
  Json added = Json::array();
  for (TokenId id = 0; static_cast<uint32_t>(id) < tokenizer.vocabulary_size(); ++id) {
    const TokenType type = vocabulary.types[static_cast<size_t>(id)];
    const bool is_special = type == TokenType::control || type == TokenType::unknown;
    if (!is_special && type != TokenType::user_defined) continue;
    const std::string& text = vocabulary.texts[static_cast<size_t>(id)];
    if (text.empty()) {
      fail(ExitCode::bad_file, "{}: tokenizer.ggml.tokens: the special token {} has no text", printable(gguf.path()),
           id);
    }
    added.push_back({{"id", id},
                     {"content", text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", is_special}});
  }
  return added;
}

// Tokens at both ends of texts, and between two.
Json post_processor(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  const auto piece = [&](TokenId id) {
    return Json{{"SpecialToken", {{"id", texts[static_cast<size_t>(id)]}, {"type_id", 0}}}};
  };
  const auto sequence = [](const char* name, int type) {
    return Json{{"Sequence", {{"id", name}, {"type_id", type}}}};
  };
  Json single = Json::array();
  Json pair = Json::array();
  Json tokens = Json::object();
  const auto add = [&](TokenId id) {
    const std::string& text = texts[static_cast<size_t>(id)];
    tokens[text] = {{"id", text}, {"ids", {id}}, {"tokens", {text}}};
    single.push_back(piece(id));
    pair.push_back(piece(id));
  };
  if (tokenizer.adds_bos()) add(*tokenizer.bos());
  single.push_back(sequence("A", 0));
  pair.push_back(sequence("A", 0));
  if (tokenizer.adds_eos()) add(*tokenizer.eos());
  pair.push_back(sequence("B", 1));
  if (tokenizer.adds_eos()) pair.push_back(piece(*tokenizer.eos()));
  if (tokens.empty()) return nullptr;
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

Json tokenizer_config(const Gguf& gguf, const Tokenizer& tokenizer, const ExportedVocabulary& vocabulary) {
  const std::vector<std::string>& texts = vocabulary.texts;
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  for (const auto& [name, key] : kRoles) {
    auto id = gguf.unsigned_integer("tokenizer.ggml." + std::string(key));
    if (name == "bos" && !id && tokenizer.bos()) id = static_cast<uint64_t>(*tokenizer.bos());
    if (name == "eos" && !id && tokenizer.eos()) id = static_cast<uint64_t>(*tokenizer.eos());
    if (id && *id < texts.size()) config[std::string(name) + "_token"] = texts[*id];
  }
  if (vocabulary.kind == VocabularyKind::word_piece && tokenizer.bos())
    config["cls_token"] = texts[static_cast<size_t>(*tokenizer.bos())];
  config["add_bos_token"] = tokenizer.adds_bos();
  config["add_eos_token"] = tokenizer.adds_eos();
  if (const auto length =
          gguf.unsigned_integer(std::string(gguf.string("general.architecture").value_or("")) + ".context_length"))
    config["model_max_length"] = *length;
  return config;
}

// One template as a text, several as a list.
void add_templates(const Gguf& gguf, Json& config) {
  const auto standard = gguf.string("tokenizer.chat_template");
  Json list = Json::array();
  if (standard) list.push_back({{"name", "default"}, {"template", *standard}});
  for (const std::string_view name : gguf.string_array("tokenizer.chat_templates")) {
    const auto text = gguf.string("tokenizer.chat_template." + std::string(name));
    if (text) list.push_back({{"name", name}, {"template", *text}});
  }
  if (list.size() == 1 && standard) {
    config["chat_template"] = *standard;
  } else if (!list.empty()) {
    config["chat_template"] = list;
  }
}

}  // namespace

void export_vocabulary(const Gguf& gguf, const std::string& folder) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(gguf);
  const ExportedVocabulary vocabulary = exported_vocabulary(gguf, tokenizer);
  Json tree = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}};
  tree["added_tokens"] = added_tokens(gguf, tokenizer, vocabulary);
  add_model(gguf, vocabulary, tree);
  tree["post_processor"] = post_processor(tokenizer, vocabulary.texts);
  Json config = tokenizer_config(gguf, tokenizer, vocabulary);
  add_templates(gguf, config);
  write_json(folder + "/tokenizer.json", tree);
  write_json(folder + "/tokenizer_config.json", config);
}

}  // namespace thimble
