#include "app/option_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/ascii.h"
#include "base/error.h"

namespace thimble {
namespace {

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The items of a comma-separated list, each without the blanks around it.
std::vector<std::string_view> list_items(std::string_view text) {
  std::vector<std::string_view> items;
  while (true) {
    const size_t comma = text.find(',');
    items.push_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

uint64_t unit_bytes(std::string_view unit, std::string_view whole) {
  if (unit.empty() || unit == "b") return 1;
  static constexpr std::string_view kPrefixes = "kmgt";
  const size_t prefix = kPrefixes.find(unit[0]);
  const std::string_view rest = unit.substr(1);
  if (prefix == std::string_view::npos || (rest != "" && rest != "b" && rest != "ib")) {
    fail(ExitCode::usage, "expected a size such as 2GB, 1500MB, 1.5GiB or a number of bytes, found '{}'",
         printable(whole));
  }
  const uint64_t base = rest == "b" ? 1000 : 1024;
  uint64_t bytes = 1;
  for (size_t i = 0; i <= prefix; ++i) bytes *= base;
  return bytes;
}

}  // namespace

int64_t parse_integer(std::string_view text, int64_t least, int64_t most) {
  const std::optional<int64_t> value = whole_number<int64_t>(text);
  if (!value || *value < least || *value > most) {
    fail(ExitCode::usage, "expected a whole number from {} to {}, found '{}'", least, most, printable(text));
  }
  return *value;
}

double parse_real(std::string_view text, double least, double most) {
  const std::optional<double> value = whole_number<double>(text);
  // Written so that NaN is refused too.
  if (!value || !(*value >= least && *value <= most)) {
    fail(ExitCode::usage, "expected a number from {} to {}, found '{}'", least, most, printable(text));
  }
  return *value;
}

bool parse_bool(std::string_view text) {
  static constexpr std::array kTrue = {"1", "true", "on", "yes", "enabled"};
  static constexpr std::array kFalse = {"0", "false", "off", "no", "disabled"};
  const std::string word = ascii::to_lower(text);
  if (std::ranges::find(kTrue, word) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, word) != kFalse.end()) return false;
  fail(ExitCode::usage, "expected 1, true, on, yes or enabled, or 0, false, off, no or disabled, found '{}'",
       printable(text));
}

uint64_t parse_size(std::string_view text) {
  const std::string word = ascii::to_lower(trimmed(text));
  const size_t digits = std::min(word.find_first_not_of("0123456789."), word.size());
  const uint64_t unit = unit_bytes(trimmed(std::string_view(word).substr(digits)), text);
  const std::string_view number = std::string_view(word).substr(0, digits);
  if (const auto whole = whole_number<uint64_t>(number)) {
    if (*whole >= 1 && *whole <= std::numeric_limits<uint64_t>::max() / 2 / unit) return *whole * unit;
  } else if (const auto part = whole_number<double>(number)) {
    const double bytes = *part * static_cast<double>(unit);
    if (bytes >= 1 && bytes < 0x1p63) return static_cast<uint64_t>(bytes);
  }
  fail(ExitCode::usage, "expected a size such as 2GB, 1500MB, 1.5GiB or a number of bytes, found '{}'",
       printable(text));
}

std::vector<size_t> parse_counts(std::string_view text, int64_t most) {
  std::vector<size_t> counts;
  for (const std::string_view item : list_items(text))
    counts.push_back(static_cast<size_t>(parse_integer(item, 0, most)));
  return counts;
}

std::vector<TokenId> parse_token_ids(std::string_view text) {
  std::vector<TokenId> ids;
  for (const std::string_view item : list_items(text)) {
    ids.push_back(static_cast<TokenId>(parse_integer(item, 0, std::numeric_limits<TokenId>::max())));
  }
  return ids;
}

}  // namespace thimble
