// Files of a JSON object a line: every line that is broken is named by its number.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace thimble {

// Calls read(line, number) for each line that is not blank, the first being number 1. Lines for which it throws Error(bad_file) are
// gathered; at the end throws Error(bad_file) with their numbers and what is wrong with the first. `name` stands for the file.
void read_numbered_lines(const std::string& name, std::string_view lines,
                         const std::function<void(std::string_view line, size_t number)>& read);

}  // namespace thimble
