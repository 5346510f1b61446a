// Dropout (Srivastava et al. 2014) on what an adapter's inner product reads: each value is 0 with probability `rate`, else divided by
// 1 - rate. Which, is a function of the seed, the tensor, the token and the column, so that a pass can be run again.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thimble {

struct Dropout {
  float rate = 0;  // below 1; 0: none
  uint64_t seed = 0;

  // out[i] = x[i] times its factor, for columns first .. first + count of a token; out may be x.
  void apply(uint32_t tensor, size_t token, size_t first, size_t count, const float* x, float* out) const {
    const auto limit = static_cast<uint32_t>(static_cast<double>(rate) * 0x1p32);
    const float kept = 1.0f / (1.0f - rate);
    const uint64_t row = mix(mix(seed + tensor) + token);
    for (size_t i = 0; i < count; ++i) {
      const bool is_dropped = static_cast<uint32_t>(mix(row + first + i)) < limit;
      out[i] = is_dropped ? 0.0f : x[i] * kept;
    }
  }

 private:
  static uint64_t mix(uint64_t x) {  // SplitMix64 (Steele, Lea, Flood 2014)
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
};

}  // namespace thimble
