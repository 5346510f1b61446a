#include "engine/marked_text.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMark = "\xEF\xB7\x90";  // U+FDD0
constexpr std::string_view kEscape = "\\ufdd0";     // the same in ASCII, as JSON and Python write it

// A copy of `value` with every string and key through `change`.
template <class Change>
Json with_strings(const Json& value, Change& change, std::string_view what, size_t depth = 0) {
  if (depth > kMaxJsonDepth) fail(ExitCode::bad_file, "{}: nested deeper than {}", what, kMaxJsonDepth);
  if (value.is_string()) return change(value.get_ref<const std::string&>());
  if (value.is_array()) {
    Json copy = Json::array();
    for (const Json& item : value) copy.push_back(with_strings(item, change, what, depth + 1));
    return copy;
  }
  if (value.is_object()) {
    Json copy = Json::object();
    for (const auto& [key, item] : value.items()) copy[change(key)] = with_strings(item, change, what, depth + 1);
    return copy;
  }
  return value;
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean = to_valid_utf8(text);
  for (size_t at = 0; (at = clean.find(kMark, at)) != std::string::npos;)
    clean.replace(at, kMark.size(), "\xEF\xBF\xBD");
  return clean;
}

Json clean_json(const Json& value, std::string_view what) {
  const auto change = [](const std::string& text) { return clean_text(text); };
  return with_strings(value, change, what);
}

Json Marker::mark(const Json& value) {
  const auto change = [this](const std::string& text) { return mark_text(text); };
  return with_strings(value, change, "a conversation");
}

std::string Marker::mark_text(const std::string& text) {
  spells_escape_ = spells_escape_ || text.find(kEscape) != std::string::npos;
  std::string marked;
  size_t copied = 0;
  for (const size_t at : tokenizer_.control_token_starts(text)) {
    const size_t inside = at + decode_utf8(text, at).length;
    marked.append(text, copied, inside - copied).append(kMark);
    copied = inside;
  }
  return marked.append(text, copied);
}

std::vector<size_t> Marker::take_from(std::string& text) const {
  std::vector<size_t> places;
  std::string clean;
  size_t copied = 0;
  for (;;) {
    const size_t mark = text.find(kMark, copied);
    const size_t escape = spells_escape_ ? std::string::npos : text.find(kEscape, copied);
    const size_t at = std::min(mark, escape);
    if (at == std::string::npos) break;
    clean.append(text, copied, at - copied);
    places.push_back(clean.size());
    copied = at + (at == mark ? kMark.size() : kEscape.size());
  }
  text = clean.append(text, copied);
  return places;
}

}  // namespace thimble
