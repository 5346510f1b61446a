// Vectors of 16 lanes without vector instructions: the reference that vec_avx2.h and vec_avx512.h repeat bit for bit,
// and the description of what each operation does. Included by *_scalar.cpp only.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "quant/lanes.h"

namespace thimble {

struct ScalarIsa : PlainLanes {
  struct Bytes {
    uint8_t byte[64];
  };
  // How many vectors of 16 keys or dimensions, and of 16 weights, the inner loops keep in registers for each of 4 rows.
  static constexpr int kFloatColumns = 1;
  static constexpr int kByteColumns = 1;
  // dot4<true> sees bytes as unsigned, with this much added to each value.
  static constexpr int kWideOffset = 0;

  // ---- floats ----
  // The first n < 16 lanes; the others are zero and are not read.
  static Float load_n(const void* p, size_t n) {
    Float x{};
    std::memcpy(&x, p, n * sizeof(float));
    return x;
  }
  static void store_n(float* p, Float x, size_t n) { std::memcpy(p, &x, n * sizeof(float)); }

  static Float fma(Float a, Float b, Float c) {
    return make([&](int i) { return std::fma(a.lane[i], b.lane[i], c.lane[i]); });
  }
  static float fma1(float a, float b, float c) { return std::fma(a, b, c); }
  static float sqrt1(float x) { return std::sqrt(x); }

  // p * 2^n, rounded once, for |p| in 0.5..2 and integers n in -152..130.
  static Float scale2(Float p, Float n) {
    return make([&](int i) {
      const int exponent = n.lane[i] == n.lane[i] ? static_cast<int>(n.lane[i]) : 0;  // p is NaN where n is
      const int half = exponent >> 1;
      return p.lane[i] * power_of_2(half) * power_of_2(exponent - half);
    });
  }

  // ---- masks ----
  static Mask lanes(size_t begin, size_t end) { return mask(((1u << end) - 1) & ~((1u << begin) - 1)); }  // end <= 16
  static Mask mask(uint32_t bits) {
    Mask m;
    for (int i = 0; i < 16; ++i) m.lane[i] = (bits >> i & 1) != 0;
    return m;
  }

  // ---- order of lanes ----
  // Lane i gets lane i ^ kDistance.
  template <int kDistance>
  static Float swap(Float x) {
    return make([&](int i) { return x.lane[i ^ kDistance]; });
  }
  // p: [16][2]
  static void load_pairs(const float* p, Float& first, Float& second) {
    for (int i = 0; i < 16; ++i) {
      first.lane[i] = p[2 * i];
      second.lane[i] = p[2 * i + 1];
    }
  }
  static void store_pairs(float* p, Float first, Float second) {
    for (int i = 0; i < 16; ++i) {
      p[2 * i] = first.lane[i];
      p[2 * i + 1] = second.lane[i];
    }
  }

  // ---- integers ----
  static Int set1_int(int32_t x) {
    return make_int([&](int) { return x; });
  }
  static Int bits_of(Float x) {
    return make_int([&](int i) { return std::bit_cast<int32_t>(x.lane[i]); });
  }
  static Float float_of_bits(Int x) {
    return make([&](int i) { return std::bit_cast<float>(x.lane[i]); });
  }
  static Int bit_and(Int a, Int b) {
    return make_int([&](int i) { return a.lane[i] & b.lane[i]; });
  }
  static Int bit_or(Int a, Int b) {
    return make_int([&](int i) { return a.lane[i] | b.lane[i]; });
  }
  template <int kBits>
  static Int shift_right(Int x) {
    return make_int([&](int i) { return static_cast<int32_t>(static_cast<uint32_t>(x.lane[i]) >> kBits); });
  }
  template <int kBits>
  static Int shift_left(Int x) {
    return make_int([&](int i) { return static_cast<int32_t>(static_cast<uint32_t>(x.lane[i]) << kBits); });
  }
  static Int sub_int(Int a, Int b) {
    return make_int([&](int i) {
      return static_cast<int32_t>(static_cast<uint32_t>(a.lane[i]) - static_cast<uint32_t>(b.lane[i]));
    });
  }
  static Int max_int(Int a, Int b) {
    return make_int([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static Float to_float(Int x) {
    return make([&](int i) { return static_cast<float>(x.lane[i]); });
  }
  static int32_t max_of_int(Int x) {
    int32_t best = x.lane[0];
    for (int32_t lane : x.lane) best = lane > best ? lane : best;
    return best;
  }
  static Int load_u8(const void* p) {
    return make_int([&](int i) { return static_cast<const uint8_t*>(p)[i]; });
  }
  static Int load_i8(const void* p) {
    return make_int([&](int i) { return static_cast<const int8_t*>(p)[i]; });
  }

  // ---- halves ----
  static float from_bf16(uint16_t x) { return bf16_to_f32(x); }
  static uint16_t to_bf16(float x) { return f32_to_bf16(x); }
  static Float load_f16(const void* p) {
    return make([&](int i) { return f16_to_f32(half_at(p, i)); });
  }
  static Float load_bf16(const void* p) {
    return make([&](int i) { return bf16_to_f32(half_at(p, i)); });
  }

  // ---- 64 bytes: four for each lane ----
  static Bytes load_bytes(const void* p) {
    Bytes x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  static void store_bytes(void* p, Bytes x) { std::memcpy(p, &x, sizeof x); }
  static Bytes and_bytes(Bytes a, uint8_t b) {
    for (uint8_t& byte : a.byte) byte &= b;
    return a;
  }
  static Bytes or_bytes(Bytes a, Bytes b) {
    for (int i = 0; i < 64; ++i) a.byte[i] |= b.byte[i];
    return a;
  }
  // Bits that leave a byte are lost or appear in its neighbour: mask the result.
  template <int kBits>
  static Bytes shift_bytes_right(Bytes a) {
    for (uint8_t& byte : a.byte) byte = static_cast<uint8_t>(byte >> kBits);
    return a;
  }
  template <int kBits>
  static Bytes shift_bytes_left(Bytes a) {
    for (uint8_t& byte : a.byte) byte = static_cast<uint8_t>(byte << kBits);
    return a;
  }
  // acc lane i + sum over j < 4 of k[4i + j] * q[4i + j]; q signed. kWide: k is a signed value + 128 and enters as k -
  // 128 + kWideOffset; otherwise k is unsigned, at most 31.
  template <bool kWide>
  static Int dot4(Int acc, Bytes k, Int q) {
    int8_t signed_q[64];
    std::memcpy(signed_q, &q, sizeof signed_q);
    for (int i = 0; i < 64; ++i) acc.lane[i / 4] += (k.byte[i] - (kWide ? 128 : 0)) * signed_q[i];
    return acc;
  }

 private:
  template <class F>
  static Int make_int(F f) {
    Int x;
    for (int i = 0; i < 16; ++i) x.lane[i] = f(i);
    return x;
  }
  static float power_of_2(int n) { return std::bit_cast<float>(static_cast<uint32_t>(n + 127) << 23); }
  static uint16_t half_at(const void* p, int i) {
    uint16_t half;
    std::memcpy(&half, static_cast<const std::byte*>(p) + 2 * i, sizeof half);
    return half;
  }
};

}  // namespace thimble
