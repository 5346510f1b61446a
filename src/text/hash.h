// Hashing for the open-addressing tables of the tokenizers. Their capacity is any number, not a power of two.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace thimble {

inline uint64_t mix(uint64_t x) {  // the finalizer of SplitMix64 (Steele, Lea, Flood 2014)
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline uint64_t hash_text(std::string_view text) {
  uint64_t hash = text.size();
  while (text.size() >= sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    hash = mix(hash ^ word) * 0x9e3779b97f4a7c15u;
    text.remove_prefix(sizeof word);
  }
  uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());  // an empty view may point nowhere
  return mix(hash ^ word ^ 0x9e3779b97f4a7c15u);
}

// Where the search for `hash` begins in a table of `capacity` slots, from the upper half of its bits.
inline size_t first_slot(uint64_t hash, size_t capacity) { return (hash >> 32) * capacity >> 32; }

// Two thirds full at most.
inline size_t table_capacity(size_t entries) { return entries + entries / 2 + 1; }

// How many slots may be passed in all while `entries` are put into a table: far above what chance brings about. Keys
// made to collide would otherwise turn a file of some megabytes into hours of work.
inline size_t probe_budget(size_t entries) { return 64 * entries + 4096; }

}  // namespace thimble
