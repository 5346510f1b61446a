// Structure as in CommonMark 0.31 and GitHub's tables (GFM 0.29, 4.10).
#include <algorithm>
#include <cctype>

#include "knowledge/readers.h"

namespace thimble {
namespace {

size_t indent_of(std::string_view line) {
  size_t columns = 0;
  for (const char c : line) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns += 4 - columns % 4;
    } else {
      break;
    }
  }
  return columns;
}

constexpr size_t kLongestLink = 400;  // bytes

// Emphasis, code marks and links taken off; a backslash keeps what it protects.
std::string without_marks(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && std::ispunct(static_cast<unsigned char>(text[i + 1])) != 0) {
      out += text[++i];
      continue;
    }
    if (c == '*' || c == '`') continue;
    // Underscores mark emphasis at a word's edges only.
    if (c == '_' && (i == 0 || i + 1 == text.size() || text[i - 1] == ' ' || text[i + 1] == ' ')) continue;
    if (c == '!' && i + 1 < text.size() && text[i + 1] == '[') continue;
    if (c == '[') {
      // A link is looked for so far and no further: a text may be all brackets.
      const std::string_view near = text.substr(i, kLongestLink);
      const size_t end = near.find("](");
      const size_t close = end == std::string_view::npos ? end : near.find(')', end);
      if (close != std::string_view::npos) {
        out += without_marks(near.substr(1, end - 1));
        i += close;
        continue;
      }
    }
    out += c;
  }
  return out;
}

std::vector<std::string> cells_of(std::string_view line) {
  line = trimmed(line);
  if (line.starts_with('|')) line.remove_prefix(1);
  if (line.ends_with('|') && !line.ends_with("\\|")) line.remove_suffix(1);
  std::vector<std::string> cells(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      cells.back() += line[++i];
    } else if (line[i] == '|') {
      cells.emplace_back();
    } else {
      cells.back() += line[i];
    }
  }
  for (std::string& cell : cells) cell = squeezed(without_marks(cell));
  return cells;
}

bool is_table_rule(std::string_view line) {
  return line.find('-') != std::string_view::npos && line.find('|') != std::string_view::npos &&
         line.find_first_not_of("|-: \t") == std::string_view::npos;
}

bool is_rule_of(std::string_view line, char mark) {
  return !line.empty() && line.find_first_not_of(mark) == std::string_view::npos;
}

class MarkdownReader {
 public:
  explicit MarkdownReader(std::string_view text) : lines_(lines_of(text)) {}

  Document read() {
    skip_front_matter();
    for (; at_ < lines_.size(); ++at_) read_line(lines_[at_]);
    flush();
    return std::move(out_.document);
  }

 private:
  void skip_front_matter() {
    if (lines_.empty() || lines_[0].text != "---") return;
    const auto end = std::ranges::find(lines_.begin() + 1, lines_.end(), "---", &TextLine::text);
    if (end != lines_.end()) at_ = static_cast<size_t>(end - lines_.begin()) + 1;
  }

  void read_line(const TextLine& line) {
    std::string_view text = trimmed(line.text);
    while (text.starts_with('>')) text = trimmed(text.substr(1));
    if (text.starts_with("```") || text.starts_with("~~~")) return read_fence(text.substr(0, 3));
    if (text.empty()) return flush();
    if (read_heading(text, line.number) || read_table(text) || read_underline(text)) return;
    if (text.starts_with("<!--") || text.find_first_not_of("-*_ ") == std::string_view::npos) return flush();
    if (const size_t mark = item_mark(text); mark != 0) {
      flush();
      is_item_ = true;
    } else if (is_item_ && words_.empty() && indent_of(line.text) == 0) {
      is_item_ = false;  // an empty line, then text at the margin: the list is over
    }
    if (words_.empty()) first_ = line.number;
    words_ += words_.empty() ? "" : " ";
    words_ += text;
    last_ = line.number;
  }

  bool read_heading(std::string_view text, uint32_t number) {
    const size_t level = text.find_first_not_of('#');
    if (level == 0 || level > 6 || level == std::string_view::npos || (text[level] != ' ' && text[level] != '\t'))
      return false;
    flush();
    text = trimmed(text.substr(level));
    const size_t last = text.find_last_not_of('#');  // a closing run of # is no part of it
    if (last != std::string_view::npos && text[last] == ' ') text = text.substr(0, last);
    is_item_ = false;
    out_.heading(level, without_marks(text), number);
    return true;
  }

  bool read_underline(std::string_view text) {
    const bool is_first = is_rule_of(text, '=');
    if (words_.empty() || is_item_ || (!is_first && !is_rule_of(text, '-'))) return false;
    out_.heading(is_first ? 1 : 2, without_marks(words_), first_);
    words_.clear();
    return true;
  }

  void read_fence(std::string_view fence) {
    flush();
    out_.close();
    while (++at_ < lines_.size() && !trimmed(lines_[at_].text).starts_with(fence)) {
      out_.code(lines_[at_].text, lines_[at_].number);
    }
    out_.close();
  }

  bool read_table(std::string_view text) {
    if (text.find('|') == std::string_view::npos || at_ + 1 >= lines_.size()) return false;
    if (!is_table_rule(trimmed(lines_[at_ + 1].text))) return false;
    flush();
    out_.table(join_cells(cells_of(text)));
    for (at_ += 2; at_ < lines_.size(); ++at_) {
      const TextLine& row = lines_[at_];
      if (row.text.find('|') == std::string_view::npos) break;
      out_.row(join_cells(cells_of(row.text)), row.number, row.number);
    }
    --at_;  // read_line's caller goes on from there
    out_.close();
    return true;
  }

  void flush() {
    out_.text(is_item_, without_marks(words_), first_, last_);
    words_.clear();
  }

  std::vector<TextLine> lines_;
  size_t at_ = 0;
  DocumentBuilder out_;
  std::string words_;  // of the paragraph or item that is being read
  bool is_item_ = false;
  uint32_t first_ = 1, last_ = 1;
};

}  // namespace

Document read_markdown(std::string_view text) { return MarkdownReader(text).read(); }

}  // namespace thimble
