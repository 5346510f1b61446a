#include "compress/numbered_lines.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace thimble {

void read_numbered_lines(const std::string& name, std::string_view lines,
                         const std::function<void(std::string_view line, size_t number)>& read) {
  constexpr size_t kLinesNamed = 8;
  std::vector<size_t> broken;
  std::string fault;
  for (size_t number = 1; !lines.empty(); ++number) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    try {
      read(line, number);
    } catch (const Error& error) {
      if (error.code() != ExitCode::bad_file) throw;
      if (broken.empty()) fault = error.what();
      broken.push_back(number);
    }
  }
  if (broken.empty()) return;
  const size_t all = broken.size();
  broken.resize(std::min(all, kLinesNamed));
  fail(ExitCode::bad_file, "{}: {} broken, line {}{}; line {}: {}", printable(name),
       all == 1 ? "a line is" : fmt::format("{} lines are", all), fmt::join(broken, ", "),
       all > kLinesNamed ? " and more" : "", broken[0], fault);
}

}  // namespace thimble
