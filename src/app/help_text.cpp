#include "app/help_text.h"

#include <fmt/ranges.h>

#include "app/verbs.h"

namespace thimble {
namespace {

constexpr size_t kIndent = 28;
constexpr size_t kWidth = 100;

// Text after `heading`, broken at blanks so that it stays in its column.
std::string columns(const std::string& heading, const std::string& text) {
  std::string out = "  " + heading;
  size_t at = out.size();
  if (at + 2 > kIndent) {
    out += "\n";
    at = 0;
  }
  out += std::string(kIndent - at, ' ');
  at = kIndent;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    if (at > kIndent && at + 1 + end - begin > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      at = kIndent;
    } else if (at > kIndent) {
      out += " ";
      ++at;
    }
    out += text.substr(begin, end - begin);
    at += end - begin;
    begin = end + 1;
  }
  return out + "\n";
}

}  // namespace

std::string overview_text() {
  std::string out =
      "thimble: small language models on small devices, offline\n\nUsage: thimble VERB [options]\n\nVerbs:\n";
  for (const Verb* verb : all_verbs()) out += columns(std::string(verb->name), std::string(verb->summary));
  out +=
      "\n'thimble help VERB' shows a verb's options and examples. Every option can also be given as an environment\n"
      "variable, THIMBLE_ and the option's long name: --ctx-size as THIMBLE_CTX_SIZE. The option wins.\n"
      "\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 does not fit the memory limit, 4 bad or unsupported file,\n"
      "5 a validation failed, 130 interrupted.\n";
  return out;
}

std::string option_heading(const OptionSpec& spec) {
  std::string names = fmt::format("{}", fmt::join(spec.names, ", "));
  return spec.is_flag() || spec.is_positional() ? names : names + " " + spec.placeholder;
}

std::string option_details(const OptionSpec& spec) {
  std::string out = spec.help;
  if (!spec.choices.empty()) out += fmt::format(": {}", fmt::join(spec.choices, ", "));
  if (!spec.default_text.empty()) out += fmt::format(" (default: {})", spec.default_text);
  return out;
}

std::string usage_line(const VerbInstance& instance) {
  std::string out = fmt::format("thimble {} [options]", instance.verb.name);
  for (const OptionSpec& spec : instance.options.specs()) {
    if (spec.is_required && !spec.is_positional()) out += fmt::format(" {} {}", spec.names[0], spec.placeholder);
  }
  for (const OptionSpec& spec : instance.options.specs()) {
    if (!spec.is_positional()) continue;
    out += spec.is_required ? " " + spec.names[0] : " [" + spec.names[0] + "]";
    if (spec.is_repeatable) out += "...";
  }
  return out;
}

std::string help_text(const VerbInstance& instance) {
  std::string out = fmt::format("{}\n\nUsage: {}\n", instance.verb.summary, usage_line(instance));
  std::string group;
  for (const OptionSpec& spec : instance.options.specs()) {
    if (spec.group != group) out += "\n" + spec.group + ":\n";
    group = spec.group;
    out += columns(option_heading(spec), option_details(spec));
  }
  out += "\nExamples:\n";
  for (const Example& example : instance.verb.examples)
    out += fmt::format("  # {}\n  thimble {}\n", example.what, example.command);
  return out;
}

std::string build_commit() { return THIMBLE_COMMIT; }

std::string version_text() { return std::string(THIMBLE_VERSION) + " (" + THIMBLE_COMMIT + ")"; }

}  // namespace thimble
