#include "text/jinja_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/error.h"
#include "base/utf8.h"
#include "text/jinja_fault.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

constexpr std::array<std::string_view, 6> kLongSymbols = {"//", "**", "==", "!=", ">=", "<="};
constexpr std::string_view kShortSymbols = "+-/*%~[](){}><=.:|,;";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) text();
    add(TokenType::end, at_, "");
    return std::move(tokens_);
  }

 private:
  char peek(size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  void add(TokenType type, size_t offset, std::string text) { tokens_.push_back({type, offset, std::move(text)}); }
  void skip_space() { at_ += leading_space(source_.substr(at_)); }
  bool skip(std::string_view what) {
    if (!source_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  char skip_sign() {
    const char sign = peek();
    if (sign != '-' && sign != '+') return '\0';
    ++at_;
    return sign;
  }

  // Closes a tag: `-` eats the white space behind it, a plain end of a block or comment one line break, `+` nothing.
  bool close_tag(std::string_view mark, bool trim) {
    const std::string_view rest = source_.substr(at_);
    if (rest.starts_with('-') && rest.substr(1).starts_with(mark)) {
      at_ += 1 + mark.size();
      skip_space();
    } else if (trim && rest.starts_with('+') && rest.substr(1).starts_with(mark)) {
      at_ += 1 + mark.size();
    } else if (rest.starts_with(mark)) {
      at_ += mark.size();
      if (trim) skip("\n");
    } else {
      return false;
    }
    line_starts_ = source_[at_ - 1] == '\n';
    return true;
  }

  // Text before a tag, with what the tag's sign or its indentation takes away.
  void add_data(size_t offset, std::string_view data, char sign, bool strip_indent) {
    if (sign == '-') {
      data.remove_suffix(trailing_space(data));
    } else if (sign != '+' && strip_indent) {
      const size_t line = data.rfind('\n') + 1;  // npos + 1 is 0
      const bool blank = leading_space(data.substr(line)) == data.size() - line;
      if (blank && (line > 0 || line_starts_)) data = data.substr(0, line);
    }
    if (!data.empty()) add(TokenType::data, offset, std::string(data));
  }

  // The next {{, {% or {#, or npos.
  size_t find_tag() const {
    for (size_t brace = source_.find('{', at_); brace + 1 < source_.size(); brace = source_.find('{', brace + 1)) {
      const char mark = source_[brace + 1];
      if (mark == '{' || mark == '%' || mark == '#') return brace;
      if (brace == std::string_view::npos) break;
    }
    return std::string_view::npos;
  }

  void text() {
    const size_t begin = at_;
    const size_t tag = find_tag();
    if (tag == std::string_view::npos) {
      add(TokenType::data, begin, std::string(source_.substr(begin)));
      at_ = source_.size();
      return;
    }
    const char mark = source_[tag + 1];
    at_ = tag + 2;
    const char sign = skip_sign();
    add_data(begin, source_.substr(begin, tag - begin), sign, mark != '{');
    if (mark == '#') {
      comment(tag);
    } else if (mark == '{') {
      add(TokenType::variable_begin, tag, "{{");
      inside(tag, "}}", TokenType::variable_end);
    } else if (!raw(tag)) {
      add(TokenType::block_begin, tag, "{%");
      inside(tag, "%}", TokenType::block_end);
    }
  }

  void comment(size_t tag) {
    for (; at_ < source_.size(); ++at_) {
      if (close_tag("#}", true)) return;
    }
    fault_at(tag, "the comment that starts here is never closed, expected '#}}'");
  }

  // {% raw %} up to {% endraw %} is text; anything else than a raw tag leaves the position as it was.
  bool raw(size_t tag) {
    const size_t begin = at_;
    skip_space();
    if (skip("raw")) {
      skip_space();
      if (close_tag("%}", false)) {
        raw_text(tag);
        return true;
      }
    }
    at_ = begin;
    return false;
  }

  void raw_text(size_t tag) {
    const size_t begin = at_;
    const bool line_starts = line_starts_;
    for (size_t end = source_.find("{%", at_); end != std::string_view::npos; end = source_.find("{%", end + 1)) {
      at_ = end + 2;
      const char sign = skip_sign();
      skip_space();
      if (!skip("endraw")) continue;
      skip_space();
      if (!close_tag("%}", true)) continue;
      const bool line_starts_after = std::exchange(line_starts_, line_starts);
      add_data(begin, source_.substr(begin, end - begin), sign, true);
      line_starts_ = line_starts_after;
      return;
    }
    fault_at(tag, "the raw block that starts here is never closed, expected '{{% endraw %}}'");
  }

  // The tokens of one tag, up to its closing mark outside of brackets.
  void inside(size_t tag, std::string_view mark, TokenType close) {
    const bool trim = close == TokenType::block_end;
    open_.clear();
    while (at_ < source_.size()) {
      const size_t begin = at_;
      if (open_.empty() && close_tag(mark, trim)) {
        add(close, begin, std::string(mark));
        return;
      }
      skip_space();
      if (at_ > begin || at_ == source_.size()) continue;
      if (is_digit(peek())) {
        number();
      } else if (is_name_byte(peek())) {
        while (is_name_byte(peek())) ++at_;
        add(TokenType::name, begin, std::string(source_.substr(begin, at_ - begin)));
      } else if (peek() == '"' || peek() == '\'') {
        string();
      } else {
        symbol();
      }
    }
    fault_at(tag, "the tag that starts here is never closed, expected '{}'", mark);
  }

  void symbol() {
    const std::string_view rest = source_.substr(at_);
    size_t length = 0;
    if (std::ranges::any_of(kLongSymbols, [&](std::string_view s) { return rest.starts_with(s); })) {
      length = 2;
    } else if (kShortSymbols.find(rest[0]) != std::string_view::npos) {
      length = 1;
    } else {
      fault_at(at_, "unexpected character '{}'", printable(rest.substr(0, decode_utf8(rest, 0).length)));
    }
    const char c = rest[0];
    if (c == '(' || c == '[' || c == '{') {
      open_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_.empty()) fault_at(at_, "unexpected '{}'", c);
      if (open_.back() != c) fault_at(at_, "unexpected '{}', expected '{}'", c, open_.back());
      open_.pop_back();
    }
    add(TokenType::symbol, at_, std::string(rest.substr(0, length)));
    at_ += length;
  }

  // Digits with single underscores between them; how many bytes from `begin`.
  size_t digits(size_t begin, int base) const {
    size_t end = begin;
    while (end < source_.size()) {
      const size_t digit = source_[end] == '_' && end > begin ? end + 1 : end;
      if (digit >= source_.size() || digit_value(source_[digit]) >= base) break;
      end = digit + 1;
    }
    return end - begin;
  }

  // Where the fraction and exponent that make digits up to `whole` a float end, or `whole` for an integer.
  size_t real_end(size_t whole) const {
    size_t end = whole;
    if (end < source_.size() && source_[end] == '.') {
      const size_t fraction = digits(end + 1, 10);
      if (fraction == 0) return whole;
      end += 1 + fraction;
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (const size_t length = digits(exponent, 10); length > 0) end = exponent + length;
    }
    return end;
  }

  void number() {
    const size_t begin = at_;
    const size_t whole = begin + digits(begin, 10);
    // After a dot comes an index (x.0.1), never a float.
    const size_t end = begin > 0 && source_[begin - 1] == '.' ? whole : real_end(whole);
    if (end > whole) {
      add_number(TokenType::real, begin, end, 10);
      return;
    }
    const char kind = static_cast<char>(peek(1) | 0x20);
    const int base = peek() != '0' ? 10 : kind == 'b' ? 2 : kind == 'o' ? 8 : kind == 'x' ? 16 : 10;
    if (base != 10) {
      const size_t first = begin + 2 + (peek(2) == '_' ? 1 : 0);
      if (const size_t length = digits(first, base); length > 0) {
        add_number(TokenType::integer, begin, first + length, base);
        return;
      }
    }
    // As in Python a decimal number does not start with 0; what follows a 0 is the next token.
    size_t stop = whole;
    if (peek() == '0') {
      stop = begin;
      while (stop < whole && (source_[stop] == '0' || source_[stop] == '_')) ++stop;
      if (source_[stop - 1] == '_') --stop;
    }
    add_number(TokenType::integer, begin, stop, 10);
  }

  void add_number(TokenType type, size_t begin, size_t end, int base) {
    std::string text(source_.substr(begin, end - begin));
    std::erase(text, '_');
    add(type, begin, text);
    Token& token = tokens_.back();
    const char* first = text.data() + (base == 10 ? 0 : 2);
    const char* last = text.data() + text.size();
    const auto result = type == TokenType::real ? std::from_chars(first, last, token.real)
                                                : std::from_chars(first, last, token.integer, base);
    if (result.ec != std::errc()) fault_at(begin, "number '{}' does not fit 64 bits", printable(text, 60));
    at_ = end;
  }

  void string() {
    const size_t begin = at_;
    const char quote = source_[at_++];
    std::string text;
    while (at_ < source_.size() && source_[at_] != quote) {
      if (source_[at_] == '\\') {
        escape(text);
      } else {
        text += source_[at_++];
      }
    }
    if (at_ >= source_.size()) fault_at(begin, "the string that starts here is never closed");
    ++at_;
    add(TokenType::string, begin, std::move(text));
  }

  // Python's escapes; what is none of them keeps its backslash.
  void escape(std::string& text) {
    static constexpr std::string_view kLetters = "\\'\"abfnrtv";
    static constexpr std::string_view kMeaning = "\\'\"\a\b\f\n\r\t\v";
    const size_t begin = at_++;
    const char letter = peek();
    if (const size_t known = kLetters.find(letter); letter != '\0' && known != std::string_view::npos) {
      text += kMeaning[known];
      ++at_;
    } else if (letter == '\n') {
      ++at_;
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      ++at_;
      const size_t length = letter == 'x' ? 2 : letter == 'u' ? 4 : 8;
      append_code(text, begin, code_digits(length, 16), length);
    } else if (digit_value(letter) < 8) {
      append_code(text, begin, code_digits(3, 8), 0);
    } else if (letter == 'N') {
      fault_at(begin, "characters by name (\\N) are not supported in strings");
    } else {
      text += '\\';
    }
  }

  struct Code {
    uint32_t value;
    size_t length;
  };
  Code code_digits(size_t most, int base) {
    Code code{0, 0};
    while (code.length < most && digit_value(peek()) < base) {
      code.value = code.value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit_value(peek()));
      ++code.length;
      ++at_;
    }
    return code;
  }
  static void append_code(std::string& text, size_t begin, Code code, size_t expected) {
    const bool surrogate = code.value >= 0xd800 && code.value < 0xe000;
    if (code.length < expected || code.value > 0x10ffff || surrogate)
      fault_at(begin, "malformed character escape in a string");
    append_utf8(text, code.value);
  }

  std::string_view source_;
  size_t at_ = 0;
  bool line_starts_ = true;  // the last token ended a line
  std::string open_;         // closing brackets still expected
  std::vector<Token> tokens_;
};

}  // namespace

std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    out += source[i] == '\r' ? '\n' : source[i];
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace thimble::jinja
