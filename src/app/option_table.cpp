#include "app/option_table.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cassert>

#include "app/option_values.h"
#include "base/error.h"

namespace thimble {
namespace {

std::vector<std::string> split_names(std::string_view names) {
  std::vector<std::string> out;
  while (true) {
    const size_t comma = names.find(',');
    out.emplace_back(names.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    names.remove_prefix(comma + 1);
  }
}

std::string variable_for(std::string_view long_name) {
  std::string variable = "THIMBLE_";
  for (const char c : long_name.substr(2)) {
    variable += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

}  // namespace

std::string OptionSpec::label() const { return fmt::format("{}", fmt::join(names, "/")); }

std::vector<std::string> OptionSpec::environment_variables() const {
  std::vector<std::string> variables;
  for (const std::string& name : names) {
    if (has_environment && name.starts_with("--")) variables.push_back(variable_for(name));
  }
  return variables;
}

OptionSpec& OptionTable::value(std::string_view names, std::string placeholder,
                               std::function<void(const std::string&)> set, std::string help) {
  OptionSpec spec;
  spec.names = split_names(names);
  assert(spec.is_positional() || std::ranges::any_of(spec.names, [](auto& name) { return name.starts_with("--"); }));
  spec.placeholder = std::move(placeholder);
  spec.help = std::move(help);
  spec.group = group_;
  spec.set = std::move(set);
  return specs_.emplace_back(std::move(spec));
}

OptionSpec& OptionTable::flag(std::string_view names, bool& target, std::string help) {
  return value(
      names, "", [&target](const std::string& text) { target = parse_bool(text); }, std::move(help));
}

OptionSpec& OptionTable::text(std::string_view names, std::string placeholder, std::string& target, std::string help) {
  return value(
             names, std::move(placeholder), [&target](const std::string& text) { target = text; }, std::move(help))
      .by_default(target);
}

OptionSpec& OptionTable::text(std::string_view names, std::string placeholder, std::optional<std::string>& target,
                              std::string help) {
  return value(
      names, std::move(placeholder), [&target](const std::string& text) { target = text; }, std::move(help));
}

OptionSpec& OptionTable::texts(std::string_view names, std::string placeholder, std::vector<std::string>& target,
                               std::string help) {
  OptionSpec& spec = value(
      names, std::move(placeholder), [&target](const std::string& text) { target.push_back(text); }, std::move(help));
  spec.is_repeatable = true;
  return spec;
}

OptionSpec& OptionTable::choice(std::string_view names, std::string placeholder, std::string& target,
                                std::vector<std::string> choices, std::string help) {
  const auto set = [&target, choices](const std::string& text) {
    if (std::ranges::find(choices, text) == choices.end()) {
      fail(ExitCode::usage, "expected one of {}, found '{}'", fmt::join(choices, ", "), printable(text));
    }
    target = text;
  };
  OptionSpec& spec = value(names, std::move(placeholder), set, std::move(help)).by_default(target);
  spec.choices = std::move(choices);
  return spec;
}

OptionSpec& OptionTable::integer(std::string_view names, int64_t& target, int64_t least, int64_t most,
                                 std::string help) {
  const auto set = [&target, least, most](const std::string& text) { target = parse_integer(text, least, most); };
  return value(names, "N", set, std::move(help)).by_default(fmt::to_string(target));
}

OptionSpec& OptionTable::integer(std::string_view names, std::optional<int64_t>& target, int64_t least, int64_t most,
                                 std::string help) {
  const auto set = [&target, least, most](const std::string& text) { target = parse_integer(text, least, most); };
  return value(names, "N", set, std::move(help));
}

OptionSpec& OptionTable::real(std::string_view names, double& target, double least, double most, std::string help) {
  const auto set = [&target, least, most](const std::string& text) { target = parse_real(text, least, most); };
  return value(names, "X", set, std::move(help)).by_default(fmt::to_string(target));
}

OptionSpec& OptionTable::size(std::string_view names, std::optional<uint64_t>& target, std::string help) {
  return value(
      names, "SIZE", [&target](const std::string& text) { target = parse_size(text); }, std::move(help));
}

const OptionSpec* OptionTable::find(std::string_view name) const {
  const auto found = std::ranges::find_if(
      specs_, [&](const OptionSpec& spec) { return std::ranges::find(spec.names, name) != spec.names.end(); });
  return found == specs_.end() ? nullptr : &*found;
}

}  // namespace thimble
