// Scores of a block of query rows against one chunk of keys. Keys are unpacked once for all rows: to floats, or to
// bytes that integer dot products take as they are; the queries were then quantized to 8 bits with a scale for 32
// dimensions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/attention_scratch.h"
#include "kernels/cache_impl.h"
#include "kernels/cache_layout.h"
#include "kernels/vec_math.h"

namespace thimble {

// The chunk's keys, ready for scoring.
struct KeyChunk {
  const std::byte* tiles[kChunkTiles];  // float [head_dim][16], or bytes [head_dim / 4][16][4]
};

template <class Isa>
struct AttentionKeys {
  using Float = typename Isa::Float;
  using Int = typename Isa::Int;
  using Scratch = AttentionScratch<Isa>;

  // ---- queries ----

  // One query row as bytes; nothing for float caches.
  static void prepare_query(NumberType type, const float* q, size_t head_dim, size_t row, const Scratch& scratch) {
    with_cache_format<Isa>(type, [&]<class Q>() {
      if constexpr (!kIsFloatFormat<Q>) {
        constexpr int kOffset = CacheFormat<Q>::kBits == 8 ? Isa::kWideOffset : CacheFormat<Q>::kOffset;
        const size_t blocks = head_dim / 32;
        for (size_t b = 0; b < blocks; ++b) {
          const size_t at = row * blocks + b;
          int32_t sum = 0;
          scratch.query_scales[at] = quantize_query(q + 32 * b, scratch.query + row * head_dim + 32 * b, sum);
          scratch.query_sums[at] = scratch.query_scales[at] * static_cast<float>(sum);
          scratch.query_starts[at] = -kOffset * sum;
        }
      }
    });
  }

  // ---- keys ----

  static KeyChunk unpack(NumberType type, const std::byte* k, size_t capacity, size_t head_dim, size_t position,
                         const Scratch& scratch) {
    KeyChunk chunk;
    with_cache_format<Isa>(type, [&]<class Q>() {
      for (size_t t = 0; t < kChunkTiles; ++t) {
        const size_t tile = (position + 16 * t) % capacity / 16;
        chunk.tiles[t] = unpack_tile<Q>(k, tile, head_dim, t, scratch);
      }
    });
    return chunk;
  }

  // ---- scores ----

  // rows: the query rows [begin, end) of the block, at rows[begin..end).
  static void score(NumberType type, const KeyChunk& chunk, const float* const* rows, size_t begin, size_t end,
                    size_t head_dim, const Scratch& scratch) {
    with_cache_format<Isa>(type, [&]<class Q>() {
      const auto tile = [&]<int kRows>(size_t row) {
        if constexpr (kIsFloatFormat<Q>) {
          for (size_t t = 0; t < kChunkTiles; t += Isa::kFloatColumns) {
            float_scores<kRows>(chunk, t, rows + row, head_dim, scratch.scores + row * kChunk);
          }
        } else {
          for (size_t t = 0; t < kChunkTiles; t += Isa::kByteColumns) {
            byte_scores<Q, kRows>(chunk, t, row, head_dim, scratch);
          }
        }
      };
      size_t row = begin;
      for (; row + 4 <= end; row += 4) tile.template operator()<4>(row);
      if (end - row == 3) tile.template operator()<3>(row);
      if (end - row == 2) tile.template operator()<2>(row);
      if (end - row == 1) tile.template operator()<1>(row);
    });
  }

 private:
  // Returns the scale; q[i] = round(x[i] / scale). A value that is not finite is left in the scale.
  static float quantize_query(const float* x, int8_t* q, int32_t& sum) {
    const Float low = Isa::load(x), high = Isa::load(x + 16);
    const auto sizes =
        Isa::max_int(Isa::bits_of(VecMath<Isa>::absolute(low)), Isa::bits_of(VecMath<Isa>::absolute(high)));
    const float size = __builtin_bit_cast(float, Isa::max_of_int(sizes));
    const Float inverse = Isa::set1(size > 0x1p-100f && size < 0x1p127f ? 127.0f / size : 0.0f);
    // Adding 1.5 * 2^23 rounds to an integer, found in the low bits of the result.
    const Float magic = Isa::set1(0x1.8p23f);
    const auto round = [&](Float v) {
      return Isa::sub_int(Isa::bits_of(Isa::fma(v, inverse, magic)), Isa::bits_of(magic));
    };
    uint8_t bytes[32];
    Isa::store_low_bytes(bytes, round(low));
    Isa::store_low_bytes(bytes + 16, round(high));
    std::memcpy(q, bytes, sizeof bytes);
    sum = 0;
    for (int i = 0; i < 32; ++i) sum += q[i];
    return size * (1.0f / 127.0f);
  }

  template <class Q>
  static const std::byte* unpack_tile(const std::byte* k, size_t tile, size_t head_dim, size_t t,
                                      const Scratch& scratch) {
    if constexpr (Q::kType == NumberType::F32) {
      return k + tile * 16 * head_dim * sizeof(float);
    } else if constexpr (kIsFloatFormat<Q>) {
      const std::byte* in = k + tile * 16 * head_dim * 2;
      std::byte* out = scratch.keys + t * 16 * head_dim * sizeof(float);
      for (size_t i = 0; i < head_dim; ++i) {
        Isa::store(reinterpret_cast<float*>(out + i * 64), CacheCodec<Isa>::template load16<Q>(in + i * 32));
      }
      return out;
    } else {
      const KeyTile<Isa, Q> layout(head_dim);
      const std::byte* in = k + tile * layout.bytes;
      const size_t blocks = head_dim / 32;
      for (size_t b = 0; b < blocks; ++b) {
        const size_t at = (t * blocks + b) * 16;
        Isa::store(scratch.key_scales + at, Isa::load_f16(in + b * 32));
        if constexpr (CacheFormat<Q>::kMinimum) {
          Isa::store(scratch.key_minima + at, Isa::load_f16(in + layout.minima + b * 32));
        }
      }
      if constexpr (CacheFormat<Q>::kBits == 8) return in + layout.codes;
      std::byte* out = scratch.keys + t * 16 * head_dim;
      for (size_t b = 0; b < blocks; ++b) unpack_codes<Q>(in, layout, b, out + b * 512);
      return out;
    }
  }

  // A block's packed codes to bytes [8][16][4].
  template <class Q>
  static void unpack_codes(const std::byte* tile, const KeyTile<Isa, Q>& layout, size_t b, std::byte* out) {
    const std::byte* packed = tile + layout.codes + b * layout.kCodeBytes;
    [[maybe_unused]] typename Isa::Bytes fifth;
    if constexpr (CacheFormat<Q>::kBits == 5) fifth = Isa::load_bytes(tile + layout.fifth + b * 64);
    const auto group = [&]<int kGroup>() {
      const auto nibbles = Isa::load_bytes(packed + 64 * kGroup);
      auto low = Isa::and_bytes(nibbles, 15);
      auto high = Isa::and_bytes(Isa::template shift_bytes_right<4>(nibbles), 15);
      if constexpr (CacheFormat<Q>::kBits == 5) {  // bit g to bit 4
        low = Isa::or_bytes(low, Isa::and_bytes(Isa::template shift_bytes_left<4 - kGroup>(fifth), 16));
        high = Isa::or_bytes(high, Isa::and_bytes(Isa::template shift_bytes_right<kGroup>(fifth), 16));
      }
      Isa::store_bytes(out + 64 * kGroup, low);
      Isa::store_bytes(out + 64 * (kGroup + 4), high);
    };
    group.template operator()<0>();
    group.template operator()<1>();
    group.template operator()<2>();
    group.template operator()<3>();
  }

  template <int kRows>
  static void float_scores(const KeyChunk& chunk, size_t t, const float* const* rows, size_t head_dim, float* scores) {
    constexpr int kColumns = Isa::kFloatColumns;
    Float sums[kRows][kColumns];
    const float* keys[kColumns];
    for (int c = 0; c < kColumns; ++c) {
      keys[c] = reinterpret_cast<const float*>(chunk.tiles[t + c]);
      for (int r = 0; r < kRows; ++r) sums[r][c] = Isa::zero();
    }
    for (size_t i = 0; i < head_dim; ++i) {
      Float key[kColumns];
      for (int c = 0; c < kColumns; ++c) key[c] = Isa::load(keys[c] + 16 * i);
      for (int r = 0; r < kRows; ++r) {
        const Float q = Isa::set1(rows[r][i]);
        for (int c = 0; c < kColumns; ++c) sums[r][c] = Isa::fma(key[c], q, sums[r][c]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kColumns; ++c) Isa::store(scores + r * kChunk + (t + c) * 16, sums[r][c]);
    }
  }

  template <class Q, int kRows>
  static void byte_scores(const KeyChunk& chunk, size_t t, size_t row, size_t head_dim, const Scratch& scratch) {
    constexpr int kColumns = Isa::kByteColumns;
    constexpr bool kWide = CacheFormat<Q>::kBits == 8;
    const size_t blocks = head_dim / 32;
    Float sums[kRows][kColumns];
    for (auto& row_sums : sums) {
      for (Float& sum : row_sums) sum = Isa::zero();
    }
    for (size_t b = 0; b < blocks; ++b) {
      Int dots[kRows][kColumns];
      const int8_t* queries[kRows];
      for (int r = 0; r < kRows; ++r) {
        queries[r] = scratch.query + (row + r) * head_dim + 32 * b;
        for (int c = 0; c < kColumns; ++c) dots[r][c] = Isa::set1_int(scratch.query_starts[(row + r) * blocks + b]);
      }
      for (size_t g = 0; g < 8; ++g) {
        typename Isa::Bytes key[kColumns];
        for (int c = 0; c < kColumns; ++c) key[c] = Isa::load_bytes(chunk.tiles[t + c] + b * 512 + g * 64);
        for (int r = 0; r < kRows; ++r) {
          int32_t four;
          std::memcpy(&four, queries[r] + 4 * g, sizeof four);
          const Int q = Isa::set1_int(four);
          for (int c = 0; c < kColumns; ++c) dots[r][c] = Isa::template dot4<kWide>(dots[r][c], key[c], q);
        }
      }
      for (int c = 0; c < kColumns; ++c) {
        const size_t at = ((t + c) * blocks + b) * 16;
        const Float scale = Isa::load(scratch.key_scales + at);
        for (int r = 0; r < kRows; ++r) {
          const Float both = Isa::mul(scale, Isa::set1(scratch.query_scales[(row + r) * blocks + b]));
          sums[r][c] = Isa::fma(Isa::to_float(dots[r][c]), both, sums[r][c]);
          if constexpr (CacheFormat<Q>::kMinimum) {
            const Float minimum = Isa::load(scratch.key_minima + at);
            sums[r][c] = Isa::fma(minimum, Isa::set1(scratch.query_sums[(row + r) * blocks + b]), sums[r][c]);
          }
        }
      }
    }
    float* scores = scratch.scores + row * kChunk + t * 16;
    for (int r = 0; r < kRows; ++r) {
      for (int c = 0; c < kColumns; ++c) Isa::store(scores + r * kChunk + c * 16, sums[r][c]);
    }
  }
};

}  // namespace thimble
