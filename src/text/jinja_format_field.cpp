#include "text/jinja_format_field.h"

#include <cmath>

#include "base/utf8.h"
#include "text/jinja_python.h"
#include "text/jinja_strings.h"
#include "text/jinja_text.h"

namespace thimble::jinja {
namespace {

std::string grouped(const std::string& digits, char mark, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += mark;
    out += digits[i];
  }
  return out;
}

std::string aligned(Runtime& runtime, const std::string& sign, const std::string& body, const Specification& spec,
                    char fallback) {
  const char align = spec.align != '\0' ? spec.align : fallback;
  if (align == '=') {
    const int64_t width = spec.width - static_cast<int64_t>(count_code_points(sign));
    return sign + pad(runtime, body, width, spec.fill, Alignment::right);
  }
  if (align == '^') {  // the odd one goes to the right, unlike in str.center
    const int64_t size = static_cast<int64_t>(count_code_points(sign + body));
    const std::string left =
        pad(runtime, sign + body, size + std::max<int64_t>(spec.width - size, 0) / 2, spec.fill, Alignment::right);
    return pad(runtime, left, spec.width, spec.fill, Alignment::left);
  }
  return pad(runtime, sign + body, spec.width, spec.fill, align == '<' ? Alignment::left : Alignment::right);
}

std::string sign_of(bool minus, const Specification& spec) {
  if (minus) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

// Digits of a double that is not negative.
std::string real_digits(double value, const Specification& spec) {
  const int precision = static_cast<int>(spec.precision.value_or(6));
  switch (spec.type) {
    case 'f': return fmt::format("{:.{}f}", value, precision);
    case 'F': return fmt::format("{:.{}F}", value, precision);
    case 'e': return fmt::format("{:.{}e}", value, precision);
    case 'E': return fmt::format("{:.{}E}", value, precision);
    case 'g': return fmt::format("{:.{}g}", value, std::max(precision, 1));
    case 'G': return fmt::format("{:.{}G}", value, std::max(precision, 1));
    case '%': return fmt::format("{:.{}f}%", value * 100, precision);
    case '\0': break;
    default: fault("unknown format code '{}' for a float", spec.type);
  }
  if (!spec.precision) return real_text(value);
  const std::string text = fmt::format("{:.{}g}", value, std::max(precision, 1));
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

}  // namespace

std::string integer_field(Runtime& runtime, int64_t value, const Specification& spec) {
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits;
  std::string prefix = sign_of(value < 0, spec);
  const bool hex = spec.type == 'x' || spec.type == 'X';
  switch (spec.type) {
    case 'x': digits = fmt::format("{:x}", size); break;
    case 'X': digits = fmt::format("{:X}", size); break;
    case 'o': digits = fmt::format("{:o}", size); break;
    case 'b': digits = fmt::format("{:b}", size); break;
    default: digits = fmt::format("{}", size);
  }
  if (spec.alternate && (hex || spec.type == 'o' || spec.type == 'b')) prefix += std::string("0") + spec.type;
  if (spec.precision && static_cast<int64_t>(digits.size()) < *spec.precision) {
    digits.insert(0, static_cast<size_t>(*spec.precision) - digits.size(), '0');
  }
  if (spec.grouping != '\0')
    digits = grouped(digits, spec.grouping, hex || spec.type == 'o' || spec.type == 'b' ? 4 : 3);
  return aligned(runtime, prefix, digits, spec, '>');
}

std::string real_field(Runtime& runtime, double value, const Specification& spec) {
  const bool minus = std::signbit(value) && !std::isnan(value);
  std::string digits = real_digits(std::fabs(value), spec);
  if (spec.grouping != '\0') {
    const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
    digits = grouped(digits.substr(0, whole), spec.grouping, 3) + digits.substr(whole);
  }
  return aligned(runtime, sign_of(minus, spec), digits, spec, '>');
}

std::string text_field(Runtime& runtime, std::string_view text, const Specification& spec, char fallback) {
  if (spec.precision) text = text.substr(0, byte_offset(text, static_cast<size_t>(*spec.precision)));
  return aligned(runtime, "", std::string(text), spec, fallback);
}

std::string character(int64_t code) {
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < 0 || code > 0x10ffff || surrogate) fault("{} is no character", code);
  std::string out;
  append_utf8(out, static_cast<uint32_t>(code));
  return out;
}

void check_precision(const Specification& spec) {
  if (spec.precision.value_or(0) > kMaxPrecision) fault("a precision is at most {}", kMaxPrecision);
}

}  // namespace thimble::jinja
