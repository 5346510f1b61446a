#include "app/man_page.h"

#include <fmt/ranges.h>

#include "app/help_text.h"
#include "app/verbs.h"

namespace thimble {
namespace {

// Roff takes a backslash, and a dot or apostrophe at the beginning of a line, for its own; a bare hyphen may become a
// dash.
std::string roff(std::string_view text) {
  std::string out;
  if (!text.empty() && (text[0] == '.' || text[0] == '\'')) out = "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\'') {
      out += "\\(aq";
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_entry(const OptionSpec& spec) {
  std::string out = ".TP\n.B " + roff(option_heading(spec)) + "\n" + roff(option_details(spec)) + ".\n";
  if (const auto variables = spec.environment_variables(); !variables.empty()) {
    out += "Environment: " + roff(fmt::format("{}", fmt::join(variables, ", "))) + ".\n";
  }
  return out;
}

std::string verb_section(const Verb& verb) {
  const VerbInstance instance(verb);
  std::string out = ".SS " + roff(std::string("thimble ") + std::string(verb.name)) + "\n" + roff(verb.summary) +
                    ".\n.PP\n.B " + roff(usage_line(instance)) + "\n";
  for (const OptionSpec& spec : instance.options.specs()) out += option_entry(spec);
  for (const Example& example : verb.examples) {
    out += ".PP\n" + roff(example.what) + ":\n.PP\n.RS\n.EX\n" + roff("thimble " + std::string(example.command)) +
           "\n.EE\n.RE\n";
  }
  return out;
}

}  // namespace

std::string man_page() {
  std::string out = ".TH THIMBLE 1 \"\" \"thimble " + roff(version_text()) + "\" \"User commands\"\n";
  out += ".SH NAME\nthimble \\- small language models on small devices, offline\n";
  out += ".SH SYNOPSIS\n.B thimble\n.I verb\n[options]\n";
  out +=
      ".SH DESCRIPTION\nRuns language models of 0.1 to 4 billion parameters from GGUF files, without a network and "
      "within a "
      "memory limit that is known before anything is loaded.\nResults go to standard output, everything else to "
      "standard "
      "error.\n";
  out += ".SH VERBS\n";
  for (const Verb* verb : all_verbs()) out += verb_section(*verb);
  out +=
      ".SH ENVIRONMENT\nEvery option can be given as THIMBLE_ and its long name in capitals, with underscores. The "
      "option "
      "wins.\n.PP\nNO_COLOR is honoured. Models by name are looked for below XDG_CACHE_HOME, the history of "
      "conversations is "
      "kept below XDG_STATE_HOME.\n.PP\nHF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, HF_HUB_CACHE and HF_HOME mean what they "
      "mean to huggingface_hub. SSL_CERT_FILE or CURL_CA_BUNDLE names the accepted authorities, https_proxy and "
      "no_proxy "
      "a proxy.\n";
  out +=
      ".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 does not fit the memory limit, 4 bad or unsupported file, 5 "
      "a "
      "validation failed, 130 interrupted.\n";
  return out;
}

}  // namespace thimble
