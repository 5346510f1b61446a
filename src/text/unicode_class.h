// General categories of code points as tokenizers see them: Unicode 15.1, whatever the version of the machine's
// libraries.
#pragma once

#include <cstdint>

namespace thimble {

enum class UnicodeClass : uint8_t { letter, number, mark, punctuation, symbol, white_space, other };

// `code_point` >= 0x80 (ASCII needs no table). Unassigned code points are `other`.
UnicodeClass unicode_class(uint32_t code_point);

}  // namespace thimble
