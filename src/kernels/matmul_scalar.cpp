// The reference: one weight at a time, in the order that kernels.h gives.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/half.h"
#include "kernels/kernels.h"
#include "kernels/matmul_scratch.h"
#include "kernels/quantize_rows.h"
#include "kernels/tables.h"
#include "quant/k_layout.h"
#include "quant/type_list.h"

namespace thimble {

size_t matmul_scratch_bytes(size_t /*k*/) { return kMatmulScratchBytes; }

namespace {

// One block in plain numbers: weight i is d * scale[i / sub] * weight[i], less (plus for blocks of 32) its minimum.
struct PlainBlock {
  int8_t weight[256];
  int scale[16];
  int minimum[16];
  float d;
  float m;
};

int nibble(const uint8_t* bytes, int i) { return i < 16 ? bytes[i] & 0xf : bytes[i - 16] >> 4; }
int fifth_bit(const uint8_t* bits, int i) { return (bits[i / 8] >> (i % 8) & 1) << 4; }

void read(const Q4_0::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = static_cast<int8_t>(nibble(in.qs, i) - 8);
}
void read(const Q4_1::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = static_cast<int8_t>(nibble(in.qs, i));
  out.m = f16_to_f32(in.m);
}
void read(const Q5_0::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = static_cast<int8_t>((nibble(in.qs, i) | fifth_bit(in.qh, i)) - 16);
}
void read(const Q5_1::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = static_cast<int8_t>(nibble(in.qs, i) | fifth_bit(in.qh, i));
  out.m = f16_to_f32(in.m);
}
void read(const Q8_0::Block& in, PlainBlock& out) { std::memcpy(out.weight, in.qs, 32); }
void read(const IQ4_NL::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = IQ4_NL::kValues[nibble(in.qs, i)];
}

template <class Block>
void read_scales_and_minima(const Block& in, PlainBlock& out) {
  const auto packed = k_layout::load_scales_and_minima(in.scales);
  for (int s = 0; s < 8; ++s) {
    out.scale[s] = packed.scales[s];
    out.minimum[s] = packed.minima[s];
  }
  out.m = f16_to_f32(in.dmin);
}

void read(const Q4_K::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) out.weight[i] = static_cast<int8_t>(k_layout::four_bits(in.qs, i));
  read_scales_and_minima(in, out);
}
void read(const Q5_K::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) {
    out.weight[i] = static_cast<int8_t>(k_layout::four_bits(in.qs, i) | k_layout::one_bit(in.qh, i) << 4);
  }
  read_scales_and_minima(in, out);
}
void read(const Q6_K::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) {
    const int low = in.ql[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 0xf;
    out.weight[i] = static_cast<int8_t>((low | k_layout::two_bits(in.qh, i) << 4) - 32);
  }
  for (int s = 0; s < 16; ++s) out.scale[s] = in.scales[s];
}
void read(const Q3_K::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) {
    const int level = k_layout::two_bits(in.qs, i) | k_layout::one_bit(in.hmask, i) << 2;
    out.weight[i] = static_cast<int8_t>(level - 4);
  }
  for (int s = 0; s < 16; ++s) out.scale[s] = k_layout::load_six_bit_scale(in.scales, s) - 32;
}
void read(const Q2_K::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) out.weight[i] = static_cast<int8_t>(k_layout::two_bits(in.qs, i));
  for (int s = 0; s < 16; ++s) {
    out.scale[s] = in.scales[s] & 0xf;
    out.minimum[s] = in.scales[s] >> 4;
  }
  out.m = f16_to_f32(in.dmin);
}
void read(const IQ4_XS::Block& in, PlainBlock& out) {
  for (int i = 0; i < 256; ++i) out.weight[i] = IQ4_NL::kValues[nibble(in.qs + i / 32 * 16, i % 32)];
  for (int s = 0; s < 8; ++s) {
    out.scale[s] = ((in.scales_l[s / 2] >> (s % 2 * 4) & 0xf) | (in.scales_h >> (2 * s) & 3) << 4) - 32;
  }
}

void read(const MXFP4::Block& in, PlainBlock& out) {
  for (int i = 0; i < 32; ++i) out.weight[i] = MXFP4::kValues[nibble(in.qs, i)];
}

// A codebook or ternary format says itself what integers its block holds.
template <class Q>
concept HasIntegers = requires(const typename Q::Block& block) {
  Q::integers(block);
};

template <class Q>
void read_block(const typename Q::Block& in, PlainBlock& out) {
  if constexpr (HasIntegers<Q>) {
    const IntegerBlock integers = Q::integers(in);
    std::copy(integers.levels.begin(), integers.levels.end(), out.weight);
    std::copy(integers.scales.begin(), integers.scales.end(), out.scale);
  } else {
    read(in, out);
  }
  if constexpr (requires { Q::scale(in); }) {
    out.d = Q::scale(in);
  } else {
    out.d = f16_to_f32(in.d);
  }
}

template <class Q>
inline constexpr bool kHasMinimum = requires(typename Q::Block block) {
  block.m;
}
|| requires(typename Q::Block block) { block.dmin; };
template <class Q>
inline constexpr int kSubBlock = HasIntegers<Q> ? 16 : 32;
template <>
inline constexpr int kSubBlock<Q6_K> = 16;
template <>
inline constexpr int kSubBlock<Q3_K> = 16;
template <>
inline constexpr int kSubBlock<Q2_K> = 16;

int dot(const int8_t* w, const int8_t* x, int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += w[i] * x[i];
  return sum;
}

struct Activations {
  const int8_t* q;
  const float* scales;
  const float* scaled_sums;
  const int16_t* sums;
};

template <class Q>
float add_block(const PlainBlock& w, const Activations& x, size_t b, float total) {
  const int8_t* q = x.q + b * Q::kBlockSize;
  const float scale = w.d * x.scales[b];
  if constexpr (Q::kBlockSize == 32) {
    total = std::fma(static_cast<float>(dot(w.weight, q, 32)), scale, total);
    return kHasMinimum<Q> ? std::fma(w.m, x.scaled_sums[b], total) : total;
  } else {
    int sum = 0;
    for (int i = 0; i < 256; i += kSubBlock<Q>)
      sum += w.scale[i / kSubBlock<Q>] * dot(w.weight + i, q + i, kSubBlock<Q>);
    total = std::fma(static_cast<float>(sum), scale, total);
    if (!kHasMinimum<Q>) return total;
    int min_sum = 0;
    for (int s = 0; s < 16; ++s) min_sum += w.minimum[s * 16 / kSubBlock<Q>] * x.sums[b * 16 + s];
    return std::fma(static_cast<float>(min_sum), -(w.m * x.scales[b]), total);
  }
}

template <class Q>
void matmul(const MatmulTask& task) {
  constexpr ActivationType kType = Q::kBlockSize == 32 ? ActivationType::q8_32 : ActivationType::q8_256;
  const ActivationLayout layout = activation_layout(kType, task.k);
  for (size_t row = task.row_begin; row < task.row_end; ++row) {
    const std::byte* weights = task.weights + row * task.weight_stride;
    for (size_t t = 0; t < task.tokens; ++t) task.y[t * task.y_stride + row] = 0;
    for (size_t b = 0; b < task.k / Q::kBlockSize; ++b) {
      typename Q::Block block;
      std::memcpy(&block, weights + b * sizeof block, sizeof block);
      PlainBlock plain;
      read_block<Q>(block, plain);
      for (size_t t = 0; t < task.tokens; ++t) {
        const std::byte* x = task.x + t * task.x_stride;
        const Activations activations{
            reinterpret_cast<const int8_t*>(x), reinterpret_cast<const float*>(x + layout.scales),
            reinterpret_cast<const float*>(x + layout.scaled_sums), reinterpret_cast<const int16_t*>(x + layout.sums)};
        float& total = task.y[t * task.y_stride + row];
        total = add_block<Q>(plain, activations, b, total);
      }
    }
  }
}

// A single number is no block: those formats have other products.
template <class Q>
void fill(Kernels& table) {
  if constexpr (Q::kBlockSize > 1) table.matmul[static_cast<size_t>(Q::kType)] = &matmul<Q>;
}

}  // namespace

void fill_matmul_scalar(Kernels& table) {
  AllTypes::for_each([&]<class Q>() { fill<Q>(table); });
  table.quantize_q8_32 = &quantize_q8_32_scalar;
  table.quantize_q8_256 = &quantize_q8_256_scalar;
}

}  // namespace thimble
