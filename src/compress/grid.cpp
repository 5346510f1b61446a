#include "compress/grid.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "base/half.h"
#include "quant/five_bits.h"
#include "quant/k_layout.h"

namespace thimble {
namespace {

constexpr std::array<float, 16> iq4_levels() {
  std::array<float, 16> levels{};
  std::copy(IQ4_NL::kValues.begin(), IQ4_NL::kValues.end(), levels.begin());
  return levels;
}
constexpr std::array<float, 16> kIq4 = iq4_levels();

constexpr Grid kGrids[] = {
    {NumberType::Q8_0, 32, {}, -127, 127, false, 0, 0, 0},    {NumberType::Q5_1, 32, {}, 0, 31, true, 0, 0, 0},
    {NumberType::Q5_0, 32, {}, -16, 15, false, 0, 0, 0},      {NumberType::Q4_1, 32, {}, 0, 15, true, 0, 0, 0},
    {NumberType::Q4_0, 32, {}, -8, 7, false, 0, 0, 0},        {NumberType::IQ4_NL, 32, kIq4, 0, 0, false, 0, 0, 0},
    {NumberType::Q6_K, 16, {}, -32, 31, false, -128, 127, 0}, {NumberType::Q5_K, 32, {}, 0, 31, true, 0, 63, 63},
    {NumberType::Q4_K, 32, {}, 0, 15, true, 0, 63, 63},       {NumberType::Q3_K, 16, {}, -4, 3, false, -32, 31, 0},
    {NumberType::Q2_K, 16, {}, 0, 3, true, 0, 15, 15},        {NumberType::IQ4_XS, 32, kIq4, 0, 0, false, -32, 31, 0},
};

uint8_t iq4_index(float level) { return static_cast<uint8_t>(std::ranges::lower_bound(kIq4, level) - kIq4.begin()); }

void encode(Q8_0::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  for (int i = 0; i < 32; ++i) block.qs[i] = static_cast<int8_t>(parts.levels[i]);
}

void encode(Q5_1::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  block.m = f32_to_f16(parts.offset);
  for (int i = 0; i < 32; ++i) store_five_bits(static_cast<uint8_t>(parts.levels[i]), block.qs, block.qh, i);
}

void encode(Q5_0::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  for (int i = 0; i < 32; ++i) store_five_bits(static_cast<uint8_t>(parts.levels[i] + 16), block.qs, block.qh, i);
}

void store_nibbles(const BlockParts& parts, auto code, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) qs[i] = static_cast<uint8_t>(code(parts.levels[i]) | code(parts.levels[i + 16]) << 4);
}

void encode(Q4_1::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  block.m = f32_to_f16(parts.offset);
  store_nibbles(
      parts, [](float level) { return static_cast<uint8_t>(level); }, block.qs);
}

void encode(Q4_0::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  store_nibbles(
      parts, [](float level) { return static_cast<uint8_t>(level + 8); }, block.qs);
}

void encode(IQ4_NL::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  store_nibbles(parts, iq4_index, block.qs);
}

void encode(Q6_K::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  for (int run = 0; run < 16; ++run) block.scales[run] = static_cast<int8_t>(parts.scale_codes[run]);
  for (int i = 0; i < 256; ++i) {
    const int level = static_cast<int>(parts.levels[i]) + 32;
    block.ql[i / 128 * 64 + i % 64] |= static_cast<uint8_t>((level & 0xf) << (i / 64 % 2 * 4));
    k_layout::store_two_bits(block.qh, i, static_cast<uint8_t>(level >> 4));
  }
}

template <class Block>
void store_affine_header(Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  block.dmin = f32_to_f16(parts.offset);
  uint8_t scales[8], minima[8];
  for (size_t run = 0; run < 8; ++run) {
    scales[run] = static_cast<uint8_t>(parts.scale_codes[run]);
    minima[run] = static_cast<uint8_t>(parts.offset_codes[run]);
  }
  k_layout::store_scales_and_minima(scales, minima, block.scales);
}

void encode(Q5_K::Block& block, const BlockParts& parts) {
  store_affine_header(block, parts);
  for (int i = 0; i < 256; ++i) {
    const uint8_t level = static_cast<uint8_t>(parts.levels[i]);
    k_layout::store_four_bits(block.qs, i, level);
    k_layout::store_one_bit(block.qh, i, level >> 4);
  }
}

void encode(Q4_K::Block& block, const BlockParts& parts) {
  store_affine_header(block, parts);
  for (int i = 0; i < 256; ++i) k_layout::store_four_bits(block.qs, i, static_cast<uint8_t>(parts.levels[i]));
}

void encode(Q3_K::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  for (int run = 0; run < 16; ++run) {
    k_layout::store_six_bit_scale(block.scales, run, static_cast<uint8_t>(parts.scale_codes[run] + 32));
  }
  for (int i = 0; i < 256; ++i) {
    const uint8_t level = static_cast<uint8_t>(parts.levels[i] + 4);
    k_layout::store_two_bits(block.qs, i, level);
    k_layout::store_one_bit(block.hmask, i, level >> 2);
  }
}

void encode(Q2_K::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  block.dmin = f32_to_f16(parts.offset);
  for (int run = 0; run < 16; ++run) {
    block.scales[run] = static_cast<uint8_t>(parts.scale_codes[run] | parts.offset_codes[run] << 4);
  }
  for (int i = 0; i < 256; ++i) k_layout::store_two_bits(block.qs, i, static_cast<uint8_t>(parts.levels[i]));
}

void encode(IQ4_XS::Block& block, const BlockParts& parts) {
  block.d = f32_to_f16(parts.scale);
  for (int run = 0; run < 8; ++run) {
    const int code = parts.scale_codes[run] + 32;
    block.scales_l[run / 2] |= static_cast<uint8_t>((code & 0xf) << (run % 2 * 4));
    block.scales_h |= static_cast<uint16_t>(code >> 4 << (run * 2));
    for (int i = 0; i < 16; ++i) {
      const float* levels = parts.levels + run * 32;
      block.qs[run * 16 + i] = static_cast<uint8_t>(iq4_index(levels[i]) | iq4_index(levels[i + 16]) << 4);
    }
  }
}

template <class Q>
void write(const BlockParts& parts, std::byte* out) {
  typename Q::Block block{};
  encode(block, parts);
  std::memcpy(out, &block, sizeof block);
}

}  // namespace

const Grid* find_grid(NumberType type) {
  const auto found = std::ranges::find(kGrids, type, &Grid::type);
  return found == std::end(kGrids) ? nullptr : found;
}

void encode_block(const Grid& grid, const BlockParts& parts, std::byte* out) {
  switch (grid.type) {
    case NumberType::Q8_0: return write<Q8_0>(parts, out);
    case NumberType::Q5_1: return write<Q5_1>(parts, out);
    case NumberType::Q5_0: return write<Q5_0>(parts, out);
    case NumberType::Q4_1: return write<Q4_1>(parts, out);
    case NumberType::Q4_0: return write<Q4_0>(parts, out);
    case NumberType::IQ4_NL: return write<IQ4_NL>(parts, out);
    case NumberType::Q6_K: return write<Q6_K>(parts, out);
    case NumberType::Q5_K: return write<Q5_K>(parts, out);
    case NumberType::Q4_K: return write<Q4_K>(parts, out);
    case NumberType::Q3_K: return write<Q3_K>(parts, out);
    case NumberType::Q2_K: return write<Q2_K>(parts, out);
    case NumberType::IQ4_XS: return write<IQ4_XS>(parts, out);
    default: assert(false);  // find_grid() has none
  }
}

}  // namespace thimble
