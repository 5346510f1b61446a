// Each operation of each table against a double-precision reference, and the tables against each other bit for bit.
#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/kernel_inputs.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

constexpr size_t kSizes[] = {1, 7, 15, 16, 17, 31, 33, 100, 576, 2048};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Runs one operation on every table, checks that all agree bit for bit, and returns the result.
std::vector<float> on_all_tables(size_t n, const std::function<void(const Kernels&, float*)>& run) {
  std::vector<float> first;
  for (const Kernels* table : available_kernels()) {
    std::vector<float> y(n);
    run(*table, y.data());
    if (first.empty()) first = y;
    EXPECT_TRUE(same_bits(first, y)) << table->isa << " against " << available_kernels()[0]->isa << ", n = " << n;
  }
  return first;
}

// Values over the whole range that matters to exp, then ordinary ones.
std::vector<float> wide_values(size_t n, uint32_t seed) {
  std::vector<float> x = normal_values(n, seed, 3.0f);
  for (size_t i = 0; i < n; i += 3) x[i] = -100.0f + 200.0f * static_cast<float>(i) / static_cast<float>(n);
  return x;
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// Where exp(-x) overflows a float the result is zero; sigmoid is below 1 / FLT_MAX there.
double sigmoid_floor(float gate, float up) { return std::abs(double{gate} * up) / FLT_MAX + FLT_TRUE_MIN; }

TEST(Ops, RmsNorm) {
  for (size_t n : kSizes) {
    const auto x = normal_values(n, 1), weight = normal_values(n, 2);
    double squares = 0;
    for (float v : x) squares += double{v} * v;
    const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(n) + 1e-5f);
    // Half of n/16 fused additions and the tree's four (a square root halves errors), then seven more operations.
    const double tolerance = (static_cast<double>(n) / 32 + 10) * kRoundoff;
    for (bool weighted : {true, false}) {
      const auto y = on_all_tables(n, [&](const Kernels& table, float* out) {
        table.rms_norm(x.data(), weighted ? weight.data() : nullptr, n, 1e-5f, out);
      });
      for (size_t i = 0; i < n; ++i) {
        const double expected = x[i] * inverse * (weighted ? weight[i] : 1.0f);
        ASSERT_NEAR(y[i], expected, tolerance * std::abs(expected)) << n << " " << i;
      }
    }
  }
}

TEST(Ops, RmsNormInPlace) {
  const auto x = normal_values(100, 3);
  for (const Kernels* table : available_kernels()) {
    std::vector<float> apart(100), in_place = x;
    table->rms_norm(x.data(), nullptr, 100, 1e-6f, apart.data());
    table->rms_norm(in_place.data(), nullptr, 100, 1e-6f, in_place.data());
    EXPECT_TRUE(same_bits(apart, in_place));
  }
}

TEST(Ops, LayerNorm) {
  for (size_t n : kSizes) {
    auto x = normal_values(n, 1);
    for (float& v : x) v += 3.0f;  // a mean to take away
    const auto weight = normal_values(n, 2), bias = normal_values(n, 11);
    double mean = 0, variance = 0;
    for (float v : x) mean += v;
    mean /= static_cast<double>(n);
    for (float v : x) variance += (v - mean) * (v - mean);
    const double inverse = 1.0 / std::sqrt(variance / static_cast<double>(n) + 1e-5f);
    // The mean's error: n/16 additions, the tree's four and the division, of values up to 7 in size; it moves the result by as
    // much times 1 / deviation. Then as RmsNorm.
    const double steps = static_cast<double>(n) / 16 + 12;
    for (bool biased : {true, false}) {
      const auto y = on_all_tables(n, [&](const Kernels& table, float* out) {
        table.layer_norm(x.data(), weight.data(), biased ? bias.data() : nullptr, n, 1e-5f, out);
      });
      for (size_t i = 0; i < n; ++i) {
        const double expected = (x[i] - mean) * inverse * weight[i] + (biased ? bias[i] : 0.0f);
        const double size = std::abs(weight[i]) * inverse * (7 + std::abs(x[i] - mean)) + std::abs(bias[i]);
        ASSERT_NEAR(y[i], expected, steps * kRoundoff * size) << n << " " << i;
      }
    }
  }
}

TEST(Ops, AddAndScaleAreExactlyRounded) {
  for (size_t n : kSizes) {
    const auto x = normal_values(n, 4), y0 = normal_values(n, 5);
    const auto y = on_all_tables(n, [&](const Kernels& table, float* out) {
      std::copy(y0.begin(), y0.end(), out);
      table.add(x.data(), n, out);
      table.scale(0.3f, n, out);
    });
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], (y0[i] + x[i]) * 0.3f);
  }
}

TEST(Ops, SiluMultiply) {
  for (size_t n : kSizes) {
    const auto gate = wide_values(n, 6), up = normal_values(n, 7);
    const auto y = on_all_tables(
        n, [&](const Kernels& table, float* out) { table.silu_multiply(gate.data(), up.data(), n, out); });
    for (size_t i = 0; i < n; ++i) {
      const double expected = gate[i] * sigmoid(gate[i]) * up[i];
      // exp within 2 units in the last place (4 roundoffs), four more operations.
      ASSERT_NEAR(y[i], expected, 8 * kRoundoff * std::abs(expected) + sigmoid_floor(gate[i], up[i])) << gate[i];
    }
  }
}

TEST(Ops, GeluMultiply) {
  for (size_t n : kSizes) {
    const auto gate = wide_values(n, 8), up = normal_values(n, 9);
    const auto y = on_all_tables(
        n, [&](const Kernels& table, float* out) { table.gelu_multiply(gate.data(), up.data(), n, out); });
    for (size_t i = 0; i < n; ++i) {
      const double g = gate[i];
      const double argument = 1.5957691216057308 * g * (1 + double{0.044715f} * g * g);
      const double expected = g * sigmoid(argument) * up[i];
      // As silu; the argument carries five roundings, which exp turns into a relative error.
      const double tolerance = (8 + 5 * std::min(std::abs(argument), 90.0)) * kRoundoff;
      ASSERT_NEAR(y[i], expected, tolerance * std::abs(expected) + sigmoid_floor(gate[i], up[i])) << gate[i];
    }
  }
}

TEST(Ops, GeluExactMultiply) {
  for (size_t n : kSizes) {
    const auto gate = wide_values(n, 8), up = normal_values(n, 9);
    const auto y = on_all_tables(
        n, [&](const Kernels& table, float* out) { table.gelu_exact_multiply(gate.data(), up.data(), n, out); });
    for (size_t i = 0; i < n; ++i) {
      const double g = gate[i], expected = g * 0.5 * std::erfc(-g / std::sqrt(2.0)) * up[i];
      // The formula's own 0.75e-7 of the distribution function, and a dozen roundings.
      ASSERT_NEAR(y[i], expected, std::abs(g * up[i]) * (0.75e-7 + 12 * kRoundoff)) << gate[i];
    }
  }
}

TEST(Ops, ActivationsWithoutAGateMultiplyByOne) {
  const auto gate = wide_values(100, 8);
  const std::vector<float> ones(100, 1.0f);
  for (const Kernels* table : available_kernels()) {
    for (auto* activation : {table->silu_multiply, table->gelu_multiply, table->gelu_exact_multiply}) {
      std::vector<float> with(100), without = gate;
      activation(gate.data(), ones.data(), 100, with.data());
      activation(without.data(), nullptr, 100, without.data());
      EXPECT_TRUE(same_bits(with, without)) << table->isa;
    }
  }
}

TEST(Ops, Softcap) {
  for (float cap : {1.0f, 30.0f, 50.0f}) {
    for (size_t n : kSizes) {
      const auto x = wide_values(n, 10);
      const auto y = on_all_tables(n, [&](const Kernels& table, float* out) {
        std::copy(x.begin(), x.end(), out);
        table.softcap(cap, n, out);
      });
      for (size_t i = 0; i < n; ++i) {
        const double expected = cap * std::tanh(double{x[i]} / cap);
        // Two roundings of the argument, tanh within 2 units in the last place, one product.
        ASSERT_NEAR(y[i], expected, 8 * kRoundoff * std::abs(expected)) << x[i] << " cap " << cap;
      }
    }
  }
}

TEST(Ops, NotANumberAndInfinityStayVisible) {
  const std::vector<float> gate = {kNaN, -kInfinity, kInfinity, 1.0f}, up(4, 1.0f);
  for (const Kernels* table : available_kernels()) {
    std::vector<float> y(4);
    table->silu_multiply(gate.data(), up.data(), 4, y.data());
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isinf(y[2]) && std::isfinite(y[3])) << table->isa;
    table->gelu_multiply(gate.data(), up.data(), 4, y.data());
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isinf(y[2]) && std::isfinite(y[3])) << table->isa;
    table->gelu_exact_multiply(gate.data(), up.data(), 4, y.data());
    EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]) && std::isinf(y[2]) && std::isfinite(y[3])) << table->isa;
    y = gate;
    table->softcap(2.0f, 4, y.data());
    EXPECT_TRUE(std::isnan(y[0]) && y[1] == -2.0f && y[2] == 2.0f) << table->isa;
    y = gate;
    table->rms_norm(gate.data(), nullptr, 4, 1e-5f, y.data());
    EXPECT_TRUE(std::isnan(y[3])) << table->isa;
  }
}

TEST(Ops, Rope) {
  for (size_t rotary : {2, 16, 32, 40, 64, 80, 96, 128, 256}) {
    const auto x = normal_values(rotary + 8, 11);
    std::vector<float> table(rotary);
    for (size_t i = 0; i < rotary / 2; ++i) {
      table[2 * i] = std::cos(static_cast<float>(i) * 0.37f);
      table[2 * i + 1] = std::sin(static_cast<float>(i) * 0.37f);
    }
    for (bool neox : {false, true}) {
      const auto y = on_all_tables(x.size(), [&](const Kernels& kernels, float* out) {
        std::copy(x.begin(), x.end(), out);
        kernels.rope(table.data(), rotary, neox, out);
      });
      for (size_t i = 0; i < rotary / 2; ++i) {
        const size_t first = neox ? i : 2 * i, second = neox ? i + rotary / 2 : 2 * i + 1;
        const double a = x[first], b = x[second], c = table[2 * i], s = table[2 * i + 1];
        const double tolerance = 2 * kRoundoff * (std::abs(a) + std::abs(b));  // a product and a sum
        ASSERT_NEAR(y[first], a * c - b * s, tolerance) << rotary << " " << i;
        ASSERT_NEAR(y[second], a * s + b * c, tolerance) << rotary << " " << i;
      }
      for (size_t i = rotary; i < x.size(); ++i) ASSERT_EQ(y[i], x[i]);
    }
  }
}

TEST(Ops, Hadamard) {
  for (size_t n = 1; n <= 512; n *= 2) {
    const auto x = normal_values(n, 12);
    const auto y = on_all_tables(n, [&](const Kernels& table, float* out) {
      std::copy(x.begin(), x.end(), out);
      table.hadamard(n, out);
    });
    double sizes = 0;
    for (float v : x) sizes += std::abs(v);
    const double root = std::sqrt(static_cast<double>(n));
    // One rounding a stage and three for the norm, of partial sums no larger than the sum of sizes.
    const double tolerance = (std::log2(static_cast<double>(n)) + 3) * kRoundoff * sizes / root;
    for (size_t i = 0; i < n; ++i) {
      double expected = 0;
      for (size_t j = 0; j < n; ++j) expected += std::popcount(i & j) % 2 == 0 ? x[j] : -x[j];
      ASSERT_NEAR(y[i], expected / root, tolerance) << n << " " << i;
    }
  }
}

// ---- products with float weights ----

struct FloatProduct {
  NumberType type;
  size_t k, rows, tokens;
  std::vector<std::byte> weights;  // from an odd address: one byte of padding
  std::vector<std::byte> x;        // records, NaN between k and the record's end
  std::vector<float> w_values, x_values;
  size_t x_stride;

  FloatProduct(NumberType weight_type, size_t columns, size_t row_count, size_t token_count)
      : type(weight_type), k(columns), rows(row_count), tokens(token_count) {
    w_values = normal_values(k * rows, 13);
    x_values = normal_values(k * tokens, 14);
    weights.resize(1 + row_bytes(type, k) * rows);
    type_info(type).pack(w_values.data(), weights.data() + 1, k * rows);
    type_info(type).unpack(weights.data() + 1, w_values.data(), k * rows);
    x_stride = activation_layout(ActivationType::f32, k).bytes;
    x.assign(x_stride * tokens, std::byte{0xff});
    for (size_t t = 0; t < tokens; ++t)
      std::memcpy(x.data() + t * x_stride, x_values.data() + t * k, k * sizeof(float));
  }

  void run(const Kernels& table, size_t row_begin, size_t row_end, size_t token, size_t count, float* y) const {
    const MatmulTask task{weights.data() + 1,
                          row_bytes(type, k),
                          k,
                          row_begin,
                          row_end,
                          x.data() + token * x_stride,
                          x_stride,
                          count,
                          y + token * rows,
                          rows,
                          nullptr};
    table.matmul[static_cast<size_t>(type)](task);
  }
};

class FloatMatmulTest : public testing::TestWithParam<NumberType> {};

TEST_P(FloatMatmulTest, MatchesDoubleOnAllTablesAndSplits) {
  for (size_t k : {1, 15, 16, 37, 64, 576}) {
    const FloatProduct product(GetParam(), k, 13, 39);
    const size_t n = product.rows * product.tokens;
    const auto y = on_all_tables(
        n, [&](const Kernels& table, float* out) { product.run(table, 0, product.rows, 0, product.tokens, out); });
    for (size_t t = 0; t < product.tokens; ++t) {
      for (size_t r = 0; r < product.rows; ++r) {
        double expected = 0, sizes = 0;
        for (size_t i = 0; i < k; ++i) {
          const double term = double{product.w_values[r * k + i]} * product.x_values[t * k + i];
          expected += term;
          sizes += std::abs(term);
        }
        const double tolerance = (static_cast<double>(k) / 16 + 5) * kRoundoff * sizes;
        ASSERT_NEAR(y[t * product.rows + r], expected, tolerance) << k << " " << t << " " << r;
      }
    }
    const auto pieces = on_all_tables(n, [&](const Kernels& table, float* out) {
      for (size_t t = 0; t < product.tokens; ++t) {
        product.run(table, 0, 3, t, 1, out);
        product.run(table, 3, product.rows, t, 1, out);
      }
    });
    EXPECT_TRUE(same_bits(y, pieces)) << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, FloatMatmulTest, testing::Values(NumberType::F32, NumberType::F16, NumberType::BF16),
                         [](const auto& param) { return std::string(type_info(param.param).name); });

}  // namespace
}  // namespace thimble
