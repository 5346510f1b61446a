// Lines of a file or of standard input, each as soon as it has come in whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace thimble {

struct InputLine {
  size_t number = 0;   // from 1
  std::string text;    // without its line feed; of a line that is too long, the beginning
  uint64_t bytes = 0;  // of the whole line
  bool is_too_long() const { return bytes > text.size(); }
};

class LineReader {
 public:
  // "-" is standard input. No more than `most_bytes` of a line are kept. Throws Error(bad_file) where the file cannot be opened.
  LineReader(const std::string& path, size_t most_bytes);

  // nullopt at the end. Throws Error(failed) where reading fails, Error(interrupted).
  std::optional<InputLine> next();

 private:
  bool fill();  // false at the end

  bool is_input_;
  size_t most_bytes_;
  std::string buffer_;
  size_t at_ = 0;  // what has been given out
  size_t number_ = 0;
};

}  // namespace thimble
