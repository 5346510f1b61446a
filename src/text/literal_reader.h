// Values as models write them in calls: JSON, Python literals, and text between marks that stand for quotation marks, all
// read by one parser. Never throws on what it reads.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace thimble {

class LiteralReader {
 public:
  static constexpr size_t kMaxDepth = 64;
  static constexpr size_t kMaxValues = 4096;  // of one reader, containers and what they hold

  // `quote_mark`: what surrounds text besides ' and ", such as <escape>; may be empty. Views must outlive the reader.
  explicit LiteralReader(std::string_view text, std::string_view quote_mark = {})
      : text_(text), quote_mark_(quote_mark) {}

  // The value that comes next, or nothing where there is none, it is cut off, or it passes a limit. Keys of an object may
  // stand without quotation marks; of a key given twice the last value counts.
  std::optional<nlohmann::ordered_json> value();

  // Letters, digits, '_', '-' and '.', the first no digit; empty where there is none.
  std::string_view name();
  bool skip(std::string_view expected);  // after white space, where it comes next
  void skip_space();

  size_t at() const { return at_; }
  void go_to(size_t at) { at_ = at; }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  // A value failed because the text ended inside a string.
  bool is_cut_off() const { return cut_off_; }

 private:
  using Json = nlohmann::ordered_json;
  std::optional<Json> nested_value();
  std::optional<Json> container(char open);
  bool member(Json& object);
  std::optional<Json> number();
  std::optional<Json> word();
  std::optional<std::string> string();
  std::optional<std::string> marked_string();
  std::optional<std::string> quoted_string(char quote);
  bool escape(std::string& out);
  std::optional<uint32_t> hexadecimal(size_t digits);
  uint32_t low_surrogate(uint32_t high);

  std::string_view text_;
  std::string_view quote_mark_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t values_ = 0;
  bool cut_off_ = false;
};

}  // namespace thimble
