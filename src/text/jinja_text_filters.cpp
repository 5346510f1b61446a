// Filters on text and on single values.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja_builtins.h"
#include "text/jinja_fault.h"
#include "text/jinja_format.h"
#include "text/jinja_json.h"
#include "text/jinja_python.h"
#include "text/jinja_strings.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

// The subject as text; markup stays markup.
Value soft_text(Runtime& runtime, const Value& subject) {
  return subject.is_string() ? subject : runtime.string(to_text(runtime, subject));
}

template <std::string (*kMap)(std::string_view)>
Value mapped(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  const Value text = soft_text(runtime, subject);
  runtime.scan(text.text().size() * 8);
  return runtime.same_kind(text, kMap(text.text()));
}

// Words begin behind white space and - ( { [ <.
std::string title_words(std::string_view text) {
  std::string out;
  bool begins = true;
  for (const std::string_view c : code_points(text)) {
    const bool mark = std::string_view("-({[<").find(c) != std::string_view::npos || leading_space(c) > 0;
    out += mark ? std::string(c) : begins ? to_upper(c) : to_lower(c);
    begins = mark;
  }
  return out;
}

Value trim(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"chars"});
  const Value text = soft_text(runtime, subject);
  const Value* characters = bound.given(0) ? &bound[0] : nullptr;
  return runtime.same_kind(text, std::string(strip(runtime, text.text(), characters, Ends::both)));
}

Value default_value(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"default_value", "boolean"});
  const bool replaced = subject.is_undefined() || (bound.flag(1, false) && !truthy(subject));
  if (!replaced) return subject;
  return bound.has(0) ? bound[0] : runtime.string("");
}

Value replace_text(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"old", "new", "count"}, 2);
  const std::string text = to_text(runtime, subject);
  const int64_t count = bound.given(2) ? bound.integer(2, -1) : -1;
  return runtime.string(replace(runtime, text, to_text(runtime, bound[0]), to_text(runtime, bound[1]), count));
}

Value indent(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"width", "first", "blank"});
  reject_undefined(subject);
  if (!subject.is_string()) fault("indent needs text, found '{}'", type_name(subject));
  const std::string margin = bound.has(0) && bound[0].is_string()
                                 ? std::string(bound[0].text())
                                 : pad(runtime, "", bound.integer(0, 4), " ", Alignment::left);
  const std::string text = std::string(subject.text()) + "\n";
  std::string out;
  bool first = true;
  for (const std::string_view line : split_lines(text)) {
    const bool is_first = std::exchange(first, false);
    if (!is_first) runtime.append(out, "\n");
    if (is_first ? bound.flag(1, false) : (bound.flag(2, false) || !line.empty())) runtime.append(out, margin);
    runtime.append(out, line);
  }
  return runtime.same_kind(subject, std::move(out));
}

Value truncate(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"length", "killwords", "end", "leeway"});
  if (subject.is_undefined()) return subject;
  if (!subject.is_string()) fault("truncate needs text, found '{}'", type_name(subject));
  const std::string_view text = subject.text();
  const std::string_view end = bound.text(2, "...");
  const int64_t length = bound.integer(0, 255);
  const int64_t leeway = bound.given(3) ? bound.integer(3, 5) : 5;
  const int64_t kept = length - static_cast<int64_t>(count_code_points(end));
  if (length < 0 || kept < 0) fault("truncate needs a length of at least that of its end mark");
  if (leeway < 0) fault("truncate needs a leeway of at least 0");
  runtime.scan(text.size());
  const int64_t size = static_cast<int64_t>(count_code_points(text));
  if (size <= length || size - length <= leeway) return subject;
  std::string_view head = text.substr(0, byte_offset(text, static_cast<size_t>(kept)));
  if (!bound.flag(1, false)) head = head.substr(0, head.rfind(' '));
  return runtime.string(std::string(head) + std::string(end));
}

Value word_count(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  const std::string text = to_text(runtime, subject);
  runtime.scan(text.size() * 16);
  int64_t words = 0;
  bool inside = false;
  for (const std::string_view c : code_points(text)) {
    const bool word = c == "_" || all_in_class(c, CharacterClass::alphanumeric);
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return words;
}

Value string_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return soft_text(runtime, subject);
}

Value center(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"width"});
  const Value text = soft_text(runtime, subject);
  return runtime.same_kind(text, pad(runtime, text.text(), bound.integer(0, 80), " ", Alignment::center));
}

Value safe(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return runtime.markup(to_text(runtime, subject));
}

Value escape_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return escape(runtime, subject);
}

Value force_escape(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  return escape(runtime, runtime.string(to_text(runtime, subject)));
}

// The text of a number without the underscores between its digits; nullopt where they are elsewhere.
std::optional<std::string> number_text(std::string_view text) {
  const auto digit = [&](size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || !digit(i - 1) || !digit(i + 1)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  const auto clean = number_text(text);
  if (!clean) return std::nullopt;
  std::string_view digits = *clean;
  const bool minus = digits.starts_with('-');
  if (minus || digits.starts_with('+')) digits.remove_prefix(1);
  const char letter = digits.size() > 2 && digits[0] == '0' ? static_cast<char>(digits[1] | 0x20) : '\0';
  const int prefixed = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
  if (prefixed != 0 && (base == 0 || base == prefixed)) {
    digits.remove_prefix(2);
    base = prefixed;
  }
  const std::string signed_digits = (minus ? "-" : "") + std::string(digits);
  if (digits.starts_with('-') || digits.empty()) return std::nullopt;
  int64_t value = 0;
  const char* last = signed_digits.data() + signed_digits.size();
  const auto result = std::from_chars(signed_digits.data(), last, value, base == 0 ? 10 : static_cast<int>(base));
  if (result.ec == std::errc::result_out_of_range) fault("an integer leaves 64 bits");
  if (result.ec != std::errc() || result.ptr != last) return std::nullopt;
  return value;
}

std::optional<double> parse_real(Runtime& runtime, std::string_view text) {
  const auto clean = number_text(strip(runtime, text, nullptr, Ends::both));
  if (!clean) return std::nullopt;
  std::string_view digits = *clean;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || (clean->starts_with('+') && digits.starts_with('-'))) return std::nullopt;
  if (digits.find_first_of("()") != std::string_view::npos) return std::nullopt;  // nan(...)
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ptr != digits.data() + digits.size() || result.ec == std::errc::invalid_argument) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {  // too large, or too small to tell from zero
    const bool tiny = digits.find("e-") != std::string_view::npos || digits.find("E-") != std::string_view::npos;
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
    return digits.starts_with('-') ? -value : value;
  }
  return value;
}

// int(value) for a double; nullopt where Python raises (not finite).
std::optional<int64_t> whole(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  if (value >= 0x1p63 || value < -0x1p63) fault("an integer leaves 64 bits");
  return static_cast<int64_t>(value);
}

Value to_integer(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"default", "base"});
  reject_undefined(subject);
  std::optional<int64_t> result;
  if (subject.is_integral()) {
    result = subject.integral();
  } else if (subject.is<double>()) {
    result = whole(subject.real());
  } else if (subject.is_string()) {
    result = parse_integer(strip(runtime, subject.text(), nullptr, Ends::both), bound.integer(1, 10));
    if (!result) {
      if (const auto real = parse_real(runtime, subject.text())) result = whole(*real);
    }
  }
  if (result) return *result;
  return bound.has(0) ? bound[0] : Value(int64_t{0});
}

Value to_real(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"default"});
  reject_undefined(subject);
  if (subject.is_number()) return subject.real();
  if (subject.is_string()) {
    if (const auto real = parse_real(runtime, subject.text())) return *real;
  }
  return bound.has(0) ? bound[0] : Value(0.0);
}

Value absolute(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound none(arguments, {});
  if (subject.is<double>()) return std::fabs(subject.real());
  return subject.is_integral() && subject.integral() >= 0 ? positive(subject) : negative(subject);
}

// Correctly rounded decimal, ties by the exact binary value, as Python's round(x, n) does it.
double round_decimal(double value, int64_t precision) {
  if (!std::isfinite(value) || precision > 323) return value;
  if (precision < -308) return std::copysign(0.0, value);
  if (precision == 0) return std::nearbyint(value);
  if (precision < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / scale) * scale;
  }
  char buffer[700];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, static_cast<int>(precision));
  double rounded = value;
  if (end.ec == std::errc()) std::from_chars(buffer, end.ptr, rounded);
  return rounded;
}

Value round_filter(Runtime&, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"precision", "method"});
  const std::string_view method = bound.text(1, "common");
  const int64_t precision = bound.integer(0, 0);
  reject_undefined(subject);
  if (!subject.is_number()) fault("round needs a number, found '{}'", type_name(subject));
  if (method == "common") {
    if (subject.is_integral() && precision >= 0) return positive(subject);
    const double rounded = round_decimal(subject.real(), precision);
    if (!subject.is_integral()) return rounded;
    return whole(rounded).value_or(0);
  }
  if (method != "ceil" && method != "floor") fault("round's method is common, ceil or floor");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.real() * scale;
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

Value json_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Bound bound(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii_only = bound.flag(0, false);
  style.sort_keys = bound.flag(3, false);
  if (bound.given(1)) {
    style.multi_line = true;
    style.item_separator = ",";
    style.indent = bound[1].is_string() ? std::string(bound[1].text())
                                        : pad(runtime, "", bound.integer(1, 0), " ", Alignment::left);
  }
  if (bound.given(2)) {
    const auto& separators = iterate(runtime, bound[2]);
    if (separators.size() != 2 || !separators[0].is_string() || !separators[1].is_string()) {
      fault("tojson's separators are two texts: between items, and between key and value");
    }
    style.item_separator = separators[0].text();
    style.key_separator = separators[1].text();
  }
  return runtime.string(to_json(runtime, subject, style));
}

Value format_filter(Runtime& runtime, const Value& subject, const Arguments& arguments) {
  const Value pattern = soft_text(runtime, subject);
  if (arguments.named.empty()) return percent_format(runtime, pattern, runtime.tuple(arguments.positional));
  if (!arguments.positional.empty()) fault("format takes values by place or by name, not both");
  Dict* values = runtime.dict();
  for (const auto& [name, value] : arguments.named) insert(runtime, *values, runtime.string(std::string(name)), value);
  return percent_format(runtime, pattern, values);
}

constexpr Named<Filter> kFilters[] = {
    {"abs", absolute},
    {"capitalize", mapped<capitalize>},
    {"center", center},
    {"d", default_value},
    {"default", default_value},
    {"e", escape_filter},
    {"escape", escape_filter},
    {"float", to_real},
    {"forceescape", force_escape},
    {"format", format_filter},
    {"indent", indent},
    {"int", to_integer},
    {"lower", mapped<to_lower>},
    {"replace", replace_text},
    {"round", round_filter},
    {"safe", safe},
    {"string", string_filter},
    {"title", mapped<title_words>},
    {"tojson", json_filter},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", mapped<to_upper>},
    {"wordcount", word_count},
};

}  // namespace

std::span<const Named<Filter>> text_filters() { return kFilters; }

}  // namespace thimble::jinja
