#include "text/code_point_set.h"

#include <algorithm>
#include <utility>

namespace thimble {
namespace {

constexpr uint32_t kMost = 0x10ffff;
constexpr uint32_t kFirstSurrogate = 0xd800;
constexpr uint32_t kLastSurrogate = 0xdfff;

uint8_t encode(uint32_t value, uint8_t length, std::array<uint8_t, 4>& out) {
  static constexpr std::array<uint8_t, 5> kLead = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = length; i-- > 1; value >>= 6) out[i] = static_cast<uint8_t>(0x80 | (value & 0x3f));
  out[0] = static_cast<uint8_t>(kLead[length] | value);
  return length;
}

// `first` and `last` are spelled in `length` bytes. Cut where the bytes behind a differing one do not span all values.
void split(uint32_t first, uint32_t last, uint8_t length, const std::function<void(const Utf8Sequence&)>& visit) {
  for (int tail = 1; tail < length; ++tail) {
    const uint32_t mask = (uint32_t{1} << (6 * tail)) - 1;
    if ((first & ~mask) == (last & ~mask)) break;
    if ((first & mask) != 0) {
      split(first, first | mask, length, visit);
      return split((first | mask) + 1, last, length, visit);
    }
    if ((last & mask) != mask) {
      split(first, (last & ~mask) - 1, length, visit);
      return split(last & ~mask, last, length, visit);
    }
  }
  std::array<uint8_t, 4> low{};
  std::array<uint8_t, 4> high{};
  Utf8Sequence sequence{{}, encode(first, length, low)};
  encode(last, length, high);
  for (size_t i = 0; i < length; ++i) sequence.bytes[i] = {low[i], high[i]};
  visit(sequence);
}

}  // namespace

CodePointSet::CodePointSet(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  const auto append = [this](uint32_t first, uint32_t last) {
    if (first > last) return;
    if (!ranges_.empty() && first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, last);
    } else {
      ranges_.push_back({first, last});
    }
  };
  for (const Range& range : ranges) append(range.first, std::min(range.last, kMost));
  // Once more, around the surrogates.
  std::vector<Range> merged = std::exchange(ranges_, {});
  for (const Range& range : merged) {
    append(range.first, std::min(range.last, kFirstSurrogate - 1));
    append(std::max(range.first, kLastSurrogate + 1), range.last);
  }
}

bool CodePointSet::contains(uint32_t code_point) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code_point,
                                      [](uint32_t wanted, const Range& range) { return wanted < range.first; });
  return after != ranges_.begin() && code_point <= (after - 1)->last;
}

CodePointSet CodePointSet::complement() const {
  std::vector<Range> out;
  uint32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) out.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kMost) out.push_back({next, kMost});
  return CodePointSet(std::move(out));
}

CodePointSet CodePointSet::united(const CodePointSet& other) const {
  std::vector<Range> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(std::move(both));
}

CodePointSet CodePointSet::intersected(const CodePointSet& other) const {
  std::vector<Range> out;
  for (auto a = ranges_.begin(), b = other.ranges_.begin(); a != ranges_.end() && b != other.ranges_.end();) {
    const uint32_t first = std::max(a->first, b->first);
    const uint32_t last = std::min(a->last, b->last);
    if (first <= last) out.push_back({first, last});
    if (a->last < b->last) {
      ++a;
    } else {
      ++b;
    }
  }
  return CodePointSet(std::move(out));
}

void for_each_utf8_sequence(const CodePointSet& set, const std::function<void(const Utf8Sequence&)>& visit) {
  static constexpr std::array<uint32_t, 4> kLastOfLength = {0x7f, 0x7ff, 0xffff, kMost};
  for (const CodePointSet::Range& range : set.ranges()) {
    uint32_t first = range.first;
    for (uint8_t length = 1; length <= 4 && first <= range.last; ++length) {
      const uint32_t end = kLastOfLength[length - 1];
      if (first > end) continue;
      split(first, std::min(range.last, end), length, visit);
      first = end + 1;
    }
  }
}

}  // namespace thimble
