#include "compress/chat_template_files.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "format/json_text.h"

namespace thimble {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view kKey = "tokenizer.chat_template";
constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostTemplates = 64;
constexpr size_t kLongestName = 64;

using Templates = std::map<std::string, std::string, std::less<>>;

std::string read_template(const std::string& path) {
  std::error_code ignored;
  if (fs::file_size(path, ignored) == 0) return {};
  const MappedFile file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  if (text.size() > kMostBytes || !is_valid_utf8(text))
    fail(ExitCode::bad_file, "{}: expected a template of at most {} bytes of UTF-8", printable(path), kMostBytes);
  return std::string(text);
}

// A key is made of it, so it keeps letters and digits only.
std::string safe_name(std::string_view name) {
  const auto is_safe = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  std::string safe;
  for (size_t at = 0; at < name.size() && safe.size() < kLongestName;) {
    safe += is_safe(name[at]) ? name[at] : '_';
    at += decode_utf8(name, at).length;
  }
  return safe;
}

void add(Templates& templates, std::string_view name, std::string_view text) {
  const std::string safe = safe_name(name);
  if (!safe.empty() && templates.size() < kMostTemplates) templates.insert_or_assign(safe, std::string(text));
}

// A text, or a list of {"name": ..., "template": ...}.
Templates templates_in(const Json& value) {
  Templates templates;
  if (value.is_string()) add(templates, "default", value.get_ref<const std::string&>());
  if (!value.is_array()) return templates;
  for (const Json& entry : value) {
    const auto text = find_text(entry, "template");
    if (text) add(templates, find_text(entry, "name").value_or(""), *text);
  }
  return templates;
}

Templates templates_in_folder(const CheckpointFiles& files) {
  Templates templates;
  const std::string path = files.path("chat_template.jinja");
  add(templates, "default", read_template(path));
  std::error_code error;
  for (fs::directory_iterator entry(files.path("additional_chat_templates"), error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& file = entry->path();
    if (file.extension() == ".jinja") add(templates, file.stem().string(), read_template(file.string()));
  }
  return templates;
}

Templates find_templates(const CheckpointFiles& files) {
  const Json* configured = find_member(files.tokenizer_config, "chat_template");
  if (configured != nullptr && !configured->is_null()) return templates_in(*configured);
  if (files.has("chat_template.jinja")) return templates_in_folder(files);
  if (!files.has("chat_template.json")) return {};
  const Json file = read_json_file(files.path("chat_template.json"));
  const Json* inside = find_member(file, "chat_template");
  return inside == nullptr ? Templates() : templates_in(*inside);
}

}  // namespace

void write_chat_templates(const CheckpointFiles& files, GgufWriter& writer) {
  const Templates templates = find_templates(files);
  std::vector<std::string_view> names;
  for (const auto& [name, text] : templates) {
    if (name == "default") {
      writer.set(kKey, text);
    } else {
      writer.set(fmt::format("{}.{}", kKey, name), text);
      names.push_back(name);
    }
  }
  if (!names.empty()) writer.set("tokenizer.chat_templates", std::span<const std::string_view>(names));
}

}  // namespace thimble
