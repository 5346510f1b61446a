// How attention() divides its scratch memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace thimble {

// Positions a chunk: chunks start at multiples of this, so that a token's result does not depend on its batch.
inline constexpr size_t kChunk = 64;
inline constexpr size_t kChunkTiles = kChunk / 16;
// Query rows, one a (token, head), that meet a chunk of keys and values after it was unpacked.
inline constexpr size_t kQueryRows = 64;
// Dimensions of the values unpacked at a time.
inline constexpr size_t kPanel = 64;

template <class Isa>
struct AttentionScratch {
  float* scores;          // [kQueryRows][kChunk]
  float* values;          // [kChunk][kPanel]
  float* maxima;          // [kQueryRows]
  float* sums;            // [kQueryRows]
  float* corrections;     // [kQueryRows]
  std::byte* keys;        // [kChunkTiles] tiles unpacked to float or bytes
  float* key_scales;      // [kChunkTiles][head_dim / 32][16]
  float* key_minima;      // [kChunkTiles][head_dim / 32][16]
  int8_t* query;          // [kQueryRows][head_dim]
  float* query_scales;    // [kQueryRows][head_dim / 32]
  float* query_sums;      // [kQueryRows][head_dim / 32], scale * sum
  int32_t* query_starts;  // [kQueryRows][head_dim / 32], what cancels the offset of the keys' codes
  size_t bytes;

  AttentionScratch(std::byte* base, size_t head_dim) {
    const size_t width = (head_dim + 31) / 32 * 32;
    const size_t blocks = width / 32;
    size_t end = 0;
    const auto take = [&](auto*& part, size_t count) {
      part = reinterpret_cast<decltype(&*part)>(base == nullptr ? nullptr : base + end);
      end += (count * sizeof *part + 63) / 64 * 64;
    };
    take(scores, kQueryRows * kChunk);
    take(values, kChunk * kPanel);
    take(maxima, kQueryRows);
    take(sums, kQueryRows);
    take(corrections, kQueryRows);
    take(keys, kChunk * width * sizeof(float));
    take(key_scales, kChunk * blocks);
    take(key_minima, kChunk * blocks);
    take(query, kQueryRows * width);
    take(query_scales, kQueryRows * blocks);
    take(query_sums, kQueryRows * blocks);
    take(query_starts, kQueryRows * blocks);
    bytes = end;
  }
};

}  // namespace thimble
