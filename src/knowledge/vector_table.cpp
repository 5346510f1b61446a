#include "knowledge/vector_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace thimble {
namespace {

constexpr float kLargest = 127;
constexpr int64_t kLastChunk = INT64_MAX / 2;

// The factor that takes the elements to integers of at most 127.
float scale_of(std::span<const float> vector) {
  float largest = 0;
  for (const float element : vector) largest = std::max(largest, std::abs(element));
  return largest / kLargest;
}

template <class Integer>
void to_integers(std::span<const float> vector, float scale, Integer* out) {
  for (size_t i = 0; i < vector.size(); ++i) {
    out[i] = scale == 0 ? Integer{0} : static_cast<Integer>(std::lrint(vector[i] / scale));
  }
}

// A sum in 32 bits holds 131,072 products of 127 x 127. The query in 16 bits saves widening it for every vector.
int32_t dot(const int16_t* query, const int8_t* vector, size_t width) {
  int32_t sum = 0;
  for (size_t i = 0; i < width; ++i) sum += int32_t{query[i]} * vector[i];
  return sum;
}

bool is_nearer(const VectorTable::Hit& a, const VectorTable::Hit& b) {
  return a.cosine != b.cosine ? a.cosine > b.cosine : a.chunk < b.chunk;
}

}  // namespace

size_t packed_vector_bytes(size_t count, size_t width) { return count * (width + sizeof(float)); }

std::vector<std::byte> pack_vectors(std::span<const float> vectors, size_t width) {
  const size_t count = vectors.size() / width;
  std::vector<std::byte> packed(packed_vector_bytes(count, width));
  std::vector<int8_t> elements(width);
  for (size_t i = 0; i < count; ++i) {
    const std::span<const float> vector = vectors.subspan(i * width, width);
    const float scale = scale_of(vector);
    to_integers(vector, scale, elements.data());
    std::memcpy(packed.data() + i * sizeof scale, &scale, sizeof scale);
    std::memcpy(packed.data() + count * sizeof scale + i * width, elements.data(), width);
  }
  return packed;
}

VectorTable::VectorTable(size_t width, size_t count) : width_(width) {
  elements_.reserve(width * count);
  scales_.reserve(count);
  chunks_.reserve(count);
}

bool VectorTable::add(int64_t first_chunk, std::span<const uint32_t> chunks, std::span<const std::byte> packed) {
  const size_t count = chunks.size();
  if (count == 0 || packed.size() != packed_vector_bytes(count, width_)) return false;
  if (first_chunk < 0 || first_chunk > kLastChunk || !std::ranges::is_sorted(chunks)) return false;
  if (!chunks_.empty() && first_chunk + chunks[0] <= chunks_.back()) return false;
  const size_t before = scales_.size();
  scales_.resize(before + count);
  std::memcpy(scales_.data() + before, packed.data(), count * sizeof(float));
  const auto* const elements = reinterpret_cast<const int8_t*>(packed.data() + count * sizeof(float));
  elements_.insert(elements_.end(), elements, elements + count * width_);
  for (const uint32_t chunk : chunks) chunks_.push_back(first_chunk + chunk);
  return std::all_of(scales_.begin() + static_cast<ptrdiff_t>(before), scales_.end(),
                     [](float scale) { return std::isfinite(scale); });
}

std::vector<VectorTable::Hit> VectorTable::nearest(std::span<const float> query, size_t count, int64_t first,
                                                   int64_t last) const {
  const float scale = scale_of(query);
  std::vector<int16_t> integers(width_);
  to_integers(query.first(width_), scale, integers.data());
  const auto begin = static_cast<size_t>(std::ranges::lower_bound(chunks_, first) - chunks_.begin());
  const auto end = static_cast<size_t>(std::ranges::upper_bound(chunks_, last) - chunks_.begin());
  std::vector<Hit> hits;  // a heap whose first is the farthest
  for (size_t i = begin; i < end && count > 0;) {
    Hit hit{chunks_[i], -std::numeric_limits<float>::infinity()};
    for (; i < end && chunks_[i] == hit.chunk; ++i) {
      const int32_t sum = dot(integers.data(), elements_.data() + i * width_, width_);
      hit.cosine = std::max(hit.cosine, static_cast<float>(sum) * scale * scales_[i]);
    }
    if (hits.size() == count && !is_nearer(hit, hits.front())) continue;
    if (hits.size() == count) {
      std::ranges::pop_heap(hits, is_nearer);
      hits.pop_back();
    }
    hits.push_back(hit);
    std::ranges::push_heap(hits, is_nearer);
  }
  std::ranges::sort_heap(hits, is_nearer);
  return hits;
}

}  // namespace thimble
