// Text that a person hands over: a file, or what comes in on stdin.
#pragma once

#include <string>

namespace thimble {

// The bytes of a regular file. Throws Error(bad_file) for what cannot be read, Error(usage) for more than 256 MB.
std::string read_file(const std::string& path);
// The same, or what comes in on stdin for "-".
std::string read_text(const std::string& path);
// What has come in on stdin, as soon as there is something; empty at the end. Throws Error(failed, interrupted).
std::string read_input_block();
bool input_is_terminal();

// Without the one line feed that editors and echo put at the end.
std::string without_last_newline(std::string text);

}  // namespace thimble
