#include "text/pattern_reader.h"

#include <algorithm>

#include "text/grammar_rules.h"

namespace thimble {

PatternReader::PatternReader(std::string_view text, std::string_view what) : text_(text), what_(what) {
  if (text.size() > GrammarLimits::kSourceBytes) {
    fail(ExitCode::usage, "{}: has {} bytes, at most {} are supported", what, text.size(), GrammarLimits::kSourceBytes);
  }
  if (!is_valid_utf8(text)) fail(ExitCode::usage, "{}: is not valid UTF-8", what);
}

bool PatternReader::skip(std::string_view expected) {
  if (!text_.substr(at_).starts_with(expected)) return false;
  at_ += expected.size();
  return true;
}

uint32_t PatternReader::take_code_point() {
  const CodePoint point = decode_utf8(text_, at_);
  at_ += point.length;
  return point.value;
}

uint32_t PatternReader::hexadecimal(size_t digits) {
  uint32_t value = 0;
  for (size_t i = 0; i < digits; ++i, ++at_) {
    const char c = peek();
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<uint32_t>(c - '0');
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      value = value * 16 + static_cast<uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      refuse("expected {} hexadecimal digits, found {}", digits, found());
    }
  }
  return value;
}

std::optional<uint32_t> PatternReader::bound() {
  if (peek() < '0' || peek() > '9') return std::nullopt;
  const size_t begin = at_;
  uint64_t value = 0;
  for (; peek() >= '0' && peek() <= '9'; ++at_) {
    value = std::min<uint64_t>(value * 10 + static_cast<uint64_t>(peek() - '0'), UINT32_MAX);
  }
  if (value > GrammarLimits::kRepeat) {
    refuse_at(begin, fmt::format("a repetition may have bounds up to {}, found {}", GrammarLimits::kRepeat,
                                 text_.substr(begin, std::min<size_t>(at_ - begin, 20))));
  }
  return static_cast<uint32_t>(value);
}

PatternReader::Bounds PatternReader::bounds() {
  const size_t begin = at_;
  const auto skip_blanks = [this] {
    while (peek() == ' ') ++at_;
  };
  skip_blanks();
  const std::optional<uint32_t> least = bound();
  skip_blanks();
  std::optional<uint32_t> most = least;
  if (skip(",")) {
    skip_blanks();
    most = bound();
    skip_blanks();
    if (!least && !most) refuse("expected a number, found {}", found());
    if (!most) most = GrammarRules::kNoEnd;
  }
  if (!least && !most) refuse("expected a number, found {}", found());
  if (!skip("}")) refuse("expected '}}', found {}", found());
  if (least.value_or(0) > *most) refuse_at(begin, "the bounds of a repetition are in the wrong order");
  return {least.value_or(0), *most};
}

void PatternReader::refuse_at(size_t offset, const std::string& message) const {
  size_t line = 1;
  size_t column = 1;
  for (size_t at = 0; at < offset && at < text_.size(); at += decode_utf8(text_, at).length) {
    ++column;
    if (text_[at] == '\n') {
      ++line;
      column = 1;
    }
  }
  fail(ExitCode::usage, "{}: line {}, column {}: {}", what_, line, column, message);
}

std::string PatternReader::found() const {
  if (at_end()) return "the end";
  return "'" + printable(text_.substr(at_, decode_utf8(text_, at_).length)) + "'";
}

}  // namespace thimble
