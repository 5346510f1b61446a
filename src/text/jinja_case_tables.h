// Unicode case mappings as data. Made by tests/oracle/template_case_tables.py.
#pragma once

#include <cstdint>
#include <span>

namespace thimble::jinja {

// Every `step`-th character from first to last (inclusive) maps to itself plus delta.
struct CaseRange {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t delta;
};
// A character that maps to more than one, in UTF-8.
struct CaseSpecial {
  uint32_t code_point;
  const char* text;
};
// Both in the order of code points.
struct CaseTable {
  std::span<const CaseRange> ranges;
  std::span<const CaseSpecial> specials;
};

extern const CaseTable kUpperTable;
extern const CaseTable kLowerTable;
extern const CaseTable kTitleTable;

}  // namespace thimble::jinja
