#include "compress/exported_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "compress/pre_tokenizer_definition.h"
#include "format/base64.h"
#include "text/pre_tokenizer.h"
#include "text/sentencepiece.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

bool is_matched(TokenType type) {
  return type == TokenType::control || type == TokenType::unknown || type == TokenType::user_defined;
}

Json regex(std::string_view pattern) { return {{"Regex", pattern}}; }
Json text_pattern(std::string_view pattern) { return {{"String", pattern}}; }
Json replace(const Json& pattern, std::string_view content) {
  return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}};
}

Json ids_by_text(const Gguf& gguf, const ExportedVocabulary& vocabulary) {
  Json ids = Json::object();
  std::map<std::string_view, size_t> seen;
  for (size_t id = 0; id < vocabulary.texts.size(); ++id) {
    const auto [other, is_new] = seen.emplace(vocabulary.texts[id], id);
    if (!is_new) {
      fail(ExitCode::bad_file,
           "{}: tokenizer.ggml.tokens: {} and {} have the same text '{}', which a tokenizer.json cannot hold",
           printable(gguf.path()), other->second, id, printable(vocabulary.texts[id], 60));
    }
  }
  // ordered_json looks for equal keys one by one where it is asked for a member.
  auto& members = ids.get_ref<Json::object_t&>();
  members.reserve(vocabulary.texts.size());
  for (size_t id = 0; id < vocabulary.texts.size(); ++id) members.emplace_back(vocabulary.texts[id], id);
  return ids;
}

void add_byte_level(const Gguf& gguf, const ExportedVocabulary& vocabulary, Json& tree) {
  const std::string_view name = gguf.string("tokenizer.ggml.pre").value_or("");
  const PreTokenizerSpec& spec = *find_pre_tokenizer(name);
  if (!spec.sets.empty() && patterns_of_pre_tokenizer(name).size() == spec.patterns.size() &&
      std::ranges::equal(patterns_of_pre_tokenizer(name), spec.patterns)) {
    fail(ExitCode::bad_file, "{}: tokenizer.ggml.pre is '{}', whose sets of characters no tokenizer.json can name",
         printable(gguf.path()), printable(name));
  }
  Json parts = Json::array();
  for (const std::string& pattern : patterns_of_pre_tokenizer(name)) {
    parts.push_back({{"type", "Split"}, {"pattern", regex(pattern)}, {"behavior", "Isolated"}, {"invert", false}});
  }
  const Json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  parts.push_back(byte_level);
  tree["normalizer"] = nullptr;
  tree["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", parts}};
  tree["decoder"] = byte_level;
  Json merges = Json::array();
  for (const std::string_view merge : gguf.string_array("tokenizer.ggml.merges")) {
    const size_t space = merge.find(' ', 1);
    merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  tree["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", nullptr},
                   {"fuse_unk", false},
                   {"byte_fallback", false},
                   {"ignore_merges", spec.ignore_merges},
                   {"vocab", ids_by_text(gguf, vocabulary)},
                   {"merges", std::move(merges)}};
}

struct Merge {
  uint32_t left;
  uint32_t right;
  uint32_t result;
};

// Every way to make a token of two others, the best token first: what SentencePiece does by scores alone.
std::vector<Merge> merges_by_score(const ExportedVocabulary& vocabulary, const std::vector<float>& scores) {
  std::map<std::string_view, uint32_t> ids;
  const auto merges_into = [&](TokenType type) {
    return type == TokenType::normal || type == TokenType::user_defined || type == TokenType::unused;
  };
  for (uint32_t id = 0; id < vocabulary.texts.size(); ++id) {
    // What has a space is found in the text itself, before there are marks.
    const bool has_space = vocabulary.texts[id].find(' ') != std::string::npos;
    if (merges_into(vocabulary.types[id]) && !has_space) ids.emplace(vocabulary.texts[id], id);
  }
  std::vector<Merge> merges;
  for (const auto& [text, result] : ids) {
    for (size_t at = decode_utf8(text, 0).length; at < text.size(); at += decode_utf8(text, at).length) {
      const auto left = ids.find(text.substr(0, at));
      const auto right = ids.find(text.substr(at));
      if (left != ids.end() && right != ids.end()) merges.push_back({left->second, right->second, result});
    }
  }
  const auto score = [&](uint32_t id) { return id < scores.size() ? scores[id] : 0; };
  std::ranges::sort(merges, [&](const Merge& a, const Merge& b) {
    if (score(a.result) != score(b.result)) return score(a.result) > score(b.result);
    return a.left != b.left ? a.left < b.left : a.right < b.right;
  });
  return merges;
}

Json spaced_decoder(bool adds_space) {
  Json parts = {replace(text_pattern(kSpaceMark), " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (adds_space) parts.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", parts}};
}

Json unknown_text(const Gguf& gguf, const ExportedVocabulary& vocabulary) {
  const uint64_t id = gguf.unsigned_integer("tokenizer.ggml.unknown_token_id").value_or(0);
  return id < vocabulary.texts.size() ? Json(vocabulary.texts[id]) : Json(nullptr);
}

void add_sentence_piece(const Gguf& gguf, const ExportedVocabulary& vocabulary, Json& tree) {
  const bool adds_space = gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  const Json marks = replace(text_pattern(" "), kSpaceMark);
  tree["normalizer"] = marks;
  if (adds_space) {
    tree["normalizer"] = {{"type", "Sequence"},
                          {"normalizers", {{{"type", "Prepend"}, {"prepend", kSpaceMark}}, marks}}};
  }
  tree["pre_tokenizer"] = nullptr;
  tree["decoder"] = spaced_decoder(adds_space);
  Json merges = Json::array();
  for (const Merge& merge : merges_by_score(vocabulary, gguf.reals("tokenizer.ggml.scores"))) {
    merges.push_back({vocabulary.texts[merge.left], vocabulary.texts[merge.right]});
  }
  tree["model"] = {{"type", "BPE"},
                   {"dropout", nullptr},
                   {"unk_token", unknown_text(gguf, vocabulary)},
                   {"fuse_unk", true},
                   {"byte_fallback", true},
                   {"ignore_merges", false},
                   {"vocab", ids_by_text(gguf, vocabulary)},
                   {"merges", std::move(merges)}};
}

void add_word_piece(const Gguf& gguf, const ExportedVocabulary& vocabulary, Json& tree) {
  const bool lowercase = gguf.boolean("tokenizer.ggml.normalizer.lowercase").value_or(true);
  tree["normalizer"] = {{"type", "BertNormalizer"},
                        {"clean_text", true},
                        {"handle_chinese_chars", true},
                        {"strip_accents", gguf.boolean("tokenizer.ggml.normalizer.strip_accents").value_or(lowercase)},
                        {"lowercase", lowercase}};
  tree["pre_tokenizer"] = {{"type", "BertPreTokenizer"}};
  tree["decoder"] = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  const uint64_t unknown = gguf.unsigned_integer("tokenizer.ggml.unknown_token_id").value_or(100);
  tree["model"] = {{"type", "WordPiece"},
                   {"unk_token", vocabulary.texts.at(unknown)},  // the tokenizer has one
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 100},
                   {"vocab", ids_by_text(gguf, vocabulary)}};
}

void add_unigram(const Gguf& gguf, const ExportedVocabulary& vocabulary, Json& tree) {
  const bool adds_space = gguf.boolean("tokenizer.ggml.add_space_prefix").value_or(false);
  const bool merges_spaces = gguf.boolean("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
  Json normalizers = Json::array();
  if (const GgufValue* table = gguf.find("tokenizer.ggml.precompiled_charsmap"); table != nullptr && table->count > 0) {
    const std::string_view bytes(reinterpret_cast<const char*>(table->data.data()), table->data.size());
    normalizers.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(bytes)}});
  }
  if (merges_spaces) {
    normalizers.push_back(replace(regex("^ +| +$"), ""));
    normalizers.push_back(replace(regex(" {2,}"), " "));
  }
  // Not Metaspace: it puts no space before one that is there.
  if (adds_space) normalizers.push_back({{"type", "Prepend"}, {"prepend", " "}});
  normalizers.push_back(replace(text_pattern(" "), kSpaceMark));
  tree["normalizer"] = {{"type", "Sequence"}, {"normalizers", normalizers}};
  tree["pre_tokenizer"] = nullptr;
  tree["decoder"] = spaced_decoder(adds_space);
  const std::vector<float> scores = gguf.reals("tokenizer.ggml.scores");
  Json pairs = Json::array();
  bool has_bytes = false;
  for (size_t id = 0; id < vocabulary.texts.size(); ++id) {
    has_bytes = has_bytes || vocabulary.types[id] == TokenType::byte;
    pairs.push_back({vocabulary.texts[id], id < scores.size() ? scores[id] : 0});
  }
  tree["model"] = {{"type", "Unigram"},
                   {"unk_id", gguf.unsigned_integer("tokenizer.ggml.unknown_token_id").value_or(2)},
                   {"vocab", std::move(pairs)},
                   {"byte_fallback", has_bytes}};
}

using AddModel = void (*)(const Gguf&, const ExportedVocabulary&, Json&);
// By VocabularyKind.
constexpr std::array<AddModel, kVocabularyModels.size()> kAddModel = {add_byte_level, add_sentence_piece,
                                                                      add_word_piece, add_unigram};

// The inverse of how GGUF files have them.
std::string exported_text(VocabularyKind kind, std::string_view text, TokenType type) {
  if (kind != VocabularyKind::word_piece || is_matched(type)) return std::string(text);
  const bool begins_word = text.starts_with(kSpaceMark) && text.size() > kSpaceMark.size();
  return begins_word ? std::string(text.substr(kSpaceMark.size())) : "##" + std::string(text);
}

}  // namespace

ExportedVocabulary exported_vocabulary(const Gguf& gguf, const Tokenizer& tokenizer) {
  const std::string_view model = gguf.string("tokenizer.ggml.model").value_or("");
  const auto kind = find_vocabulary_kind(model);
  if (!kind) {
    fail(ExitCode::bad_file, "{}: tokenizer.ggml.model is '{}', whose vocabulary cannot be exported; that of {} can",
         printable(gguf.path()), printable(model), fmt::join(kVocabularyModels, ", "));
  }
  ExportedVocabulary out = {*kind, {}, {}};
  std::set<std::string> seen;
  for (TokenId id = 0; static_cast<uint32_t>(id) < tokenizer.vocabulary_size(); ++id) {
    const std::string_view text = tokenizer.token_text(id);
    if (!is_valid_utf8(text)) {
      fail(ExitCode::bad_file,
           "{}: tokenizer.ggml.tokens: token {} is '{}', which is no UTF-8 and cannot stand in a tokenizer.json",
           printable(gguf.path()), id, printable(text, 60));
    }
    out.types.push_back(tokenizer.type(id));
    std::string exported = exported_text(out.kind, text, out.types.back());
    // In WordPiece's form U+2581 may also be the first character of what continues a word.
    if (out.kind == VocabularyKind::word_piece && !seen.insert(exported).second) exported = "##" + std::string(text);
    out.texts.push_back(std::move(exported));
  }
  return out;
}

void add_model(const Gguf& gguf, const ExportedVocabulary& vocabulary, Json& tree) {
  kAddModel[static_cast<size_t>(vocabulary.kind)](gguf, vocabulary, tree);
}

}  // namespace thimble
