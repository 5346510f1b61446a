// Vectors of length 1 kept as 8-bit integers with a scale each, and the search for those nearest to a query: all are
// looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace thimble {

// What is stored of `count` vectors: their scales, float32, then their elements, int8 [count][width].
size_t packed_vector_bytes(size_t count, size_t width);
std::vector<std::byte> pack_vectors(std::span<const float> vectors, size_t width);

// The vectors of a document: each one's chunk, counted from the document's first and ascending, and pack_vectors() of them.
struct DocumentVectors {
  std::vector<uint32_t> chunks;
  std::vector<std::byte> packed;
};

class VectorTable {
 public:
  VectorTable() = default;
  // Reserves what `count` vectors take.
  VectorTable(size_t width, size_t count);

  size_t width() const { return width_; }
  size_t size() const { return scales_.size(); }
  static uint64_t bytes(size_t width, size_t count) { return count * (width + sizeof(float) + sizeof(int64_t)); }

  // `packed` of as many vectors as there are `chunks`, which are counted from `first_chunk` on. False where its length is
  // another, a scale is not finite, or the chunks are not ascending and behind those that are there.
  bool add(int64_t first_chunk, std::span<const uint32_t> chunks, std::span<const std::byte> packed);

  struct Hit {
    int64_t chunk;
    float cosine;
  };
  // Of the chunks from `first` to `last`, those with the nearest vectors first, each once, ties by chunk. The query has
  // length 1 and width() elements.
  std::vector<Hit> nearest(std::span<const float> query, size_t count, int64_t first = 0,
                           int64_t last = INT64_MAX) const;

 private:
  size_t width_ = 0;
  std::vector<int8_t> elements_;  // [size][width]
  std::vector<float> scales_;
  std::vector<int64_t> chunks_;
};

}  // namespace thimble
