// The command line of one verb: its arguments and environment variables turned into calls of the table's setters.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/option_table.h"

namespace thimble {

using Environment = std::function<const char*(const char* name)>;  // as std::getenv

// Sets what the arguments give and, where they say nothing, what the environment gives; an empty variable says nothing.
// Returns false, having set nothing, where --help was among the arguments. Throws Error(usage) naming the flag or
// variable.
bool apply_command_line(const OptionTable& table, std::string_view verb, std::span<const std::string> arguments,
                        const Environment& environment);

// The name that was probably meant; empty where none is near.
std::string nearest_name(std::string_view found, std::span<const std::string> names);

}  // namespace thimble
