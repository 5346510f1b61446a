// Jinja tokens to a Tree, with jinja2's grammar and precedence.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "text/jinja_ast.h"

namespace thimble::jinja {

// Throws Fault with the offset for what is malformed, unsupported, or nested deeper than `depth`.
std::unique_ptr<const Tree> parse(std::string_view source, size_t depth);

}  // namespace thimble::jinja
