// Python's two ways of filling text: `text % values` and `text.format(...)`.
#pragma once

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

// printf-style: %s %r %d %i %u %x %X %o %e %E %f %F %g %G %c %%, with flags, width, precision and (name).
Value percent_format(Runtime& runtime, const Value& pattern, const Value& values);

// Fields {} {0} {name} with .attribute and [item], !r and !s, and format specifications.
Value brace_format(Runtime& runtime, const Value& pattern, const Arguments& arguments);

}  // namespace thimble::jinja
