#include "compress/model_card.h"

#include <algorithm>
#include <filesystem>

#include "base/mapped_file.h"
#include "base/utf8.h"

namespace thimble {
namespace {

constexpr size_t kMostBytes = 256 << 10;  // of front matter; the card itself may be longer

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// Quotes and what stands behind " #" are no part of a value.
std::string plain(std::string_view text) {
  text = trimmed(text);
  if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'')) {
    const size_t end = text.find(text.front(), 1);
    if (end != std::string_view::npos) return std::string(text.substr(1, end - 1));
  }
  return std::string(trimmed(text.substr(0, text.find(" #"))));
}

// A key of a mapping: "name: value" or "name:".
bool is_mapping(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && (colon + 1 == text.size() || text[colon + 1] == ' ') &&
         text.front() != '"' && text.front() != '\'';
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

void add_flow_list(std::string_view list, std::vector<std::string>& into) {
  list = list.substr(1, list.find(']') - 1);
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    if (std::string item = plain(list.substr(0, end)); !item.empty()) into.push_back(std::move(item));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

}  // namespace

ModelCard ModelCard::read(const std::string& folder) {
  const std::string path = folder + "/README.md";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error) || std::filesystem::file_size(path, error) == 0) return {};
  const MappedFile file = MappedFile::open(path);
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  return parse(to_valid_utf8(text.substr(0, kMostBytes)));
}

ModelCard ModelCard::parse(std::string_view text) {
  ModelCard card;
  if (next_line(text) != "---") return card;
  std::vector<std::string>* list = nullptr;  // of the key whose items come now
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line == "---") return card;
    const std::string_view inner = trimmed(line);
    if (inner.empty() || inner.front() == '#') continue;
    if (inner.starts_with("- ")) {
      const std::string_view item = trimmed(inner.substr(2));
      if (list != nullptr && !item.empty() && !is_mapping(item)) list->push_back(plain(item));
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') {  // inside something nested
      list = nullptr;
      continue;
    }
    const size_t colon = line.find(':');
    list = nullptr;
    if (colon == std::string_view::npos) continue;
    const std::string_view value = trimmed(line.substr(colon + 1));
    std::vector<std::string>& values = card.values_[std::string(trimmed(line.substr(0, colon)))];
    values.clear();
    if (value.empty()) {
      list = &values;
    } else if (value.front() == '[') {
      add_flow_list(value, values);
    } else if (value.front() != '{' && value.front() != '|' && value.front() != '>') {
      values.push_back(plain(value));
    }
  }
  return {};  // front matter without an end is none
}

std::vector<std::string> ModelCard::texts(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

std::string ModelCard::text(std::string_view keys) const {
  while (!keys.empty()) {
    const size_t end = std::min(keys.find('|'), keys.size());
    if (const auto values = texts(keys.substr(0, end)); values.size() == 1 && !values[0].empty()) return values[0];
    keys.remove_prefix(std::min(end + 1, keys.size()));
  }
  return {};
}

}  // namespace thimble
