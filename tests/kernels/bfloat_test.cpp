// Products of floats rounded to bfloat16: against their definition, and the same bits on every instruction set.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "kernels/kernels.h"

namespace thimble {
namespace {

// Of many sizes, none so small that vdpbf16ps takes it for zero.
std::vector<float> values(size_t count, uint32_t seed) {
  std::vector<float> out(count);
  for (float& value : out) {
    seed = seed * 1664525u + 1013904223u;
    value = std::ldexp(static_cast<float>(static_cast<int32_t>(seed)) * 0x1p-31f, static_cast<int>(seed >> 8 & 15) - 8);
  }
  return out;
}

float low(uint32_t pair) { return bf16_to_f32(static_cast<uint16_t>(pair)); }
float high(uint32_t pair) { return bf16_to_f32(static_cast<uint16_t>(pair >> 16)); }

TEST(Bfloat, PairsAreRoundedToTheNearest) {
  std::vector<float> x = values(83, 1), y = values(83, 2);
  // Halfway to an even and to an odd neighbour, next to infinity, infinity, zeros.
  const float edges[] = {1 + 0x1p-8f, 1 + 0x3p-8f, 3.39e38f, INFINITY, -INFINITY, 0.0f, -0.0f, 1 + 0x1p-8f + 0x1p-20f};
  std::copy(std::begin(edges), std::end(edges), x.begin());
  for (const Kernels* kernels : available_kernels()) {
    for (const size_t n : {size_t{8}, size_t{16}, size_t{83}}) {
      std::vector<uint32_t> pairs(n + 1, 0xabcdu);
      kernels->pair_rows(x.data(), y.data(), n, pairs.data());
      for (size_t i = 0; i < n; ++i) {
        EXPECT_EQ(pairs[i], f32_to_bf16(x[i]) | static_cast<uint32_t>(f32_to_bf16(y[i])) << 16) << kernels->isa << i;
      }
      EXPECT_EQ(pairs[n], 0xabcdu);
    }
  }
}

TEST(Bfloat, ProductsFollowTheirDefinition) {
  constexpr size_t kMost = 150;
  for (const size_t k : {size_t{1}, size_t{16}, size_t{17}, size_t{48}, kMost}) {
    const size_t rows = 15, tokens = 69, pairs = pair_count(k);
    const std::vector<float> w = values(rows * k, 3), x = values(tokens * k, 4);
    const auto records = [&](const Kernels& kernels, const std::vector<float>& from, size_t count) {
      std::vector<uint32_t> out(count * pairs, 0x7fc07fc0u);
      for (size_t i = 0; i < count; ++i) kernels.pair_record(from.data() + i * k, k, out.data() + i * pairs);
      return out;
    };
    const Kernels& reference = select_kernels("scalar");
    const std::vector<uint32_t> weights = records(reference, w, rows), inputs = records(reference, x, tokens);
    std::vector<float> expected(tokens * rows);
    for (size_t t = 0; t < tokens; ++t) {
      for (size_t r = 0; r < rows; ++r) {
        float sums[16] = {};
        double exact = 0, size = 0;
        for (size_t i = 0; i < pairs; ++i) {
          const uint32_t a = weights[r * pairs + i], b = inputs[t * pairs + i];
          sums[i % 16] = std::fma(low(a), low(b), std::fma(high(a), high(b), sums[i % 16]));
        }
        for (size_t i = 0; i < k; ++i) {
          const double product =
              double{bf16_to_f32(f32_to_bf16(w[r * k + i]))} * bf16_to_f32(f32_to_bf16(x[t * k + i]));
          exact += product;
          size += std::abs(product);
        }
        for (size_t distance = 8; distance > 0; distance /= 2) {
          for (size_t i = 0; i < distance; ++i) sums[i] += sums[i + distance];
        }
        expected[t * rows + r] = sums[0];
        // A sum passes through at most k / 16 + 6 roundings, each of half a unit.
        ASSERT_NEAR(sums[0], exact, size * static_cast<double>(k / 16 + 6) * 0x1p-24);
      }
    }
    for (const Kernels* kernels : available_kernels()) {
      EXPECT_EQ(records(*kernels, w, rows), weights) << kernels->isa;
      std::vector<float> y(tokens * rows, NAN);
      kernels->matmul_pairs({weights.data(), inputs.data(), pairs, rows, tokens, y.data(), rows});
      EXPECT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0) << kernels->isa << ", k " << k;
    }
  }
}

TEST(Bfloat, OuterProductsFollowTheirDefinition) {
  const size_t depth = 9, rows = 13, stride = 70;
  const std::vector<float> a = values(2 * depth * rows, 5), b = values(2 * depth * stride, 6);
  const std::vector<float> before = values(rows * stride, 7);
  const auto pair_up = [](const std::vector<float>& from, size_t width) {
    std::vector<uint32_t> pairs(from.size() / 2);
    for (size_t i = 0; i < from.size() / width; i += 2) {
      select_kernels("scalar").pair_rows(from.data() + i * width, from.data() + (i + 1) * width, width,
                                         pairs.data() + i / 2 * width);
    }
    return pairs;
  };
  const std::vector<uint32_t> left = pair_up(a, rows), right = pair_up(b, stride);
  for (const size_t columns : {size_t{1}, size_t{15}, size_t{32}, size_t{67}}) {
    std::vector<float> expected = before;
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) {
        float sum = 0;
        for (size_t i = 0; i < depth; ++i) {
          const uint32_t x = left[i * rows + r], y = right[i * stride + c];
          sum = std::fma(low(x), low(y), std::fma(high(x), high(y), sum));
        }
        expected[r * stride + c] += sum;
      }
    }
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> found = before;
      kernels->add_outer_pairs({left.data(), rows, right.data(), stride, depth, rows, columns, found.data(), stride});
      EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0)
          << kernels->isa << ", " << columns << " columns";
    }
  }
}

}  // namespace
}  // namespace thimble
