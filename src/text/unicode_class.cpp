#include "text/unicode_class.h"

#include <cassert>

#include "text/class_ranges.h"
#include "text/unicode_class_table.h"

namespace thimble {

UnicodeClass unicode_class(uint32_t code_point) {
  assert(code_point >= 0x80);
  return static_cast<UnicodeClass>(class_in_ranges(kUnicodeClassRanges, code_point));
}

}  // namespace thimble
