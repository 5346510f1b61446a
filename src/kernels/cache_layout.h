// How keys and values lie in a cache (kernels.h, AttentionTask).
//
// A value is a row of the number format's own blocks.
// Keys come in tiles of 16 slots. Within a tile, for float formats: x[head_dim][16], dimension by dimension, slots
// innermost. For formats with blocks of 32 dimensions, part after part, with n = head_dim / 32:
//   scales   binary16 d[n][16]
//   minima   binary16 m[n][16]           (Q5_1)
//   codes    8 bits: uint8 [n][8][16][4]: group g of a block holds dimensions 4g..4g+3; the value + 128
//            4, 5 bits: uint8 [n][4][16][4]: low nibbles are group g, high nibbles group g + 4
//   fifth    uint8 [n][16][4]: bit g is the fifth bit of group g   (Q5_0, Q5_1)
// so that 64 bytes are four dimensions of 16 keys, ready for a four-way integer dot product.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "quant/bf16.h"
#include "quant/f16.h"
#include "quant/f32.h"
#include "quant/q4_0.h"
#include "quant/q5_0.h"
#include "quant/q5_1.h"
#include "quant/q8_0.h"

namespace thimble {

// Codes are value / d + kOffset, or (value - m) / d with a minimum.
template <class Q>
struct CacheFormat;
template <>
struct CacheFormat<Q8_0> {
  static constexpr int kBits = 8, kOffset = 128;
  static constexpr bool kMinimum = false;
};
template <>
struct CacheFormat<Q5_1> {
  static constexpr int kBits = 5, kOffset = 0;
  static constexpr bool kMinimum = true;
};
template <>
struct CacheFormat<Q5_0> {
  static constexpr int kBits = 5, kOffset = 16;
  static constexpr bool kMinimum = false;
};
template <>
struct CacheFormat<Q4_0> {
  static constexpr int kBits = 4, kOffset = 8;
  static constexpr bool kMinimum = false;
};

template <class Q>
inline constexpr bool kIsFloatFormat = Q::kBlockSize == 1;

// Byte offsets of a tile's parts.
template <class Isa, class Q>
struct KeyTile {
  static constexpr int kBits = CacheFormat<Q>::kBits;
  static constexpr size_t kCodeBytes = kBits == 8 ? 512 : 256;  // of a block of 32 dimensions of 16 keys
  size_t minima, codes, fifth, bytes;

  explicit KeyTile(size_t head_dim) {
    const size_t blocks = head_dim / 32;
    minima = blocks * 32;
    codes = minima + (CacheFormat<Q>::kMinimum ? blocks * 32 : 0);
    fifth = codes + blocks * kCodeBytes;
    bytes = fifth + (kBits == 5 ? blocks * 64 : 0);
  }
};

// Calls f.template operator()<Q>() for the format with this number.
template <class Isa, class F>
void with_cache_format(NumberType type, F&& f) {
  switch (type) {
    case NumberType::F32: return f.template operator()<F32>();
    case NumberType::F16: return f.template operator()<F16>();
    case NumberType::BF16: return f.template operator()<BF16>();
    case NumberType::Q8_0: return f.template operator()<Q8_0>();
    case NumberType::Q5_1: return f.template operator()<Q5_1>();
    case NumberType::Q5_0: return f.template operator()<Q5_0>();
    case NumberType::Q4_0: return f.template operator()<Q4_0>();
    default: assert(false && "not a cache type");
  }
}

}  // namespace thimble
