// How deep a page is nested at the most, found before it is parsed: the parser takes time for every open element at every
// tag.
#pragma once

#include <string_view>

namespace thimble {

inline constexpr size_t kMostOpenElements = 500;
// Of those that may be left open, such as <li> and <td>: a page that never closes them has one for each.
inline constexpr size_t kMostOpenItems = 5000;

bool is_nested_too_deep(std::string_view html);

}  // namespace thimble
