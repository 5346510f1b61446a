// Help for people, read off the list of verbs and their option tables.
#pragma once

#include <string>

#include "app/command.h"

namespace thimble {

std::string overview_text();
std::string help_text(const VerbInstance& instance);
// "thimble tokenize [options] -m MODEL [TEXT]"
std::string usage_line(const VerbInstance& instance);
// "-c, --ctx-size N"
std::string option_heading(const OptionSpec& spec);
// The help with choices, default and environment variables.
std::string option_details(const OptionSpec& spec);
std::string version_text();  // "0.1.0 (commit)"
std::string build_commit();

}  // namespace thimble
