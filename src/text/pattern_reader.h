// What the readers of GBNF and of regular expressions have in common: a text read character by character, and errors that say
// where in it they are.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"

namespace thimble {

class PatternReader {
 public:
  // `what` is named in messages, before the place. Throws Error(usage) for what is no UTF-8 or too long.
  PatternReader(std::string_view text, std::string_view what);

  size_t at() const { return at_; }
  void go_to(size_t at) { at_ = at; }
  bool at_end() const { return at_ == text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool skip(std::string_view expected);
  uint32_t take_code_point();  // not at the end

  // Exactly this many hexadecimal digits.
  uint32_t hexadecimal(size_t digits);
  // A bound of a repetition; nothing where there is no digit.
  std::optional<uint32_t> bound();
  // {m}, {m,}, {m,n}, {,n}: after the opening brace. Throws for bounds in the wrong order or beyond the limit.
  struct Bounds {
    uint32_t least;
    uint32_t most;
  };
  Bounds bounds();

  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
    refuse_at(at_, fmt::format(text, std::forward<Args>(args)...));
  }
  [[noreturn]] void refuse_at(size_t offset, const std::string& message) const;
  std::string found() const;  // what comes next, for messages

 private:
  std::string_view text_;
  std::string_view what_;
  size_t at_ = 0;
};

}  // namespace thimble
