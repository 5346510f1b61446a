// Logs that are tables: a header of names, then rows of as many cells, parted by ; , or tabs. A cell may be quoted (RFC 4180).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thimble {

class LogCsv {
 public:
  // Takes the line for a header where it looks like one: three names or more.
  void learn(std::string_view line);
  bool is_header() const { return is_header_; }  // of the line last given to learn

  // The cells of a row, without quotes; false where the line is no row of the table.
  bool split(std::string_view line, std::vector<std::string_view>& cells) const;
  const std::vector<std::string>& names() const { return names_; }
  bool has_decimal_comma() const { return delimiter_ != ','; }

 private:
  std::vector<std::string> names_;
  char delimiter_ = '\0';
  bool is_header_ = false;
};

}  // namespace thimble
