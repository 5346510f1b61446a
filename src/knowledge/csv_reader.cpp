// RFC 4180, with the delimiters that are met in the wild.
#include <algorithm>
#include <array>
#include <map>

#include "knowledge/readers.h"

namespace thimble {
namespace {

constexpr size_t kSniffedRows = 20;

struct Row {
  std::vector<std::string> cells;
  uint32_t first, last;
};

class CsvRows {
 public:
  CsvRows(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  // False at the end.
  bool next(Row& row) {
    if (at_ >= text_.size()) return false;
    row = {{std::string()}, line_, line_};
    for (bool is_quoted = false; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      std::string& cell = row.cells.back();
      if (c == '\n') row.last = line_++;
      if (is_quoted && c == '"' && at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        cell += text_[++at_];
      } else if (c == '"' && (is_quoted || cell.empty())) {
        is_quoted = !is_quoted;
      } else if (is_quoted) {
        cell += c;
      } else if (c == delimiter_) {
        row.cells.emplace_back();
      } else if (c == '\n') {
        ++at_;
        break;
      } else {
        cell += c;
      }
    }
    row.last = std::max(row.first, row.last);
    for (std::string& cell : row.cells) cell = squeezed(cell);
    return true;
  }

 private:
  std::string_view text_;
  char delimiter_;
  size_t at_ = 0;
  uint32_t line_ = 1;
};

bool is_comment(const Row& row) { return row.cells[0].starts_with('#'); }
bool is_empty(const Row& row) {
  return std::ranges::all_of(row.cells, [](const std::string& cell) { return cell.empty(); });
}

// The number of cells that most of the first rows have in common, times how many have it; one cell is no division.
size_t division(std::string_view text, char delimiter) {
  std::map<size_t, size_t> counts;
  CsvRows rows(text, delimiter);
  Row row;
  for (size_t i = 0; i < kSniffedRows && rows.next(row);) {
    if (is_comment(row) || is_empty(row)) continue;
    ++counts[row.cells.size()];
    ++i;
  }
  size_t best = 0;
  for (const auto& [cells, count] : counts) best = std::max(best, (cells - 1) * count);
  return best;
}

}  // namespace

Document read_csv(std::string_view text) {
  constexpr std::array kDelimiters = {',', ';', '\t', '|'};
  const char delimiter =
      *std::ranges::max_element(kDelimiters, {}, [&](char c) { return division(text.substr(0, 64 << 10), c); });
  DocumentBuilder out;
  CsvRows rows(text, delimiter);
  bool has_header = false;
  for (Row row; rows.next(row);) {
    if (is_empty(row)) continue;
    const std::string line = join_cells(row.cells);
    if (is_comment(row)) {
      out.paragraph(std::string_view(line).substr(1), row.first, row.last);
    } else if (!has_header) {
      out.table(line);
      has_header = true;
    } else {
      out.row(line, row.first, row.last);
    }
  }
  return std::move(out.document);
}

}  // namespace thimble
