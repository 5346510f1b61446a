#include "assist/log_csv.h"

#include <algorithm>

#include "base/ascii.h"

namespace thimble {
namespace {

using ascii::is_letter;
using ascii::without_spaces;

constexpr size_t kMostCells = 256;

// A column's name: short, begins with a letter, no sentence.
bool is_name(std::string_view cell) {
  if (cell.empty() || cell.size() > 32 || !(is_letter(cell[0]) || (cell[0] & 0x80))) return false;
  const auto is_sign = [](char c) { return c == ':' || c == '=' || c == '"' || c == '\'' || c == '!' || c == '?'; };
  return std::ranges::none_of(cell, is_sign) && std::ranges::count(cell, ' ') <= 2;
}

void split_cells(std::string_view line, char delimiter, std::vector<std::string_view>& cells) {
  cells.clear();
  for (size_t at = 0; at <= line.size() && cells.size() <= kMostCells;) {
    size_t end;
    if (at < line.size() && line[at] == '"') {
      const size_t quote = line.find('"', at + 1);
      end = std::min(line.find(delimiter, quote == std::string_view::npos ? at : quote), line.size());
    } else {
      end = std::min(line.find(delimiter, at), line.size());
    }
    std::string_view cell = without_spaces(line.substr(at, end - at));
    if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
    cells.push_back(cell);
    at = end + 1;
  }
}

}  // namespace

void LogCsv::learn(std::string_view line) {
  is_header_ = false;
  if (line.empty() || !(is_letter(line[0]) || line[0] == '"' || line[0] == '#')) return;
  const std::string_view header = line.substr(line[0] == '#' ? 1 : 0);
  std::vector<std::string_view> cells;
  for (const char delimiter : {';', '\t', ','}) {
    if (std::ranges::count(header, delimiter) < 2) continue;
    split_cells(header, delimiter, cells);
    if (cells.size() > kMostCells || !std::ranges::all_of(cells, is_name)) continue;
    std::vector<std::string_view> sorted = cells;
    std::ranges::sort(sorted);
    if (std::ranges::adjacent_find(sorted) != sorted.end()) continue;
    // Words in a sentence are parted by a comma and a space, names in a header hardly ever.
    if (delimiter == ',' && header.find(", ") != std::string_view::npos && header.find('_') == std::string_view::npos) {
      continue;
    }
    names_.assign(cells.begin(), cells.end());
    delimiter_ = delimiter;
    is_header_ = true;
    return;
  }
}

bool LogCsv::split(std::string_view line, std::vector<std::string_view>& cells) const {
  if (names_.empty()) return false;
  split_cells(line, delimiter_, cells);
  // The last cell may hold the delimiter.
  if (cells.size() > names_.size()) {
    std::string_view& last = cells[names_.size() - 1];
    last = {last.data(), static_cast<size_t>(line.data() + line.size() - last.data())};
    cells.resize(names_.size());
  }
  return cells.size() == names_.size();
}

}  // namespace thimble
