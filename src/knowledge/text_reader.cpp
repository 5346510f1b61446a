#include <algorithm>

#include "knowledge/readers.h"

namespace thimble {
namespace {

constexpr size_t kLongestHeading = 100;  // bytes

bool is_underline(std::string_view line) {
  return line.size() >= 3 && (line.find_first_not_of('=') == std::string_view::npos ||
                              line.find_first_not_of('-') == std::string_view::npos);
}

class PlainTextReader {
 public:
  explicit PlainTextReader(std::string_view text) : lines_(lines_of(text)) {}

  Document read() {
    for (size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view text = trimmed(lines_[i].text);
      if (text.empty()) {
        flush();
      } else if (const size_t level = heading_level(i); level != 0) {
        flush();
        out_.heading(level, text, lines_[i].number);
        if (i + 1 < lines_.size() && is_underline(trimmed(lines_[i + 1].text))) ++i;
      } else {
        add(text, lines_[i].number);
      }
    }
    flush();
    return std::move(out_.document);
  }

 private:
  bool is_empty(size_t i) const { return i >= lines_.size() || trimmed(lines_[i].text).empty(); }

  // Alone between empty lines and numbered, or underlined.
  size_t heading_level(size_t i) const {
    const std::string_view text = trimmed(lines_[i].text);
    if (text.size() > kLongestHeading || (i > 0 && !is_empty(i - 1))) return 0;
    if (i + 1 < lines_.size()) {
      const std::string_view next = trimmed(lines_[i + 1].text);
      if (is_underline(next) && !is_underline(text)) return next[0] == '=' ? 1 : 2;
    }
    const char end = text.back();
    return is_empty(i + 1) && end != '.' && end != ',' && end != ';' ? numbered_depth(text) : 0;
  }

  void add(std::string_view text, uint32_t number) {
    if (item_mark(text) != 0) {
      flush();
      is_item_ = true;
    }
    if (words_.empty()) first_ = number;
    words_ += words_.empty() ? "" : " ";
    words_ += text;
    last_ = number;
  }

  void flush() {
    out_.text(is_item_, words_, first_, last_);
    words_.clear();
    is_item_ = false;
  }

  std::vector<TextLine> lines_;
  DocumentBuilder out_;
  std::string words_;
  bool is_item_ = false;
  uint32_t first_ = 1, last_ = 1;
};

}  // namespace

Document read_plain_text(std::string_view text) { return PlainTextReader(text).read(); }

Document read_log(std::string_view text) {
  DocumentBuilder out;
  for (const TextLine& line : lines_of(text)) {
    if (!trimmed(line.text).empty()) out.code(squeezed(line.text), line.number);
  }
  return std::move(out.document);
}

}  // namespace thimble
