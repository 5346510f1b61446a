// Random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood 2014).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/hash.h"

namespace thimble {

class Random {
 public:
  explicit Random(uint64_t seed, uint64_t stream = 0)
      : state_(seed * 0x9e3779b97f4a7c15u ^ stream * 0xd1342543de82ef95u) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    return mix(state_);
  }
  // Uniform in [-1, 1), 24 bits.
  float next_signed() { return static_cast<float>(next() >> 40) * 0x1p-23f - 1.0f; }
  // Uniform below `bound`, which is far below 2^32.
  size_t next_below(size_t bound) { return static_cast<size_t>((next() >> 32) * bound >> 32); }

  // The numbers below `count` in a random order.
  std::vector<size_t> permutation(size_t count) {
    std::vector<size_t> order(count);
    for (size_t i = 0; i < count; ++i) {
      const size_t j = next_below(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }

 private:
  uint64_t state_;
};

}  // namespace thimble
