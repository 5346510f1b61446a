// Completion scripts for shells, read off the list of verbs and their option tables.
#pragma once

#include <string>

namespace thimble {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace thimble
