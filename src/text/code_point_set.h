// Sets of Unicode scalar values, as character classes name them, and the byte sequences that spell them in UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace thimble {

class CodePointSet {
 public:
  struct Range {
    uint32_t first;
    uint32_t last;  // included
    bool operator==(const Range&) const = default;
  };

  CodePointSet() = default;
  // In any order, overlapping or not; surrogates and what is above U+10FFFF are left out.
  explicit CodePointSet(std::vector<Range> ranges);
  static CodePointSet all() { return CodePointSet({{0, 0x10ffff}}); }

  const std::vector<Range>& ranges() const { return ranges_; }  // ascending, with gaps between them
  bool is_empty() const { return ranges_.empty(); }
  bool contains(uint32_t code_point) const;

  CodePointSet complement() const;
  CodePointSet united(const CodePointSet& other) const;
  CodePointSet intersected(const CodePointSet& other) const;

 private:
  std::vector<Range> ranges_;
};

// The same number of ranges as the sequence has bytes: any byte of the first, then any of the second, ...
struct Utf8Sequence {
  struct ByteRange {
    uint8_t first;
    uint8_t last;
  };
  std::array<ByteRange, 4> bytes;
  uint8_t length;
};
// Sequences that together spell exactly the code points of the set, in ascending order.
void for_each_utf8_sequence(const CodePointSet& set, const std::function<void(const Utf8Sequence&)>& visit);

}  // namespace thimble
