#include "assist/ask_evidence.h"

#include <algorithm>
#include <set>

#include "assist/ask_check.h"
#include "knowledge/document.h"

namespace thimble {
namespace {

constexpr double kHeadingPart = 0.5;  // of a word that only the heading has
constexpr double kRankCost = 0.03;    // of each chunk before
constexpr std::string_view kBar = " | ";

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (size_t at = 0;;) {
    const size_t end = line.find(kBar, at);
    cells.emplace_back(trimmed(line.substr(at, end == std::string_view::npos ? end : end - at)));
    if (end == std::string_view::npos) return cells;
    at = end + kBar.size();
  }
}

// Two columns are a name and its value; of more the columns' names tell which is which.
std::string named_cells(const std::vector<std::string>& header, const std::vector<std::string>& cells) {
  std::string line = cells[0] + ":";
  for (size_t i = 1; i < cells.size(); ++i) {
    if (cells[i].empty()) continue;
    line += line.ends_with(':') ? " " : ", ";
    if (cells.size() > 2) line += header[i] + " ";
    line += cells[i];
  }
  return line;
}

double weight_in(const std::vector<QuestionWord>& question, const std::set<std::string>& stems, double part = 1) {
  double weight = 0;
  for (const QuestionWord& word : question) weight += stems.contains(word.stem) ? word.weight * part : 0;
  return weight;
}

}  // namespace

std::vector<std::string> evidence_lines(std::string_view text) {
  std::vector<std::string> out, header;
  for (const TextLine& line : lines_of(text)) {
    if (line.text.find(kBar) == std::string_view::npos) {
      header.clear();
      for (std::string& sentence : sentences_of(line.text)) out.push_back(std::move(sentence));
      continue;
    }
    std::vector<std::string> cells = cells_of(line.text);
    if (header.size() == cells.size()) {
      out.push_back(named_cells(header, cells));
    } else {
      header = std::move(cells);
    }
  }
  return out;
}

Evidence find_evidence(const std::vector<QuestionWord>& question, const std::vector<Retrieved>& retrieved) {
  Evidence evidence;
  double total = 0;
  for (const QuestionWord& word : question) total += word.weight;
  if (total <= 0) return evidence;
  for (size_t i = 0; i < retrieved.size(); ++i) {
    const Chunk& chunk = retrieved[i].stored.chunk;
    evidence.coverage = std::max(evidence.coverage, weight_in(question, word_stems(with_section_path(chunk))) / total);
    const std::set<std::string> heading = word_stems(chunk.section);
    for (std::string& line : evidence_lines(chunk.text)) {
      std::set<std::string> only_heading = heading;
      const std::set<std::string> stems = word_stems(line);
      for (const std::string& stem : stems) only_heading.erase(stem);
      const double weight = weight_in(question, stems) + weight_in(question, only_heading, kHeadingPart);
      if (weight > 0)
        evidence.lines.push_back({i, std::move(line), weight / total - kRankCost * static_cast<double>(i)});
    }
  }
  std::ranges::stable_sort(evidence.lines, std::greater(), &EvidenceLine::score);
  return evidence;
}

}  // namespace thimble
