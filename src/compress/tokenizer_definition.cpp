#include "compress/tokenizer_definition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "format/json_text.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostEntries = size_t{1} << 24;
constexpr std::string_view kSpaceInMerge = "\xc4\xa0";  // U+0120
constexpr std::array<std::string_view, 2> kBulkPaths = {"model/vocab", "model/merges"};

const Json& no_value() {
  static const Json value;
  return value;
}

uint64_t token_id(const Json& value, std::string_view text, const std::string& path) {
  if (value.is_number_unsigned() && value.get<uint64_t>() <= std::numeric_limits<uint32_t>::max())
    return value.get<uint64_t>();
  fail(ExitCode::bad_file, "{}: the id of the token '{}' is {}, expected a whole number from 0 on", printable(path),
       printable(text, 60), printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60));
}

// An id for a text (BPE, WordPiece), or the next text with its score (Unigram).
void add_token(TokenizerDefinition& out, std::string& key, Json& value) {
  if (out.tokens.size() == kMostEntries)
    fail(ExitCode::bad_file, "{}: model.vocab has more than {} tokens", printable(out.path), kMostEntries);
  if (value.is_array()) {
    if (value.size() != 2 || !value[0].is_string() || !value[1].is_number() || !std::isfinite(value[1].get<float>())) {
      fail(ExitCode::bad_file, "{}: model.vocab: entry {} is no pair of a text and a finite score", printable(out.path),
           out.tokens.size());
    }
    out.tokens.push_back({out.tokens.size(), value[0].get<std::string>(), value[1].get<float>()});
    return;
  }
  out.tokens.push_back({token_id(value, key, out.path), std::move(key)});
}

void append_part(std::string& out, std::string_view part) {
  for (const char c : part) {
    if (c == ' ') {
      out += kSpaceInMerge;
    } else {
      out += c;
    }
  }
}

void add_merge(TokenizerDefinition& out, const Json& value) {
  if (out.merges.size() == kMostEntries)
    fail(ExitCode::bad_file, "{}: model.merges has more than {} merges", printable(out.path), kMostEntries);
  if (value.is_string()) return out.merges.push_back(value.get<std::string>());
  if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) {
    fail(ExitCode::bad_file, "{}: model.merges: merge {} is neither a text nor a pair of texts", printable(out.path),
         out.merges.size());
  }
  std::string merge;
  append_part(merge, value[0].get_ref<const std::string&>());
  merge += ' ';
  append_part(merge, value[1].get_ref<const std::string&>());
  out.merges.push_back(std::move(merge));
}

bool has_type(const Json& part, std::string_view type) { return find_text(part, "type") == type; }

void append_parts(const Json& value, std::string_view key, std::vector<const Json*>& out) {
  if (value.is_null()) return;
  const Json* inner = has_type(value, "Sequence") ? find_member(value, key) : nullptr;
  if (inner == nullptr || !inner->is_array()) return out.push_back(&value);
  for (const Json& part : *inner) append_parts(part, key, out);
}

// Files from before the models had a type.
std::string model_type(const TokenizerDefinition& out, const Json& model) {
  if (const auto type = find_text(model, "type")) return std::string(*type);
  if (!out.merges.empty()) return "BPE";
  return find_member(model, "unk_id") != nullptr ? "Unigram" : "WordPiece";
}

}  // namespace

const Json& TokenizerDefinition::part(std::string_view key) const {
  const Json* found = find_member(tree, key);
  return found != nullptr ? *found : no_value();
}

bool TokenizerDefinition::is_byte_level() const {
  const auto has_byte_level = [&](std::string_view key, std::string_view inner) {
    const auto parts = parts_of_sequence(part(key), inner);
    return std::ranges::any_of(parts, [](const Json* one) { return has_type(*one, "ByteLevel"); });
  };
  return has_byte_level("pre_tokenizer", "pretokenizers") || has_byte_level("decoder", "decoders");
}

std::vector<const Json*> parts_of_sequence(const Json& value, std::string_view key) {
  std::vector<const Json*> parts;
  append_parts(value, key, parts);
  return parts;
}

AddedToken parse_added_token(const Json& entry, std::optional<uint64_t> id, const std::string& path) {
  const auto text = find_text(entry, "content");
  if (!text || text->empty())
    fail(ExitCode::bad_file, "{}: an added token without a text under 'content'", printable(path));
  if (!id) {
    const Json* value = find_member(entry, "id");
    id = token_id(value != nullptr ? *value : no_value(), *text, path);
  }
  return {*id, std::string(*text), find_flag(entry, "special").value_or(false)};
}

TokenizerDefinition read_tokenizer_definition(const std::string& path) {
  TokenizerDefinition out;
  out.path = path;
  const JsonBulk bulk = {kBulkPaths, [&](size_t which, std::string& key, Json& value) {
                           return which == 0 ? add_token(out, key, value) : add_merge(out, value);
                         }};
  out.tree = read_json_file(path, bulk);
  const Json& model = out.part("model");
  if (!model.is_object()) fail(ExitCode::bad_file, "{}: 'model' is missing", printable(path));
  out.model = model_type(out, model);
  if (out.tokens.empty()) fail(ExitCode::bad_file, "{}: model.vocab has no tokens", printable(path));
  const Json& added = out.part("added_tokens");
  if (!added.is_null() && !added.is_array()) fail(ExitCode::bad_file, "{}: 'added_tokens' is no list", printable(path));
  for (const Json& entry : added) out.added.push_back(parse_added_token(entry, std::nullopt, path));
  return out;
}

}  // namespace thimble
