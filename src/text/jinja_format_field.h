// What both ways of filling text share: format specifications and the fields they lay out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/jinja_fault.h"
#include "text/jinja_runtime.h"

namespace thimble::jinja {

constexpr int64_t kMaxPrecision = 1000;

// [[fill]align][sign][#][0][width][,|_][.precision][type], and what a % directive has of it.
struct Specification {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false;
  int64_t width = 0;
  char grouping = '\0';
  std::optional<int64_t> precision{};
  char type = '\0';
};

// Reads a format string from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  char take() {
    if (done()) fault("a format ends too early");
    return text_[at_++];
  }
  bool skip(char c) {
    if (peek() != c || done()) return false;
    ++at_;
    return true;
  }
  std::string_view rest() const { return text_.substr(at_); }
  void advance(size_t count) { at_ += count; }
  std::string_view until(std::string_view marks) {
    const size_t length = std::min(rest().find_first_of(marks), rest().size());
    const std::string_view piece = rest().substr(0, length);
    at_ += length;
    return piece;
  }
  std::optional<int64_t> number() {
    if (peek() < '0' || peek() > '9') return std::nullopt;
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + (take() - '0');
      if (value > (int64_t{1} << 40)) fault("a width or precision is too large");
    }
    return value;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// Each is filled up to the width; a sign, prefix, precision and grouping are applied first.
std::string integer_field(Runtime& runtime, int64_t value, const Specification& spec);
std::string real_field(Runtime& runtime, double value, const Specification& spec);
// `fallback` is the alignment where the specification has none.
std::string text_field(Runtime& runtime, std::string_view text, const Specification& spec, char fallback);
// A code point as text.
std::string character(int64_t code);
// Throws Fault for a precision that no number needs.
void check_precision(const Specification& spec);

}  // namespace thimble::jinja
