#include "knowledge/readers.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace thimble {
namespace {

struct Format {
  std::string_view ending;
  Document (*read)(std::string_view text);
};

constexpr Format kFormats[] = {{"md", read_markdown}, {"markdown", read_markdown}, {"html", read_html},
                               {"htm", read_html},    {"xhtml", read_html},        {"csv", read_csv},
                               {"tsv", read_csv},     {"log", read_log},           {"txt", read_plain_text}};

constexpr size_t kSniffedBytes = 8 << 10;

std::string ending_of(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos || name.find('/', dot) != std::string::npos) return {};
  std::string ending = name.substr(dot + 1);
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending;
}

bool is_known(std::string_view ending) {
  return std::ranges::find(kFormats, ending, &Format::ending) != std::end(kFormats);
}

// Control characters that no text has.
bool looks_binary(std::string_view bytes) {
  const std::string_view head = bytes.substr(0, kSniffedBytes);
  const auto is_odd = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte != 0x1b);
  };
  const auto odd = static_cast<size_t>(std::ranges::count_if(head, is_odd));
  return head.find('\0') != std::string_view::npos || odd * 50 > head.size();
}

}  // namespace

Document read_document(const std::string& name, std::string_view bytes, const ReadLimits& limits) {
  if (bytes.size() > limits.most_bytes) {
    throw Unreadable(fmt::format("longer than {} MB", limits.most_bytes >> 20));
  }
  const std::string ending = ending_of(name);
  if (bytes.substr(0, 1024).find("%PDF-") != std::string_view::npos) return read_pdf(bytes, limits.most_pages);
  if (ending == "pdf") throw Unreadable(bytes.empty() ? "empty" : "no PDF, whatever its name says");
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff")) throw Unreadable("UTF-16; UTF-8 is expected");
  if (looks_binary(bytes)) throw Unreadable("binary", !is_known(ending));
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  if (trimmed(bytes).empty()) throw Unreadable("empty");
  const auto* const format = std::ranges::find(kFormats, std::string_view(ending), &Format::ending);
  const auto read = format == std::end(kFormats) ? read_plain_text : format->read;
  return is_valid_utf8(bytes) ? read(bytes) : read(to_valid_utf8(bytes));
}

}  // namespace thimble
