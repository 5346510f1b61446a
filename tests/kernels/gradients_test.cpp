// The elementwise gradients against differences of the operations they belong to, and the tables against each other bit for bit.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "kernels/kernel_inputs.h"

namespace thimble {
namespace {

constexpr size_t kLengths[] = {1, 15, 16, 33, 200};

// The gradient of sum(dy * f(x)) in x, by differences; f: x to y, both of x's size.
std::vector<double> differences(const std::vector<float>& x, const std::vector<float>& dy,
                                const std::function<std::vector<double>(const std::vector<double>&)>& f) {
  std::vector<double> at(x.begin(), x.end()), slopes;
  const auto value = [&] {
    const std::vector<double> y = f(at);
    return std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
  };
  for (double& moved : at) {
    const double origin = moved, step = 1e-5;
    moved = origin + step;
    const double above = value();
    moved = origin - step;
    slopes.push_back((above - value()) / (2 * step));
    moved = origin;
  }
  return slopes;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected, const char* isa) {
  for (size_t i = 0; i < found.size(); ++i) {
    // A few dozen roundings of values of order one.
    ASSERT_NEAR(found[i], expected[i], 1e-5 * std::max(1.0, std::abs(expected[i]))) << isa << ", " << i;
  }
}

TEST(NormGradients, EqualDifferences) {
  for (const size_t n : kLengths) {
    const std::vector<float> x = normal_values(n, 1), w = normal_values(n, 2), dy = normal_values(n, 3);
    constexpr double kEpsilon = 0.5;
    for (const bool is_rms : {true, false}) {
      const auto norm = [&](const std::vector<double>& v) {
        const double mean = is_rms ? 0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(n);
        double squares = 0;
        for (const double value : v) squares += (value - mean) * (value - mean);
        std::vector<double> y;
        for (size_t i = 0; i < n; ++i) {
          y.push_back((v[i] - mean) / std::sqrt(squares / static_cast<double>(n) + kEpsilon) * w[i]);
        }
        return y;
      };
      const std::vector<double> expected = differences(x, dy, norm);
      std::vector<float> first;
      for (const Kernels* table : available_kernels()) {
        std::vector<float> dx(n, 1.0f);
        (is_rms ? table->rms_norm_gradient : table->layer_norm_gradient)(x.data(), w.data(), dy.data(), n, kEpsilon,
                                                                         dx.data());
        if (first.empty()) first = dx;
        EXPECT_TRUE(same_bits(first, dx)) << table->isa;
        for (float& value : dx) value -= 1;  // what was there stays
        expect_near(dx, expected, table->isa.data());
      }
    }
  }
}

double silu(double g) { return g / (1 + std::exp(-g)); }
double gelu(double g) { return g / (1 + std::exp(-1.5957691216057308 * (g + 0.044715 * g * g * g))); }
double gelu_exact(double g) { return g * 0.5 * std::erfc(-g / std::sqrt(2.0)); }

TEST(ActivationGradients, EqualDifferences) {
  struct Case {
    double (*f)(double);
    Kernels::ActivationGradient Kernels::*gradient;
  };
  for (const Case& c : {Case{silu, &Kernels::silu_gradient}, Case{gelu, &Kernels::gelu_gradient},
                        Case{gelu_exact, &Kernels::gelu_exact_gradient}}) {
    for (const size_t n : kLengths) {
      const std::vector<float> gate = normal_values(n, 1, 2.0f), up = normal_values(n, 2), dy = normal_values(n, 3);
      for (const bool gated : {true, false}) {
        const auto with_gate = [&](const std::vector<double>& g) {
          std::vector<double> y;
          for (size_t i = 0; i < n; ++i) y.push_back(c.f(g[i]) * (gated ? up[i] : 1.0f));
          return y;
        };
        const std::vector<double> expected = differences(gate, dy, with_gate);
        std::vector<float> first;
        for (const Kernels* table : available_kernels()) {
          std::vector<float> d_gate = dy, d_up(n, 7.0f);  // the first in place of dy
          (table->*c.gradient)(gate.data(), gated ? up.data() : nullptr, d_gate.data(), n, d_gate.data(), d_up.data());
          if (first.empty()) first = d_gate;
          EXPECT_TRUE(same_bits(first, d_gate)) << table->isa;
          expect_near(d_gate, expected, table->isa.data());
          for (size_t i = 0; i < n; ++i) ASSERT_NEAR(d_up[i], gated ? c.f(gate[i]) * dy[i] : 7.0, 1e-5);
        }
      }
    }
  }
}

TEST(SoftmaxGradient, EqualsDifferences) {
  for (const size_t n : kLengths) {
    const std::vector<float> x = normal_values(n, 1, 3.0f), dy = normal_values(n, 2);
    constexpr double kCap = 2.5, kFactor = 0.25;
    const auto softmax = [&](const std::vector<double>& v) {
      std::vector<double> y;
      double sum = 0;
      for (const double value : v) sum += y.emplace_back(std::exp(kCap * std::tanh(value / kCap)));
      for (double& value : y) value /= sum;
      return y;
    };
    const std::vector<double> expected = differences(x, dy, softmax);
    std::vector<float> first;
    for (const Kernels* table : available_kernels()) {
      std::vector<float> capped = x, p(n), d = dy;
      table->softcap(kCap, n, capped.data());
      const float largest = table->largest(capped.data(), n);
      EXPECT_EQ(largest, *std::max_element(capped.begin(), capped.end())) << table->isa;
      const float sum = table->exp_less(capped.data(), largest, n, p.data());
      EXPECT_NEAR(sum, std::accumulate(p.begin(), p.end(), 0.0), 1e-4 * sum);
      table->scale(1.0f / sum, n, p.data());
      table->softmax_gradient(p.data(), n, kFactor, d.data());
      table->softcap_gradient(kCap, capped.data(), n, d.data());
      if (first.empty()) first = d;
      EXPECT_TRUE(same_bits(first, d)) << table->isa;
      for (float& value : d) value /= kFactor;
      expect_near(d, expected, table->isa.data());
    }
  }
}

}  // namespace
}  // namespace thimble
