// The options of a verb, each declared once. Parsing, environment variables, --help, shell completion and the man page
// are all read off this table.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

struct OptionSpec {
  std::vector<std::string> names;    // "-c", "--ctx-size"; one name without dashes is a positional argument
  std::string placeholder;           // of the value, such as "N"; empty for a flag that takes none
  std::string help;                  // one sentence without its full stop
  std::string default_text;          // empty where there is nothing to say
  std::string group;                 // heading in the help
  std::vector<std::string> choices;  // the values it takes, where they are few
  std::string one_of;                // of the options with the same name here at most one may be given
  bool is_required = false;
  bool is_path = false;
  bool is_repeatable = false;
  bool has_environment = true;
  std::function<void(const std::string& value)> set;  // throws Error(usage): expected ..., found ...

  bool is_positional() const { return names[0][0] != '-'; }
  bool is_flag() const { return placeholder.empty(); }
  std::string label() const;                               // "-c/--ctx-size"
  std::vector<std::string> environment_variables() const;  // "THIMBLE_CTX_SIZE", one for each long name

  OptionSpec& required() { return is_required = true, *this; }
  OptionSpec& path() { return is_path = true, *this; }
  OptionSpec& by_default(std::string text) { return default_text = std::move(text), *this; }
  OptionSpec& without_environment() { return has_environment = false, *this; }
  OptionSpec& only_one_of(std::string name) { return one_of = std::move(name), *this; }
};

class OptionTable {
 public:
  // Names are comma-separated, "-c,--ctx-size", one of them long. The present value of `target` is the default shown.
  OptionSpec& flag(std::string_view names, bool& target, std::string help);
  OptionSpec& text(std::string_view names, std::string placeholder, std::string& target, std::string help);
  OptionSpec& text(std::string_view names, std::string placeholder, std::optional<std::string>& target,
                   std::string help);
  OptionSpec& texts(std::string_view names, std::string placeholder, std::vector<std::string>& target,
                    std::string help);
  OptionSpec& choice(std::string_view names, std::string placeholder, std::string& target,
                     std::vector<std::string> choices, std::string help);
  OptionSpec& integer(std::string_view names, int64_t& target, int64_t least, int64_t most, std::string help);
  OptionSpec& integer(std::string_view names, std::optional<int64_t>& target, int64_t least, int64_t most,
                      std::string help);
  OptionSpec& real(std::string_view names, double& target, double least, double most, std::string help);
  OptionSpec& size(std::string_view names, std::optional<uint64_t>& target, std::string help);
  // Any other kind of value.
  OptionSpec& value(std::string_view names, std::string placeholder, std::function<void(const std::string&)> set,
                    std::string help);

  void heading(std::string group) { group_ = std::move(group); }  // of what is declared from here on

  const std::deque<OptionSpec>& specs() const { return specs_; }
  const OptionSpec* find(std::string_view name) const;  // by one of its names, nullptr where there is none

 private:
  std::deque<OptionSpec> specs_;
  std::string group_ = "Options";
};

}  // namespace thimble
