#include "knowledge/document.h"

#include <algorithm>
#include <cctype>

#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_digit;
using ascii::is_upper;

bool is_blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }

constexpr size_t kLongestNumber = 4;  // digits of a heading's or an item's number

size_t digits_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

}  // namespace

std::string squeezed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    // A no-break space is one of the same.
    const bool is_no_break = text[i] == '\xc2' && i + 1 < text.size() && text[i + 1] == '\xa0';
    if (!is_blank(text[i]) && !is_no_break) {
      out += text[i];
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
    i += is_no_break ? 1 : 0;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string join_cells(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) line += (line.empty() && &cell == cells.data() ? "" : " | ") + cell;
  return line;
}

size_t numbered_depth(std::string_view line) {
  size_t depth = 0, at = 0;
  for (;; ++at) {
    const size_t digits = digits_at(line, at);
    const bool is_letter = depth == 0 && digits == 0 && line.size() > 1 && is_upper(line[0]) && line[1] == '.';
    if (digits > kLongestNumber || (digits == 0 && !is_letter)) break;
    at += is_letter ? 1 : digits;
    ++depth;
    if (at >= line.size() || line[at] != '.') break;
  }
  if (depth == 0 || at >= line.size() || line[at] != ' ') return 0;
  const std::string_view rest = trimmed(line.substr(at));
  // A heading's words begin with a capital or are in another script; "5 bar of pressure" is no heading.
  return rest.empty() || (!is_upper(rest[0]) && static_cast<unsigned char>(rest[0]) < 0x80) ? 0 : depth;
}

size_t item_mark(std::string_view line) {
  size_t at = 0;
  if (line.starts_with("\xe2\x80\xa2") || line.starts_with("\xe2\x80\x93")) {  // bullet, en dash
    at = 3;
  } else if (!line.empty() && (line[0] == '-' || line[0] == '*' || line[0] == '+')) {
    at = 1;
  } else {
    const size_t digits = digits_at(line, 0);
    if (digits == 0 || digits > kLongestNumber || digits >= line.size() ||
        (line[digits] != '.' && line[digits] != ')')) {
      return 0;
    }
    at = digits + 1;
  }
  const size_t mark = at;
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  return at == mark ? 0 : at;
}

std::vector<std::string> sentences_of(std::string_view line) {
  std::vector<std::string> sentences;
  size_t begin = 0;
  const auto add = [&](size_t end) {
    const std::string_view sentence = trimmed(line.substr(begin, end - begin));
    if (!sentence.empty()) sentences.emplace_back(sentence);
  };
  for (size_t i = 1; i + 1 < line.size(); ++i) {
    const bool is_end = (line[i - 1] == '.' || line[i - 1] == ';') && line[i] == ' ' && is_upper(line[i + 1]);
    if (!is_end || item_mark(line.substr(begin)) == i + 1 - begin) continue;
    add(i);
    begin = i + 1;
  }
  add(line.size());
  return sentences;
}

std::vector<TextLine> lines_of(std::string_view text) {
  std::vector<TextLine> lines;
  uint32_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back({line, ++number});
    at = end + 1;
  }
  return lines;
}

void DocumentBuilder::heading(size_t level, std::string_view text, uint32_t at) {
  std::string words = squeezed(text);
  if (words.empty()) return;
  Block block{BlockKind::heading, static_cast<uint8_t>(std::clamp<size_t>(level, 1, 9)), {}, {}};
  block.pieces.push_back({std::move(words), at, at});
  document.blocks.push_back(std::move(block));
  close();
}

void DocumentBuilder::table(std::string_view header) {
  document.blocks.push_back({BlockKind::table, 0, squeezed(header), {}});
  is_open_ = true;
}

void DocumentBuilder::add(BlockKind kind, std::string_view text, uint32_t first, uint32_t last) {
  std::string words = kind == BlockKind::code ? std::string(text) : squeezed(text);
  if (words.empty() && kind != BlockKind::code) return;
  if (!is_open_ || kind == BlockKind::paragraph || document.blocks.back().kind != kind) {
    document.blocks.push_back({kind, 0, {}, {}});
  }
  document.blocks.back().pieces.push_back({std::move(words), first, last});
  is_open_ = true;
}

}  // namespace thimble
