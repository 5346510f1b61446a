#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "knowledge/pdf_lines.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

constexpr double kHeadingSize = 1.12;  // of the body's font
constexpr size_t kLongestHeading = 120;
constexpr double kParagraphGap = 0.9;  // of the font's size, between a line's bottom and the next one's top
constexpr double kRowGap = 0.7;        // between the lines of one row
constexpr double kColumnSlack = 6;     // points that a cell may stand left of its column

// The size that most characters have.
double body_size(const std::vector<PdfLine>& lines) {
  std::map<long, size_t> characters;
  for (const PdfLine& line : lines) characters[std::lround(line.font_size * 2)] += line.text().size();
  const auto most = std::ranges::max_element(characters, {}, [](const auto& entry) { return entry.second; });
  return static_cast<double>(most->first) / 2;
}

class PdfReader {
 public:
  explicit PdfReader(std::vector<PdfLine> lines) : lines_(std::move(lines)), body_(body_size(lines_)) {
    for (const PdfLine& line : lines_) {
      if (is_large(line)) sizes_.push_back(std::lround(line.font_size * 2));
    }
    std::ranges::sort(sizes_, std::greater());
    sizes_.erase(std::unique(sizes_.begin(), sizes_.end()), sizes_.end());  // clang 14 has no ranges::unique
    out_.document.has_pages = true;
  }

  Document read() {
    for (size_t i = 0; i < lines_.size(); ++i) {
      const PdfLine& line = lines_[i];
      gap_ = i == 0 || line.page != lines_[i - 1].page ? std::nullopt : std::optional(line.top - lines_[i - 1].bottom);
      if (is_heading(line)) {
        finish();
        std::string text = line.text();
        while (i + 1 < lines_.size() && continues_heading(lines_[i], lines_[i + 1])) text += " " + lines_[++i].text();
        out_.heading(level_of(line), text, line.page);
      } else if (!read_row(line)) {
        read_text(line);
      }
    }
    finish();
    return std::move(out_.document);
  }

 private:
  bool is_large(const PdfLine& line) const { return line.font_size > body_ * kHeadingSize; }

  bool is_heading(const PdfLine& line) const {
    const std::string text = line.text();
    if (line.cells.size() > 1 || text.size() > kLongestHeading) return false;
    return is_large(line) || (line.is_bold && numbered_depth(text) > 0);
  }

  bool continues_heading(const PdfLine& line, const PdfLine& next) const {
    return is_heading(next) && numbered_depth(next.text()) == 0 && next.page == line.page &&
           std::abs(next.font_size - line.font_size) < 0.5 && next.top - line.bottom < line.font_size * kRowGap;
  }

  // Under the title, which is the largest, by number; else by size.
  size_t level_of(const PdfLine& line) const {
    if (const size_t depth = numbered_depth(line.text()); depth > 0) return depth + 1;
    const auto rank = std::ranges::find(sizes_, std::lround(line.font_size * 2)) - sizes_.begin();
    return static_cast<size_t>(rank) + 1;
  }

  bool is_list_item(const PdfLine& line) const { return item_mark(line.text()) != 0; }

  // A row has several cells, or goes on where a cell of the row before it began.
  bool read_row(const PdfLine& line) {
    const bool is_row = line.cells.size() > 1 && !is_list_item(line);
    if (columns_.empty()) {
      if (!is_row) return false;
      finish();
      for (const PdfCell& cell : line.cells) columns_.push_back(cell.left);
      out_.table(join_cells(place(line)));
      row_.clear();
      return true;
    }
    const bool is_near = !gap_ || *gap_ < line.font_size * kRowGap;
    if (!is_row &&
        (line.cells[0].left < columns_[0] + kColumnSlack || !is_near || column_of(line.cells[0].left) == 0)) {
      return false;
    }
    std::vector<std::string> cells = place(line);
    if (cells[0].empty() && is_near && !row_.empty()) {
      for (size_t i = 0; i < cells.size(); ++i) row_[i] += (row_[i].empty() || cells[i].empty() ? "" : " ") + cells[i];
    } else {
      flush_row();
      const bool is_header = join_cells(cells) == out_.document.blocks.back().header;  // again, on the next page
      if (!is_header) row_ = std::move(cells);
      first_ = line.page;
    }
    last_ = line.page;
    return true;
  }

  size_t column_of(double left) const {
    size_t column = 0;
    for (size_t i = 0; i < columns_.size(); ++i) column = left + kColumnSlack >= columns_[i] ? i : column;
    return column;
  }

  std::vector<std::string> place(const PdfLine& line) const {
    std::vector<std::string> cells(columns_.size());
    for (const PdfCell& cell : line.cells) {
      std::string& place = cells[column_of(cell.left)];
      place += (place.empty() ? "" : " ") + cell.text;
    }
    return cells;
  }

  void read_text(const PdfLine& line) {
    flush_row();
    columns_.clear();
    const std::string text = line.text();
    const bool is_item = is_list_item(line);
    const bool is_far = gap_ && *gap_ > line.font_size * kParagraphGap;
    const bool is_outdented = is_item_ && line.cells[0].left < left_ - kColumnSlack / 2;
    if (is_item || is_far || is_outdented) flush_text();
    if (words_.empty()) {
      is_item_ = is_item;
      left_ = line.cells[0].left;
      first_ = line.page;
    }
    words_ += (words_.empty() ? "" : " ") + text;
    last_ = line.page;
  }

  void flush_row() {
    if (!row_.empty()) out_.row(join_cells(row_), first_, last_);
    row_.clear();
  }

  void flush_text() {
    out_.text(is_item_, words_, first_, last_);
    words_.clear();
    is_item_ = false;
  }

  void finish() {
    flush_row();
    columns_.clear();
    flush_text();
  }

  std::vector<PdfLine> lines_;
  double body_;
  std::vector<long> sizes_;  // of headings, in half points, the largest first
  DocumentBuilder out_;
  std::vector<double> columns_;   // of the table that is being read
  std::vector<std::string> row_;  // the last one, which may go on
  std::string words_;             // of the paragraph or item that is being read
  bool is_item_ = false;
  double left_ = 0;
  std::optional<double> gap_;  // to the line before, on the same page
  uint32_t first_ = 1, last_ = 1;
};

}  // namespace

Document read_pdf(std::string_view bytes, size_t most_pages) {
  return PdfReader(read_pdf_lines(bytes, most_pages)).read();
}

}  // namespace thimble
