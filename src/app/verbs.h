// The list of verbs, in the order of the help.
#pragma once

#include <span>
#include <string_view>

#include "app/command.h"

namespace thimble {

std::span<const Verb* const> all_verbs();
const Verb* find_verb(std::string_view name);  // nullptr where there is none

}  // namespace thimble
