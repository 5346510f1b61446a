// The whole program but for main().
#pragma once

#include <string>
#include <vector>

#include "app/command_line.h"

namespace thimble {

// Finds the verb, reads its options, runs it and turns what went wrong into one line on stderr. Returns the exit code.
int run_program(const std::vector<std::string>& arguments, const Environment& environment);

// To be called once, first of all: signals, the character set of the terminal, and standard streams that are all open.
void prepare_process();

}  // namespace thimble
