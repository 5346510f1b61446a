#include <charconv>
#include <cmath>

#include "base/error.h"
#include "compress/quantize.h"

namespace thimble {

MetadataOverride parse_override(const std::string& text) {
  const auto refuse = [&](std::string_view expected) {
    fail(ExitCode::usage, "expected {}, found '{}'", expected, printable(text));
  };
  const size_t equals = text.find('=');
  const size_t colon = equals == text.npos ? text.npos : text.find(':', equals);
  if (equals == 0 || colon == text.npos) refuse("KEY=TYPE:VALUE with TYPE int, float, bool or str");
  const std::string key = text.substr(0, equals);
  const std::string type = text.substr(equals + 1, colon - equals - 1);
  const std::string value = text.substr(colon + 1);
  const auto number = [&]<class T>(T) {
    T parsed{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
    if (error != std::errc() || end != value.data() + value.size()) refuse("a number in range behind the colon");
    return parsed;
  };
  if (type == "int") return {key, number(uint32_t{})};
  if (type == "float") {
    const float parsed = number(float{});
    if (!std::isfinite(parsed)) refuse("a finite number behind the colon");
    return {key, parsed};
  }
  if (type == "bool") {
    if (value != "true" && value != "false") refuse("true or false behind the colon");
    return {key, value == "true"};
  }
  if (type == "str") return {key, value};
  refuse("one of the types int, float, bool, str");
  return {};
}

}  // namespace thimble
