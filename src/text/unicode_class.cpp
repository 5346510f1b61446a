#include "text/unicode_class.h"

#include <algorithm>
#include <cassert>

#include "text/unicode_class_table.h"

namespace thimble {

UnicodeClass unicode_class(uint32_t code_point) {
  assert(code_point >= 0x80);
  const auto begins_later = [](uint32_t wanted, uint32_t entry) { return wanted < entry >> 3; };
  const auto next = std::upper_bound(kUnicodeClassRanges.begin(), kUnicodeClassRanges.end(), code_point, begins_later);
  return static_cast<UnicodeClass>(*(next - 1) & 7);
}

}  // namespace thimble
