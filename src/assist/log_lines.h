// A stream of bytes cut into the lines of a log, in memory that does not depend on how long lines are.
//
// A line ends with LF or CR LF. Of a longer line than kKeptBytes only the beginning is kept. NULs, other control
// characters and ANSI escape sequences are left out of it; malformed UTF-8 stays as it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thimble {

// Throws Error(bad_file) naming `name` where the first bytes of a file are those of no text: compressed or binary data, UTF-16.
void require_log_text(std::string_view beginning, std::string_view name);
constexpr size_t kLogBeginning = 65536;  // bytes that this looks at

// The bytes that may be in a kept line: no control characters but tab. Appends to `out`.
void append_clean(std::string& out, std::string_view line);
bool is_clean(std::string_view line);

class LogLines {
 public:
  static constexpr size_t kKeptBytes = 4096;

  // sink(std::string_view line, bool is_cut): called for every line that has ended; the text is valid during the call.
  template <class Sink>
  void feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      const size_t end = bytes.find('\n');
      if (end == std::string_view::npos) return keep(bytes);
      const std::string_view part = bytes.substr(0, end);
      bytes.remove_prefix(end + 1);
      if (!has_held_ && part.size() <= kKeptBytes) {
        give(part, false, sink);
      } else {
        keep(part);
        give_held(sink);
      }
    }
  }
  // The last line, where it has no end.
  template <class Sink>
  void finish(Sink&& sink) {
    if (has_held_) give_held(sink);
  }

 private:
  void keep(std::string_view part);

  template <class Sink>
  void give(std::string_view line, bool is_cut, Sink&& sink) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_clean(line)) return sink(line, is_cut);
    cleaned_.clear();
    append_clean(cleaned_, line);
    sink(std::string_view(cleaned_), is_cut);
  }
  template <class Sink>
  void give_held(Sink&& sink) {
    give(held_, is_cut_, sink);
    held_.clear();
    has_held_ = is_cut_ = false;
  }

  std::string held_;  // the beginning of a line that has not ended
  std::string cleaned_;
  bool has_held_ = false;
  bool is_cut_ = false;
};

}  // namespace thimble
