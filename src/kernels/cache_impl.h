// Writing keys and values into a cache and reading them back. Blocks of 32 are quantized as the formats' reference
// implementations do (the largest value, or the range, decides the scale).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/cache_layout.h"
#include "kernels/vec_math.h"

namespace thimble {

// 32 values as codes with a scale and a minimum.
struct CodedBlock {
  uint8_t codes[32];
  uint16_t scale;    // binary16
  uint16_t minimum;  // binary16
};

template <class Isa>
struct CacheCodec {
  using Float = typename Isa::Float;
  using Math = VecMath<Isa>;

  static void store_k(NumberType type, const float* key, size_t head_dim, size_t slot, std::byte* k) {
    with_cache_format<Isa>(type, [&]<class Q>() { store_key<Q>(key, head_dim, slot, k); });
  }
  static void store_v(NumberType type, const float* value, size_t head_dim, size_t slot, std::byte* v) {
    with_cache_format<Isa>(type, [&]<class Q>() { store_value<Q>(value, head_dim, slot, v); });
  }
  static void load_k(NumberType type, const std::byte* k, size_t head_dim, size_t slot, float* key) {
    with_cache_format<Isa>(type, [&]<class Q>() { load_key<Q>(k, head_dim, slot, key); });
  }
  static void load_v(NumberType type, const std::byte* v, size_t head_dim, size_t slot, float* value) {
    with_cache_format<Isa>(type, [&]<class Q>() { load_value<Q>(v, head_dim, slot, value); });
  }

  static void fill(Kernels& table) {
    table.store_k = store_k;
    table.store_v = store_v;
    table.load_k = load_k;
    table.load_v = load_v;
  }

  // Values [begin, begin + n) of a row; n a multiple of 32 for the formats with blocks.
  template <class Q>
  static void unpack_value(const std::byte* row, size_t begin, size_t n, float* out) {
    if constexpr (kIsFloatFormat<Q>) {
      const std::byte* in = row + begin * sizeof(typename Q::Block);
      size_t i = 0;
      for (; i + 16 <= n; i += 16) Isa::store(out + i, load16<Q>(in + i * sizeof(typename Q::Block)));
      for (; i < n; ++i) out[i] = load1<Q>(in + i * sizeof(typename Q::Block));
    } else {
      const std::byte* in = row + begin / 32 * sizeof(typename Q::Block);
      for (size_t i = 0; i < n; i += 32, in += sizeof(typename Q::Block)) unpack_block<Q>(in, out + i);
    }
  }

  // 16 values of a float format.
  template <class Q>
  static Float load16(const std::byte* p) {
    if constexpr (Q::kType == NumberType::F32) return Isa::load(p);
    if constexpr (Q::kType == NumberType::F16) return Isa::load_f16(p);
    if constexpr (Q::kType == NumberType::BF16) return Isa::load_bf16(p);
  }

 private:
  template <class T>
  static T read(const std::byte* p) {
    T x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  template <class T>
  static void write(std::byte* p, T x) {
    std::memcpy(p, &x, sizeof x);
  }
  // Byte i of the result is f(i).
  template <class F>
  static uint32_t four_bytes(F f) {
    return static_cast<uint32_t>(f(0)) | static_cast<uint32_t>(f(1)) << 8 | static_cast<uint32_t>(f(2)) << 16 |
           static_cast<uint32_t>(f(3)) << 24;
  }

  template <class Q>
  static void store1(std::byte* p, float x) {
    if constexpr (Q::kType == NumberType::F32) write(p, x);
    if constexpr (Q::kType == NumberType::F16) write(p, Isa::to_f16(x));
    if constexpr (Q::kType == NumberType::BF16) write(p, Isa::to_bf16(x));
  }
  template <class Q>
  static float load1(const std::byte* p) {
    if constexpr (Q::kType == NumberType::F32) return read<float>(p);
    if constexpr (Q::kType == NumberType::F16) return Isa::from_f16(read<uint16_t>(p));
    if constexpr (Q::kType == NumberType::BF16) return Isa::from_bf16(read<uint16_t>(p));
  }

  // ---- quantizing 32 values ----

  template <class Q>
  static CodedBlock encode(const float* x) {
    using Format = CacheFormat<Q>;
    const Float low = Isa::load(x), high = Isa::load(x + 16);
    constexpr int kLast = (1 << Format::kBits) - 1;
    float scale, minimum = 0, shift = Format::kOffset + 0.5f;
    if constexpr (Format::kMinimum) {
      minimum = -Isa::max_of(Isa::max(negate(low), negate(high)));
      const float maximum = Isa::max_of(Isa::max(low, high));
      scale = (maximum - minimum) * (1.0f / kLast);
      shift = 0.5f;
    } else if constexpr (Format::kBits == 8) {
      scale = largest_size(low, high) * (1.0f / 127.0f);
    } else {
      scale = largest(x, low, high) * (-1.0f / Format::kOffset);
    }
    // A value that is not finite must not vanish in its code: it is left in the scale.
    const float size = largest_size(low, high);
    if (!(size - size == 0.0f)) scale = size;
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    CodedBlock block;
    block.scale = Isa::to_f16(scale);
    block.minimum = Isa::to_f16(minimum);
    const auto codes = [&](Float v) {
      const Float code = Isa::fma(Isa::sub(v, Isa::set1(minimum)), Isa::set1(inverse), Isa::set1(shift));
      // Bounds as second operands, which also replace NaN.
      return Isa::truncate(Isa::max(Isa::min(code, Isa::set1(static_cast<float>(kLast))), Isa::zero()));
    };
    Isa::store_low_bytes(block.codes, codes(low));
    Isa::store_low_bytes(block.codes + 16, codes(high));
    return block;
  }

  static Float negate(Float x) { return Isa::sub(Isa::zero(), x); }

  // The largest |x|; infinite or NaN where any is. Bits of sizes are ordered as integers.
  static float largest_size(Float low, Float high) {
    const auto sizes = Isa::max_int(Isa::bits_of(Math::absolute(low)), Isa::bits_of(Math::absolute(high)));
    return __builtin_bit_cast(float, Isa::max_of_int(sizes));
  }
  // The first value of the largest size, with its sign.
  static float largest(const float* x, Float low, Float high) {
    const Float size = Isa::set1(largest_size(low, high));
    const uint32_t found =
        Isa::bits(Isa::equal(Math::absolute(low), size)) | Isa::bits(Isa::equal(Math::absolute(high), size)) << 16;
    return found != 0 ? x[__builtin_ctz(found)] : 0.0f;
  }

  // ---- keys ----

  template <class Q>
  static void store_key(const float* key, size_t head_dim, size_t slot, std::byte* k) {
    const size_t lane = slot % 16;
    if constexpr (kIsFloatFormat<Q>) {
      constexpr size_t kSize = sizeof(typename Q::Block);
      std::byte* tile = k + slot / 16 * (16 * head_dim * kSize);
      for (size_t i = 0; i < head_dim; ++i) store1<Q>(tile + (16 * i + lane) * kSize, key[i]);
    } else {
      const KeyTile<Isa, Q> layout(head_dim);
      std::byte* tile = k + slot / 16 * layout.bytes;
      for (size_t b = 0; b < head_dim / 32; ++b) store_key_block<Q>(encode<Q>(key + 32 * b), layout, b, lane, tile);
    }
  }

  template <class Q>
  static void store_key_block(const CodedBlock& block, const KeyTile<Isa, Q>& layout, size_t b, size_t lane,
                              std::byte* tile) {
    const uint8_t* codes = block.codes;
    write(tile + b * 32 + lane * 2, block.scale);
    if constexpr (CacheFormat<Q>::kMinimum) write(tile + layout.minima + b * 32 + lane * 2, block.minimum);
    std::byte* out = tile + layout.codes + b * layout.kCodeBytes + lane * 4;
    if constexpr (CacheFormat<Q>::kBits == 8) {
      for (size_t g = 0; g < 8; ++g) std::memcpy(out + 64 * g, codes + 4 * g, 4);
      return;
    }
    for (size_t g = 0; g < 4; ++g) {
      const auto two_nibbles = [&](size_t j) { return (codes[4 * g + j] & 15) | (codes[4 * g + 16 + j] & 15) << 4; };
      write(out + 64 * g, four_bytes(two_nibbles));
    }
    if constexpr (CacheFormat<Q>::kBits == 5) {
      const auto fifth_bits = [&](size_t j) {
        unsigned bits = 0;
        for (size_t g = 0; g < 8; ++g) bits |= (codes[4 * g + j] >> 4u) << g;
        return bits;
      };
      write(tile + layout.fifth + b * 64 + lane * 4, four_bytes(fifth_bits));
    }
  }

  template <class Q>
  static void load_key(const std::byte* k, size_t head_dim, size_t slot, float* key) {
    const size_t lane = slot % 16;
    if constexpr (kIsFloatFormat<Q>) {
      constexpr size_t kSize = sizeof(typename Q::Block);
      const std::byte* tile = k + slot / 16 * (16 * head_dim * kSize);
      for (size_t i = 0; i < head_dim; ++i) key[i] = load1<Q>(tile + (16 * i + lane) * kSize);
    } else {
      const KeyTile<Isa, Q> layout(head_dim);
      const std::byte* tile = k + slot / 16 * layout.bytes;
      for (size_t i = 0; i < head_dim; ++i) {
        const size_t b = i / 32;
        const float scale = Isa::from_f16(read<uint16_t>(tile + b * 32 + lane * 2));
        const float code = static_cast<float>(key_code<Q>(tile, layout, i, lane) - CacheFormat<Q>::kOffset);
        key[i] = code * scale;
        if constexpr (CacheFormat<Q>::kMinimum) {
          key[i] += Isa::from_f16(read<uint16_t>(tile + layout.minima + b * 32 + lane * 2));
        }
      }
    }
  }

  template <class Q>
  static int key_code(const std::byte* tile, const KeyTile<Isa, Q>& layout, size_t i, size_t lane) {
    const size_t b = i / 32, g = i % 32 / 4, j = lane * 4 + i % 4;
    const std::byte* codes = tile + layout.codes + b * layout.kCodeBytes;
    if constexpr (CacheFormat<Q>::kBits == 8) return static_cast<int>(codes[64 * g + j]);
    const int nibbles = static_cast<int>(codes[64 * (g % 4) + j]);
    int code = g < 4 ? nibbles & 15 : nibbles >> 4;
    if constexpr (CacheFormat<Q>::kBits == 5) code |= (static_cast<int>(tile[layout.fifth + b * 64 + j]) >> g & 1) << 4;
    return code;
  }

  // ---- values ----

  template <class Q>
  static void store_value(const float* value, size_t head_dim, size_t slot, std::byte* v) {
    constexpr size_t kSize = sizeof(typename Q::Block);
    std::byte* row = v + slot * (head_dim / Q::kBlockSize * kSize);
    if constexpr (kIsFloatFormat<Q>) {
      for (size_t i = 0; i < head_dim; ++i) store1<Q>(row + i * kSize, value[i]);
    } else {
      for (size_t b = 0; b < head_dim / 32; ++b) {
        const typename Q::Block block = file_block<Q>(encode<Q>(value + 32 * b));
        std::memcpy(row + b * kSize, &block, kSize);
      }
    }
  }

  template <class Q>
  static typename Q::Block file_block(const CodedBlock& coded) {
    typename Q::Block block;
    block.d = coded.scale;
    if constexpr (CacheFormat<Q>::kMinimum) block.m = coded.minimum;
    if constexpr (CacheFormat<Q>::kBits == 8) {
      for (int i = 0; i < 32; ++i) block.qs[i] = static_cast<int8_t>(coded.codes[i] - 128);
    } else {
      for (int i = 0; i < 16; ++i)
        block.qs[i] = static_cast<uint8_t>((coded.codes[i] & 15) | (coded.codes[i + 16] & 15) << 4);
    }
    if constexpr (CacheFormat<Q>::kBits == 5) {
      uint32_t fifth = 0;
      for (int i = 0; i < 32; ++i) fifth |= static_cast<uint32_t>(coded.codes[i] >> 4) << i;
      std::memcpy(block.qh, &fifth, sizeof fifth);
    }
    return block;
  }

  template <class Q>
  static void load_value(const std::byte* v, size_t head_dim, size_t slot, float* value) {
    const size_t row_bytes = head_dim / Q::kBlockSize * sizeof(typename Q::Block);
    unpack_value<Q>(v + slot * row_bytes, 0, head_dim, value);
  }

  template <class Q>
  static void unpack_block(const std::byte* in, float* out) {
    using Block = typename Q::Block;
    using Format = CacheFormat<Q>;
    const Float scale = Isa::set1(Isa::from_f16(read<uint16_t>(in + offsetof(Block, d))));
    const std::byte* codes = in + offsetof(Block, qs);
    if constexpr (Format::kBits == 8) {
      Isa::store(out, Isa::mul(Isa::to_float(Isa::load_i8(codes)), scale));
      Isa::store(out + 16, Isa::mul(Isa::to_float(Isa::load_i8(codes + 16)), scale));
      return;
    }
    const auto nibbles = Isa::load_u8(codes);
    Float low = Isa::to_float(Isa::bit_and(nibbles, Isa::set1_int(15)));
    Float high = Isa::to_float(Isa::template shift_right<4>(nibbles));
    const Float offset = Isa::set1(-static_cast<float>(Format::kOffset));
    if constexpr (Format::kBits == 5) {
      const uint32_t fifth = read<uint32_t>(in + offsetof(Block, qh));
      const Float upper = Isa::add(offset, Isa::set1(16.0f));
      low = Isa::add(low, Isa::select(Isa::mask(fifth & 0xffff), upper, offset));
      high = Isa::add(high, Isa::select(Isa::mask(fifth >> 16), upper, offset));
    } else {
      low = Isa::add(low, offset);
      high = Isa::add(high, offset);
    }
    low = Isa::mul(low, scale);
    high = Isa::mul(high, scale);
    if constexpr (Format::kMinimum) {
      const Float minimum = Isa::set1(Isa::from_f16(read<uint16_t>(in + offsetof(Block, m))));
      low = Isa::add(low, minimum);
      high = Isa::add(high, minimum);
    }
    Isa::store(out, low);
    Isa::store(out + 16, high);
  }
};

}  // namespace thimble
