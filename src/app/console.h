// Where a verb's output goes: results to stdout, everything else to stderr.
#pragma once

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace thimble {

// The reader of stdout has gone away: the program ends without a word.
struct BrokenPipe {};

class Console {
 public:
  Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Buffered; throws Error(failed) where stdout cannot be written, BrokenPipe where nobody reads it.
  void print(std::string_view text);
  void flush();
  // Text that a model made, shown at once. Control characters never reach a terminal; elsewhere the bytes stay as they
  // are.
  void print_model_text(std::string_view text);
  void print_json(const nlohmann::ordered_json& value);  // indented; what is no UTF-8 in it is replaced

  // One line on stderr, with "thimble: " in front.
  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) const {
    write_note(fmt::format(text, std::forward<Args>(args)...));
  }
  // As it is, on stderr.
  void write_error(std::string_view text) const;

  bool out_is_terminal() const { return out_is_terminal_; }
  bool error_is_terminal() const { return error_is_terminal_; }
  bool has_color() const { return has_color_; }  // on stderr: a terminal, and NO_COLOR is not set

 private:
  void write_note(const std::string& text) const;

  std::string buffer_;
  bool out_is_terminal_;
  bool error_is_terminal_;
  bool has_color_;
};

// Control characters but line feed and tab replaced by U+FFFD, so that the text cannot steer a terminal.
std::string without_controls(std::string_view text);

}  // namespace thimble
