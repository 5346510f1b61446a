#include "app/line_reader.h"

#include <algorithm>

#include "app/text_input.h"

namespace thimble {

LineReader::LineReader(const std::string& path, size_t most_bytes)
    : is_input_(path == "-"), most_bytes_(most_bytes), buffer_(is_input_ ? std::string() : read_file(path)) {}

bool LineReader::fill() {
  if (!is_input_) return false;
  buffer_ = read_input_block();
  at_ = 0;
  return !buffer_.empty();
}

std::optional<InputLine> LineReader::next() {
  if (at_ == buffer_.size() && !fill()) return std::nullopt;
  InputLine line{.number = ++number_};
  for (;;) {
    const size_t end = std::min(buffer_.find('\n', at_), buffer_.size());
    line.text.append(buffer_, at_, std::min(end - at_, most_bytes_ - line.text.size()));
    line.bytes += end - at_;
    const bool is_whole = end < buffer_.size();
    at_ = end + (is_whole ? 1 : 0);
    if (is_whole || !fill()) break;
  }
  if (!line.is_too_long() && line.text.ends_with('\r')) {
    line.text.pop_back();
    --line.bytes;
  }
  return line;
}

}  // namespace thimble
