#include "app/command_line.h"

#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"

namespace thimble {
namespace {

bool is_short(std::string_view name) { return name.size() == 2 && name[0] == '-' && name[1] != '-'; }
bool is_long(std::string_view name) { return name.starts_with("--"); }

const std::string& long_name(const OptionSpec& spec) {
  return *std::ranges::find_if(spec.names, [](const std::string& name) { return is_long(name); });
}

// CLI11 knows "-c" and "--ctx-size". llama.cpp's "-ctk" becomes its long name, and "--name=value" two arguments, so
// that the value may be anything, empty included. Values are not looked at.
std::vector<std::string> for_cli11(const OptionTable& table, std::span<const std::string> arguments) {
  std::vector<std::string> out;
  bool is_value = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (is_value) {
      out.push_back(argument);
      is_value = false;
      continue;
    }
    if (argument == "--") {
      out.insert(out.end(), arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
      return out;
    }
    const size_t equals = argument.starts_with("-") ? argument.find('=') : std::string::npos;
    const std::string name = argument.substr(0, equals);
    const OptionSpec* spec = table.find(name);
    if (spec == nullptr || spec->is_positional()) {
      out.push_back(argument);
    } else if (spec->is_flag()) {
      out.push_back(equals == std::string::npos ? long_name(*spec) : long_name(*spec) + argument.substr(equals));
    } else {
      out.push_back(long_name(*spec));
      if (equals == std::string::npos) {
        is_value = true;
      } else {
        out.push_back(argument.substr(equals + 1));
      }
    }
  }
  return out;
}

std::string cli11_names(const OptionSpec& spec) {
  if (spec.is_positional()) return spec.names[0];
  std::vector<std::string> names;
  std::ranges::copy_if(spec.names, std::back_inserter(names),
                       [](const std::string& name) { return is_short(name) || is_long(name); });
  return fmt::format("{}", fmt::join(names, ","));
}

[[noreturn]] void refuse_unknown(const OptionTable& table, std::string_view verb,
                                 const std::vector<std::string>& extras) {
  const auto flag =
      std::ranges::find_if(extras, [](const std::string& text) { return text.size() > 1 && text[0] == '-'; });
  if (flag == extras.end()) {
    fail(ExitCode::usage, "{}: unexpected argument '{}'; see 'thimble help {}'", verb, printable(extras[0]), verb);
  }
  std::vector<std::string> names;
  for (const OptionSpec& spec : table.specs()) {
    if (!spec.is_positional()) names.insert(names.end(), spec.names.begin(), spec.names.end());
  }
  const std::string found = flag->substr(0, flag->find('='));
  const std::string nearest = nearest_name(found, names);
  if (nearest.empty())
    fail(ExitCode::usage, "{}: unknown option {}; see 'thimble help {}'", verb, printable(found), verb);
  fail(ExitCode::usage, "{}: unknown option {}; did you mean {}?", verb, printable(found), nearest);
}

using GivenValues = std::map<const OptionSpec*, std::vector<std::string>>;

GivenValues parse(const OptionTable& table, std::string_view verb, std::span<const std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::map<const OptionSpec*, CLI::Option*> options;
  for (const OptionSpec& spec : table.specs()) {
    CLI::Option* option = spec.is_flag() ? app.add_flag(cli11_names(spec)) : app.add_option(cli11_names(spec));
    if (spec.is_positional() && spec.is_repeatable) {
      option->expected(-1);
    } else if (!spec.is_flag()) {
      option->expected(1)->allow_extra_args(false);
    }
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options[&spec] = option;
  }
  std::vector<std::string> reversed = for_cli11(table, arguments);
  std::ranges::reverse(reversed);
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    fail(ExitCode::usage, "{}: {}", verb, printable(error.what()));
  }
  std::vector<std::string> extras = app.remaining();
  std::erase(extras, "--");  // CLI11 counts the mark among them
  if (!extras.empty()) refuse_unknown(table, verb, extras);
  GivenValues given;
  for (const auto& [spec, option] : options) {
    if (option->count() > 0) given[spec] = option->results();
  }
  return given;
}

void set(const OptionSpec& spec, const std::string& source, const std::string& value) {
  try {
    spec.set(value);
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", source, error.what());
  }
}

void refuse_rivals(const OptionTable& table, const GivenValues& given) {
  std::map<std::string, const OptionSpec*> chosen;
  for (const OptionSpec& spec : table.specs()) {
    if (spec.one_of.empty() || !given.contains(&spec)) continue;
    const auto [first, is_first] = chosen.emplace(spec.one_of, &spec);
    if (!is_first) fail(ExitCode::usage, "{} and {} cannot be used together", first->second->label(), spec.label());
  }
}

void apply_environment(const OptionTable& table, std::string_view verb, const GivenValues& given,
                       const Environment& environment) {
  std::set<std::string> decided;  // choices between rivals that the command line has made
  for (const auto& [spec, values] : given) decided.insert(spec->one_of);
  for (const OptionSpec& spec : table.specs()) {
    if (given.contains(&spec)) continue;
    bool found = false;
    for (const std::string& variable : spec.environment_variables()) {
      const char* value = environment(variable.c_str());
      if (value == nullptr || *value == '\0' || found) continue;
      found = true;
      if (spec.one_of.empty() || !decided.contains(spec.one_of)) set(spec, variable, value);
    }
    if (spec.is_required && !found) {
      fail(ExitCode::usage, "{}: {}{}{} is required ({}); see 'thimble help {}'", verb, spec.label(),
           spec.is_positional() ? "" : " ", spec.is_positional() ? "" : spec.placeholder, spec.help, verb);
    }
  }
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

bool apply_command_line(const OptionTable& table, std::string_view verb, std::span<const std::string> arguments,
                        const Environment& environment) {
  const GivenValues given = parse(table, verb, arguments);
  if (const OptionSpec* help = table.find("--help"); help != nullptr && given.contains(help)) return false;
  refuse_rivals(table, given);
  for (const auto& [spec, values] : given) {
    const size_t first = spec->is_repeatable ? 0 : values.size() - 1;  // the last one wins
    for (size_t i = first; i < values.size(); ++i) set(*spec, spec->label(), values[i]);
  }
  apply_environment(table, verb, given, environment);
  return true;
}
std::string nearest_name(std::string_view found, std::span<const std::string> names) {
  if (found.size() > 64) return {};
  std::string nearest;
  size_t least = std::max<size_t>(1, found.size() / 3) + 1;
  for (const std::string& name : names) {
    const size_t distance = edit_distance(found, name);
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace thimble
