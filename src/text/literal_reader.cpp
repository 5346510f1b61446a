#include "text/literal_reader.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace thimble {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

void LiteralReader::skip_space() {
  while (!at_end() && is_space(text_[at_])) ++at_;
}

bool LiteralReader::skip(std::string_view expected) {
  const size_t before = at_;
  skip_space();
  if (rest().starts_with(expected)) {
    at_ += expected.size();
    return true;
  }
  at_ = before;
  return false;
}

std::string_view LiteralReader::name() {
  skip_space();
  const size_t begin = at_;
  if (!is_letter(peek())) return {};
  while (is_letter(peek()) || is_digit(peek()) || peek() == '-' || peek() == '.') ++at_;
  return text_.substr(begin, at_ - begin);
}

std::optional<nlohmann::ordered_json> LiteralReader::value() {
  skip_space();
  if (at_end() || ++values_ > kMaxValues) return std::nullopt;
  const char c = peek();
  if (c == '{' || c == '[' || c == '(') return nested_value();
  if (c == '-' || c == '+' || is_digit(c)) return number();
  if (is_letter(c)) return word();
  if (auto text = string()) return Json(std::move(*text));
  return std::nullopt;
}

std::optional<nlohmann::ordered_json> LiteralReader::nested_value() {
  if (depth_ == kMaxDepth) return std::nullopt;
  ++depth_;
  auto result = container(text_[at_++]);
  --depth_;
  return result;
}

std::optional<nlohmann::ordered_json> LiteralReader::container(char open) {
  const bool is_object = open == '{';
  const std::string_view close = is_object ? "}" : open == '[' ? "]" : ")";
  Json result = is_object ? Json::object() : Json::array();
  while (!skip(close)) {
    if (is_object) {
      if (!member(result)) return std::nullopt;
    } else {
      auto item = value();
      if (!item) return std::nullopt;
      result.push_back(std::move(*item));
    }
    if (skip(",")) continue;
    if (skip(close)) return result;
    return std::nullopt;
  }
  return result;
}

bool LiteralReader::member(Json& object) {
  skip_space();
  const bool is_quoted = peek() == '"' || peek() == '\'' || (!quote_mark_.empty() && rest().starts_with(quote_mark_));
  std::optional<std::string> key = is_quoted ? string() : std::string(name());
  if (!key || (!is_quoted && key->empty()) || !skip(":")) return false;
  auto item = value();
  if (!item) return false;
  object[*key] = std::move(*item);
  return true;
}

std::optional<nlohmann::ordered_json> LiteralReader::number() {
  size_t end = at_ + (peek() == '-' || peek() == '+' ? 1 : 0);
  const size_t begin = peek() == '+' ? end : at_;
  while (end < text_.size() && is_digit(text_[end])) ++end;
  bool is_real = false;
  while (end < text_.size() &&
         (is_digit(text_[end]) || std::string_view(".eE+-").find(text_[end]) != std::string_view::npos)) {
    is_real = true;
    ++end;
  }
  const char* first = text_.data() + begin;
  const char* last = text_.data() + end;
  const auto read = [&](auto number) -> std::optional<Json> {
    const auto [stopped, error] = std::from_chars(first, last, number);
    if (error != std::errc() || stopped != last) return std::nullopt;
    return Json(number);
  };
  std::optional<Json> result;
  if (!is_real) result = read(int64_t{});
  if (!is_real && !result) result = read(uint64_t{});
  if (!result) result = read(double{});
  if (!result) return std::nullopt;
  at_ = end;
  return result;
}

std::optional<nlohmann::ordered_json> LiteralReader::word() {
  const std::string_view found = name();
  if (found == "true" || found == "True") return Json(true);
  if (found == "false" || found == "False") return Json(false);
  if (found == "null" || found == "None") return Json(nullptr);
  return std::nullopt;
}

std::optional<std::string> LiteralReader::string() {
  if (!quote_mark_.empty() && rest().starts_with(quote_mark_)) return marked_string();
  if (peek() == '"' || peek() == '\'') return quoted_string(text_[at_++]);
  return std::nullopt;
}

std::optional<std::string> LiteralReader::marked_string() {
  const size_t begin = at_ + quote_mark_.size();
  const size_t end = text_.find(quote_mark_, begin);
  if (end == std::string_view::npos) {
    cut_off_ = true;
    return std::nullopt;
  }
  at_ = end + quote_mark_.size();
  return std::string(text_.substr(begin, end - begin));
}

std::optional<std::string> LiteralReader::quoted_string(char quote) {
  std::string out;
  while (!at_end()) {
    const char c = text_[at_++];
    if (c == quote) return out;
    if (c != '\\') {
      out += c;
    } else if (!escape(out)) {
      break;
    }
  }
  cut_off_ = cut_off_ || at_end();
  return std::nullopt;
}

// What follows a backslash; as in Python, an unknown escape stands for itself.
bool LiteralReader::escape(std::string& out) {
  if (at_end()) return false;
  const char c = text_[at_++];
  static constexpr std::string_view kNames = "nrtbf0\"'\\/";
  static constexpr std::string_view kCharacters{"\n\r\t\b\f\0\"'\\/", 10};
  if (const size_t index = kNames.find(c); index != std::string_view::npos) {
    out += kCharacters[index];
    return true;
  }
  if (c == 'u' || c == 'x' || c == 'U') {
    const auto code = hexadecimal(c == 'u' ? 4 : c == 'x' ? 2 : 8);
    if (!code) return false;
    append_utf8(out, *code >= 0xd800 && *code < 0xdc00 ? low_surrogate(*code) : *code);
    return true;
  }
  if (c != '\n') (out += '\\') += c;
  return true;
}

std::optional<uint32_t> LiteralReader::hexadecimal(size_t digits) {
  const std::string_view text = rest().substr(0, digits);
  uint32_t code = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), code, 16);
  if (error != std::errc() || stopped != text.data() + digits) {
    cut_off_ = cut_off_ || text.size() < digits;
    return std::nullopt;
  }
  at_ += digits;
  return code;
}

// The character of a pair of surrogates; a high one alone stays as it is, which is no character.
uint32_t LiteralReader::low_surrogate(uint32_t high) {
  const size_t before = at_;
  if (rest().starts_with("\\u")) {
    at_ += 2;
    const auto low = hexadecimal(4);
    if (low && *low >= 0xdc00 && *low < 0xe000) return 0x10000 + ((high - 0xd800) << 10) + (*low - 0xdc00);
  }
  at_ = before;
  return high;
}

}  // namespace thimble
