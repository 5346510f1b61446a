#include "text/jinja_strings.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/jinja_fault.h"
#include "text/jinja_python.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

// The last character of non-empty text.
std::string_view last_character(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
  return text.substr(begin);
}

std::string_view strip_characters(Runtime& runtime, std::string_view text, std::string_view characters, Ends ends) {
  const auto has = [&](std::string_view c) {
    runtime.scan(characters.size());
    return characters.find(c) != std::string_view::npos;
  };
  while (ends != Ends::right && !text.empty()) {
    const std::string_view first = text.substr(0, decode_utf8(text, 0).length);
    if (!has(first)) break;
    text.remove_prefix(first.size());
  }
  while (ends != Ends::left && !text.empty()) {
    const std::string_view last = last_character(text);
    if (!has(last)) break;
    text.remove_suffix(last.size());
  }
  return text;
}

}  // namespace

std::string_view strip(Runtime& runtime, std::string_view text, const Value* characters, Ends ends) {
  runtime.scan(text.size());
  if (characters != nullptr) {
    reject_undefined(*characters);
    if (!characters->is_string()) fault("strip needs text, found '{}'", type_name(*characters));
    return strip_characters(runtime, text, characters->text(), ends);
  }
  if (ends != Ends::right) text.remove_prefix(leading_space(text));
  if (ends != Ends::left) text.remove_suffix(trailing_space(text));
  return text;
}

std::string replace(Runtime& runtime, std::string_view text, std::string_view from, std::string_view to,
                    int64_t count) {
  std::string out;
  size_t at = 0;
  runtime.scan(text.size());
  for (int64_t left = count; left != 0; --left) {
    const size_t next = text.find(from, at);
    if (next == std::string_view::npos) break;
    runtime.append(out, text.substr(at, next - at));
    runtime.append(out, to);
    at = next + from.size();
    if (!from.empty()) continue;
    // Empty text is found between all characters and at both ends.
    if (at == text.size()) return out;
    const size_t length = decode_utf8(text, at).length;
    runtime.append(out, text.substr(at, length));
    at += length;
  }
  runtime.append(out, text.substr(at));
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t most, bool from_end) {
  std::vector<std::string_view> out;
  for (; most != 0; --most) {
    const size_t at = from_end ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    const size_t behind = at + separator.size();
    out.push_back(from_end ? text.substr(behind) : text.substr(0, at));
    text = from_end ? text.substr(0, at) : text.substr(behind);
  }
  out.push_back(text);
  if (from_end) std::ranges::reverse(out);
  return out;
}

std::vector<std::string_view> split_space(std::string_view text, int64_t most, bool from_end) {
  std::vector<std::string_view> out;
  const auto trim = [&] {
    if (from_end) {
      text.remove_suffix(trailing_space(text));
    } else {
      text.remove_prefix(leading_space(text));
    }
  };
  const auto word = [&] {
    size_t length = 0;
    while (length < text.size()) {
      const std::string_view rest = from_end ? text.substr(0, text.size() - length) : text.substr(length);
      const std::string_view c = from_end ? last_character(rest) : rest.substr(0, decode_utf8(rest, 0).length);
      if (is_space(decode_utf8(c, 0).value)) break;
      length += c.size();
    }
    return length;
  };
  for (trim(); !text.empty() && most != 0; --most, trim()) {
    const size_t length = word();
    out.push_back(from_end ? text.substr(text.size() - length) : text.substr(0, length));
    text = from_end ? text.substr(0, text.size() - length) : text.substr(length);
  }
  if (!text.empty()) out.push_back(text);  // with the white space at its far end, as in Python
  if (from_end) std::ranges::reverse(out);
  return out;
}

std::string pad(Runtime& runtime, std::string_view text, int64_t width, std::string_view fill, Alignment alignment) {
  const int64_t size = static_cast<int64_t>(count_code_points(text));
  const int64_t missing = std::max<int64_t>(width, size) - size;
  const int64_t limit = static_cast<int64_t>(runtime.limits().value_bytes / fill.size());
  if (missing > limit) runtime.charge(runtime.limits().value_bytes + 1);
  // Python gives the odd one to the left where the width is odd too.
  const int64_t centered = missing / 2 + (missing & width & 1);
  const int64_t left = alignment == Alignment::left ? 0 : alignment == Alignment::right ? missing : centered;
  std::string out;
  for (int64_t i = 0; i < left; ++i) runtime.append(out, fill);
  runtime.append(out, text);
  for (int64_t i = left; i < missing; ++i) runtime.append(out, fill);
  return out;
}

}  // namespace thimble::jinja
