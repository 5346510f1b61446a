#include "compress/checkpoint_files.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "format/json_text.h"

namespace thimble {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 7> kSpecialKeys = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                          "pad_token", "cls_token", "mask_token"};
constexpr std::array<std::string_view, 2> kListKeys = {"additional_special_tokens", "extra_special_tokens"};

// A token is written as its text, or as an object with its text.
std::optional<std::string> token_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (const auto text = find_text(value, "content")) return std::string(*text);
  return std::nullopt;
}

Json read_object(const CheckpointFiles& files, std::string_view name) {
  if (!files.has(name)) return {};
  const std::string path = files.path(name);
  Json value = read_json_file(path);
  if (!value.is_object()) fail(ExitCode::bad_file, "{}: expected a JSON object", printable(path));
  return value;
}

}  // namespace

std::string CheckpointFiles::path(std::string_view name) const { return folder + "/" + std::string(name); }

bool CheckpointFiles::has(std::string_view name) const {
  std::error_code ignored;
  return std::filesystem::exists(path(name), ignored);
}

std::optional<std::string> CheckpointFiles::special_text(std::string_view key) const {
  for (const Json* file : {&tokenizer_config, &special_tokens_map}) {
    const Json* value = find_member(*file, key);
    if (value == nullptr) continue;
    if (auto text = token_text(*value)) return text;
  }
  return std::nullopt;
}

std::vector<std::string> CheckpointFiles::special_texts() const {
  std::vector<std::string> texts;
  for (const std::string_view key : kSpecialKeys) {
    if (auto text = special_text(key)) texts.push_back(std::move(*text));
  }
  for (const Json* file : {&tokenizer_config, &special_tokens_map}) {
    for (const std::string_view key : kListKeys) {
      const Json* list = find_member(*file, key);
      if (list == nullptr || !list->is_structured()) continue;
      for (const Json& value : *list) {
        if (auto text = token_text(value)) texts.push_back(std::move(*text));
      }
    }
  }
  return texts;
}

std::vector<AddedToken> CheckpointFiles::tokens_of_added_file() const {
  std::vector<AddedToken> tokens;
  for (const auto& [text, id] : added_tokens.items()) {
    if (!id.is_number_unsigned() || text.empty()) {
      fail(ExitCode::bad_file, "{}: the token '{}' has no id that is a whole number from 0 on",
           printable(path("added_tokens.json")), printable(text, 60));
    }
    tokens.push_back({id.get<uint64_t>(), text});
  }
  return tokens;
}

std::vector<AddedToken> CheckpointFiles::tokens_of_config() const {
  std::vector<AddedToken> tokens;
  const Json* decoder = find_member(tokenizer_config, "added_tokens_decoder");
  if (decoder == nullptr || decoder->is_null()) return tokens;
  const std::string name = path("tokenizer_config.json");
  if (!decoder->is_object()) fail(ExitCode::bad_file, "{}: 'added_tokens_decoder' is no object", printable(name));
  for (const auto& [key, entry] : decoder->items()) {
    uint32_t id = 0;
    const char* const end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, id);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      fail(ExitCode::bad_file, "{}: added_tokens_decoder: '{}' is no id", printable(name), printable(key, 60));
    }
    tokens.push_back(parse_added_token(entry, id, name));
  }
  return tokens;
}

CheckpointFiles read_checkpoint_files(const std::string& folder) {
  CheckpointFiles files;
  files.folder = folder;
  if (files.has("tokenizer.json")) files.definition = read_tokenizer_definition(files.path("tokenizer.json"));
  files.tokenizer_config = read_object(files, "tokenizer_config.json");
  files.special_tokens_map = read_object(files, "special_tokens_map.json");
  files.generation_config = read_object(files, "generation_config.json");
  files.added_tokens = read_object(files, "added_tokens.json");
  return files;
}

}  // namespace thimble
