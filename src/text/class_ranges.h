// Tables that give every code point a class: ranges by their first code point << 3 | class, ascending; a range ends where
// the next one begins.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace thimble {

// `code_point` is not below the first range.
inline uint32_t class_in_ranges(std::span<const uint32_t> ranges, uint32_t code_point) {
  const auto begins_later = [](uint32_t wanted, uint32_t entry) { return wanted < entry >> 3; };
  return *(std::upper_bound(ranges.begin(), ranges.end(), code_point, begins_later) - 1) & 7;
}

}  // namespace thimble
