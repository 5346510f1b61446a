// What a user, a file, the network or the memory budget can cause is thrown as thimble::Error; a broken invariant of
// our own is an assertion. Nothing below src/app prints, exits or aborts.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace thimble {

// Exit codes of the program, and the classes of error of the library.
enum class ExitCode : int {
  done = 0,
  failed = 1,
  usage = 2,
  does_not_fit = 3,
  bad_file = 4,
  validation_failed = 5,
  interrupted = 130,
};

// The message is one line: what, where, expected, found, and the way out where there is one.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <class... Args>
[[noreturn]] void fail(ExitCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, fmt::format(text, std::forward<Args>(args)...));
}

// Text from outside made safe for one line of a terminal: control characters, line and paragraph separators,
// bidirectional overrides and malformed UTF-8 as \xNN, byte by byte; the rest of a text longer than `limit` bytes
// becomes "...".
std::string printable(std::string_view text, size_t limit = 200);

}  // namespace thimble
