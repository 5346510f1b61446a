// What goes wrong inside a template. A Fault leaves the interpreter only as Error(bad_file) with line and column
// (chat_template.cpp); who throws it may leave the place to whoever knows it.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace thimble::jinja {

struct Fault {
  std::string message;
  std::optional<size_t> offset = std::nullopt;  // into the source, where it is known
};

template <class... Args>
[[noreturn]] void fault(fmt::format_string<Args...> text, Args&&... args) {
  throw Fault{fmt::format(text, std::forward<Args>(args)...)};
}

template <class... Args>
[[noreturn]] void fault_at(size_t offset, fmt::format_string<Args...> text, Args&&... args) {
  throw Fault{fmt::format(text, std::forward<Args>(args)...), offset};
}

}  // namespace thimble::jinja
