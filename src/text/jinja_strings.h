// Text operations that both the methods of str and the filters are made of. Growing results are charged as they grow.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja_runtime.h"

namespace thimble::jinja {

enum class Ends { left, right, both };
enum class Alignment { left, right, center };

// Without white space, or without any of the characters in `characters`, at its ends.
std::string_view strip(Runtime& runtime, std::string_view text, const Value* characters, Ends ends);
// Replaces at most `count` times; negative: all.
std::string replace(Runtime& runtime, std::string_view text, std::string_view from, std::string_view to, int64_t count);
// Pieces between separators, splitting at most `most` times (negative: all), from the end with `from_end`.
std::vector<std::string_view> split(std::string_view text, std::string_view separator, int64_t most, bool from_end);
// The same between runs of white space; no piece is empty.
std::vector<std::string_view> split_space(std::string_view text, int64_t most, bool from_end);
// Filled up to `width` code points.
std::string pad(Runtime& runtime, std::string_view text, int64_t width, std::string_view fill, Alignment alignment);

}  // namespace thimble::jinja
