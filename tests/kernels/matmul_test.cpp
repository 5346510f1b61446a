// Quantized matrix products: every table against scalar, bit for bit; scalar against double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "base/half.h"
#include "kernels/guarded_buffer.h"
#include "kernels/kernels.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

using Random = std::mt19937_64;

std::vector<const TypeInfo*> quantized_types() {
  std::vector<const TypeInfo*> out;
  for (const TypeInfo& type : all_types()) {
    if (type.block_size > 1) out.push_back(&type);
  }
  return out;
}

// Calls f with the format and with the block at `bytes`, which it may change.
template <class F>
void visit_block(NumberType type, std::byte* bytes, F f) {
  AllTypes::for_each([&]<class Q>() {
    if constexpr (Q::kBlockSize > 1) {
      if (Q::kType != type) return;
      typename Q::Block block;
      std::memcpy(&block, bytes, sizeof block);
      f.template operator()<Q>(block);
      std::memcpy(bytes, &block, sizeof block);
    }
  });
}

// The binary16 minimum (m or dmin) of a block as its bits; 0 where the format has none.
uint16_t minimum_of(NumberType type, std::byte* bytes) {
  uint16_t minimum = 0;
  visit_block(type, bytes, [&]<class Q>(typename Q::Block& block) {
    if constexpr (requires { block.m; }) minimum = block.m;
    if constexpr (requires { block.dmin; }) minimum = block.dmin;
  });
  return minimum;
}

// MXFP4's scales reach 2^127, where every sum is infinite and nothing can be seen: the tests take its exponents from the
// range of the other formats' scales.
constexpr int kLeastExponent = 112;
constexpr int kLargestExponent = 143;

void set_largest_scales(NumberType type, std::byte* bytes) {
  constexpr uint16_t kLargestHalf = 0x7bff;
  visit_block(type, bytes, []<class Q>(typename Q::Block& block) {
    if constexpr (requires { block.d; }) block.d = kLargestHalf;
    if constexpr (requires { block.m; }) block.m = kLargestHalf;
    if constexpr (requires { block.dmin; }) block.dmin = kLargestHalf;
    if constexpr (std::is_same_v<Q, MXFP4>) block.e = kLargestExponent;
    if constexpr (std::is_same_v<Q, IQ1_M>) {
      for (int i = 0; i < 4; ++i) {
        block.scales[i] = static_cast<uint16_t>((block.scales[i] & 0xfff) | (kLargestHalf >> (4 * i) & 0xf) << 12);
      }
    }
  });
}

enum class Weights { random, zeros, ones, high_bits, low_bits };
constexpr Weights kWeightKinds[] = {Weights::random, Weights::zeros, Weights::ones, Weights::high_bits,
                                    Weights::low_bits};

void fill_blocks(const TypeInfo& type, Weights kind, size_t blocks, Random& random, std::byte* out) {
  for (size_t b = 0; b < blocks; ++b, out += type.block_bytes) {
    switch (kind) {
      case Weights::random:
        do {
          for (size_t i = 0; i < type.block_bytes; ++i) out[i] = static_cast<std::byte>(random());
        } while (!type.has_finite_scales(out, 1));
        visit_block(type.type, out, [&]<class Q>(typename Q::Block& block) {
          if constexpr (std::is_same_v<Q, MXFP4>) {
            block.e = static_cast<uint8_t>(kLeastExponent + random() % (kLargestExponent - kLeastExponent));
          }
        });
        continue;
      case Weights::zeros: std::memset(out, 0x00, type.block_bytes); break;
      case Weights::ones: std::memset(out, 0xff, type.block_bytes); break;
      case Weights::high_bits: std::memset(out, 0x80, type.block_bytes); break;
      case Weights::low_bits: std::memset(out, 0x7f, type.block_bytes); break;
    }
    set_largest_scales(type.type, out);
  }
}

enum class Inputs { random, largest, alternating, zeros };
constexpr Inputs kInputKinds[] = {Inputs::random, Inputs::largest, Inputs::alternating, Inputs::zeros};

std::vector<float> make_inputs(Inputs kind, size_t n, Random& random) {
  std::vector<float> out(n);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < n; ++i) {
    switch (kind) {
      case Inputs::random: out[i] = normal(random) * std::exp2(static_cast<float>(i / 32 % 7) - 3.0f); break;
      case Inputs::largest: out[i] = 3.0f; break;
      case Inputs::alternating: out[i] = i % 3 == 0 ? 5.0f : -5.0f; break;
      case Inputs::zeros: out[i] = 0; break;
    }
  }
  return out;
}

std::vector<std::byte> quantize(const Kernels& table, ActivationType type, const float* x, size_t k) {
  std::vector<std::byte> record(activation_layout(type, k).bytes);
  (type == ActivationType::q8_32 ? table.quantize_q8_32 : table.quantize_q8_256)(x, k, record.data());
  return record;
}

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;
AlignedBytes aligned_bytes(size_t n) {
  return AlignedBytes(static_cast<std::byte*>(::operator new[](n, std::align_val_t{64})));
}

struct Product {
  const TypeInfo* type;
  size_t rows;
  size_t tokens;
  size_t k;
  size_t stride() const { return row_bytes(type->type, k); }
};

struct Operands {
  Operands(const Product& product, Weights weights_kind, Inputs inputs_kind, Random& random)
      : weights(product.rows * product.stride()),
        record_bytes(activation_layout(activation_type(product.type->type), product.k).bytes),
        x(aligned_bytes(product.tokens * record_bytes)) {
    fill_blocks(*product.type, weights_kind, product.rows * product.k / product.type->block_size, random,
                weights.data());
    for (size_t t = 0; t < product.tokens; ++t) {
      const std::vector<float> inputs = make_inputs(inputs_kind, product.k, random);
      const auto record =
          quantize(*available_kernels().back(), activation_type(product.type->type), inputs.data(), product.k);
      std::memcpy(x.get() + t * record_bytes, record.data(), record_bytes);
    }
  }
  GuardedBuffer weights;
  size_t record_bytes;
  AlignedBytes x;
};

std::vector<float> multiply(const Kernels& table, const Product& product, Operands& operands, size_t row_begin,
                            size_t row_end, size_t token_begin, size_t token_end) {
  const size_t scratch_bytes = (matmul_scratch_bytes(product.k) + 63) / 64 * 64;
  GuardedBuffer scratch(scratch_bytes);
  const size_t tokens = token_end - token_begin;
  GuardedBuffer y(tokens * product.rows * sizeof(float));
  std::fill_n(y.as<float>(), tokens * product.rows, -77.0f);
  table.matmul[static_cast<size_t>(product.type->type)]({.weights = operands.weights.data(),
                                                         .weight_stride = product.stride(),
                                                         .k = product.k,
                                                         .row_begin = row_begin,
                                                         .row_end = row_end,
                                                         .x = operands.x.get() + token_begin * operands.record_bytes,
                                                         .x_stride = operands.record_bytes,
                                                         .tokens = tokens,
                                                         .y = y.as<float>(),
                                                         .y_stride = product.rows,
                                                         .scratch = scratch.data()});
  return {y.as<float>(), y.as<float>() + tokens * product.rows};
}

std::vector<float> multiply(const Kernels& table, const Product& product, Operands& operands) {
  return multiply(table, product, operands, 0, product.rows, 0, product.tokens);
}

bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

::testing::AssertionResult all_same(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!same_bits(actual.at(i), expected[i])) {
      return ::testing::AssertionFailure() << "element " << i << ": " << actual[i] << " is not " << expected[i];
    }
  }
  return ::testing::AssertionSuccess();
}

std::string describe(const Kernels& table, const Product& product) {
  return std::string(table.isa) + " " + std::string(product.type->name) + " rows " + std::to_string(product.rows) +
         " tokens " + std::to_string(product.tokens) + " k " + std::to_string(product.k);
}

class Matmul : public ::testing::TestWithParam<const TypeInfo*> {
 protected:
  const TypeInfo& type() const { return *GetParam(); }
  Random random_{1234};
};

TEST_P(Matmul, EveryTableEqualsScalarForAllRowsAndTokens) {
  const Kernels& scalar = *available_kernels().back();
  const size_t k = type().block_size == 32 ? 96 : 256;
  for (size_t rows = 1; rows <= 40; ++rows) {
    for (size_t tokens : {1 + rows % 7, 41 - rows, size_t{12}}) {
      const Product product{&type(), rows, tokens, k};
      Operands operands(product, Weights::random, Inputs::random, random_);
      const auto expected = multiply(scalar, product, operands);
      for (const Kernels* table : available_kernels()) {
        ASSERT_TRUE(all_same(multiply(*table, product, operands), expected)) << describe(*table, product);
      }
    }
  }
}

TEST_P(Matmul, EveryTableEqualsScalarForAdversarialBlocks) {
  const Kernels& scalar = *available_kernels().back();
  for (Weights weights : kWeightKinds) {
    for (Inputs inputs : kInputKinds) {
      for (size_t k : {256, 1024, 1280, 2304}) {
        const Product product{&type(), 19, 14, k};
        Operands operands(product, weights, inputs, random_);
        const auto expected = multiply(scalar, product, operands);
        for (const Kernels* table : available_kernels()) {
          ASSERT_TRUE(all_same(multiply(*table, product, operands), expected)) << describe(*table, product);
        }
      }
    }
  }
}

TEST_P(Matmul, EveryTableEqualsScalarForAllWidths) {
  const Kernels& scalar = *available_kernels().back();
  for (size_t k = type().block_size; k <= 40 * type().block_size; k += type().block_size) {
    const Product product{&type(), 17, 3, k};
    Operands operands(product, Weights::random, Inputs::random, random_);
    const auto expected = multiply(scalar, product, operands);
    for (const Kernels* table : available_kernels()) {
      ASSERT_TRUE(all_same(multiply(*table, product, operands), expected)) << describe(*table, product);
    }
  }
}

TEST_P(Matmul, SplitsOfRowsAndTokensChangeNothing) {
  const Product product{&type(), 53, 29, 1280};
  Operands operands(product, Weights::random, Inputs::random, random_);
  for (const Kernels* table : available_kernels()) {
    const auto whole = multiply(*table, product, operands);
    for (size_t token = 0; token < product.tokens; ++token) {
      const auto one = multiply(*table, product, operands, 0, product.rows, token, token + 1);
      const std::vector<float> expected(whole.begin() + token * product.rows,
                                        whole.begin() + (token + 1) * product.rows);
      ASSERT_TRUE(all_same(one, expected)) << describe(*table, product) << " token " << token;
    }
    for (size_t begin = 0; begin < product.rows; begin += 7) {
      const size_t end = std::min(begin + 7, product.rows);
      const auto part = multiply(*table, product, operands, begin, end, 0, product.tokens);
      for (size_t i = 0; i < part.size(); ++i) {
        const bool inside = i % product.rows >= begin && i % product.rows < end;
        ASSERT_TRUE(same_bits(part[i], inside ? whole[i] : -77.0f)) << describe(*table, product) << " row " << begin;
      }
    }
  }
}

TEST_P(Matmul, ScalarIsWithinRoundingOfDoublePrecision) {
  const Kernels& scalar = *available_kernels().back();
  for (Weights weights : kWeightKinds) {
    const Product product{&type(), 5, 4, 1280};
    Operands operands(product, weights, Inputs::random, random_);
    const auto actual = multiply(scalar, product, operands);
    const ActivationType activations = activation_type(type().type);
    const ActivationLayout layout = activation_layout(activations, product.k);
    const size_t block = type().block_size;
    const size_t blocks = product.k / block;
    for (size_t row = 0; row < product.rows; ++row) {
      std::byte* const first = operands.weights.data() + row * product.stride();
      std::vector<float> w(product.k);
      type().unpack(first, w.data(), blocks);
      for (size_t token = 0; token < product.tokens; ++token) {
        const std::byte* record = operands.x.get() + token * operands.record_bytes;
        const auto* q = reinterpret_cast<const int8_t*>(record);
        const auto* d = reinterpret_cast<const float*>(record + layout.scales);
        const auto* s = reinterpret_cast<const float*>(record + layout.scaled_sums);
        double expected = 0;
        double magnitude = 0;
        for (size_t b = 0; b < blocks; ++b) {
          const double minimum = f16_to_f32(minimum_of(type().type, first + b * type().block_bytes));
          double sum = 0;
          for (size_t i = b * block; i < (b + 1) * block; ++i) {
            const double x = static_cast<double>(q[i]) * d[b];
            expected += w[i] * x;
            // w is a difference of two terms in the K formats; the minimum's integer factor is below 64.
            magnitude += (std::fabs(w[i]) + 2 * 64 * std::fabs(minimum)) * std::fabs(x);
            sum += x;
          }
          // Q4_1 and Q5_1 take a block's sum as the binary16 that its record has.
          if (block == 32) expected += minimum * (s[b] - sum);
        }
        // Roundings of: unpacking (3), scale product, integer to float (twice), and two additions a block.
        const double bound = (2.0 * static_cast<double>(blocks) + 8) * 0x1p-24 * magnitude;
        ASSERT_LE(std::fabs(actual[token * product.rows + row] - expected), bound) << describe(scalar, product);
      }
    }
  }
}

TEST_P(Matmul, NonFiniteActivationsGiveNonFiniteProducts) {
  const Product product{&type(), 18, 3, 512};
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const Kernels* table : available_kernels()) {
      Operands operands(product, Weights::random, Inputs::random, random_);
      std::vector<float> inputs = make_inputs(Inputs::random, product.k, random_);
      inputs[300] = bad;
      const auto record = quantize(*table, activation_type(type().type), inputs.data(), product.k);
      std::memcpy(operands.x.get() + operands.record_bytes, record.data(), record.size());
      const auto y = multiply(*table, product, operands);
      for (size_t i = 0; i < y.size(); ++i) {
        ASSERT_EQ(std::isfinite(y[i]), i / product.rows != 1) << describe(*table, product) << " element " << i;
      }
    }
  }
}

// The subnormal scales, the ones that overflow, and 255, which the standard calls NaN.
TEST(MatmulOfMxfp4, EveryTableEqualsScalarForEveryScale) {
  Random random(7);
  const Kernels& scalar = *available_kernels().back();
  const Product product{&type_info(NumberType::MXFP4), 256, 3, 64};
  Operands operands(product, Weights::random, Inputs::random, random);
  for (size_t row = 0; row < product.rows; ++row) {
    operands.weights.data()[row * product.stride()] = static_cast<std::byte>(row);
    operands.weights.data()[row * product.stride() + sizeof(MXFP4::Block)] = std::byte{0};
  }
  const auto expected = multiply(scalar, product, operands);
  EXPECT_NE(expected[0], 0.0f);
  for (const Kernels* table : available_kernels()) {
    ASSERT_TRUE(all_same(multiply(*table, product, operands), expected)) << describe(*table, product);
    const auto alone = multiply(*table, product, operands, 0, product.rows, 0, 1);
    ASSERT_TRUE(all_same(alone, {expected.begin(), expected.begin() + product.rows})) << describe(*table, product);
  }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, Matmul, ::testing::ValuesIn(quantized_types()),
                         [](const auto& test) { return std::string(test.param->name); });

std::vector<std::vector<float>> record_inputs(size_t k) {
  Random random(99);
  std::vector<std::vector<float>> out;
  for (Inputs kind : kInputKinds) out.push_back(make_inputs(kind, k, random));
  for (float factor : {1e-45f, 1e-38f, 1e-36f, 1e-7f, 1e6f, 1e8f, 1e38f}) {
    std::vector<float> x = make_inputs(Inputs::alternating, k, random);
    for (size_t i = 0; i < k; ++i) x[i] *= factor * (i % 5 == 0 ? 0.3f : 0.6f);
    out.push_back(x);
  }
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()}) {
    out.push_back(make_inputs(Inputs::random, k, random));
    out.back()[k / 2 + 5] = bad;
  }
  for (int i = 0; i < 200; ++i) {
    out.push_back(make_inputs(Inputs::random, k, random));
    // Ties of the rounding and of the peak: multiples of half of the peak's 127th.
    for (size_t j = 0; j < k; ++j) {
      if (i % 2 == 1) out.back()[j] = static_cast<float>(static_cast<int>(random() % 509) - 254) * 0.5f;
    }
  }
  return out;
}

TEST(ActivationRecords, EveryTableEqualsScalar) {
  const Kernels& scalar = *available_kernels().back();
  for (ActivationType type : {ActivationType::q8_32, ActivationType::q8_256}) {
    for (size_t k : {256, 768}) {
      const ActivationLayout layout = activation_layout(type, k);
      for (const auto& x : record_inputs(k)) {
        const auto expected = quantize(scalar, type, x.data(), k);
        for (const Kernels* table : available_kernels()) {
          const auto actual = quantize(*table, type, x.data(), k);
          ASSERT_EQ(0, std::memcmp(actual.data(), expected.data(), k)) << table->isa;
          ASSERT_EQ(0,
                    std::memcmp(actual.data() + layout.sums, expected.data() + layout.sums, layout.bytes - layout.sums))
              << table->isa;
          for (size_t at = layout.scales; at < layout.sums; at += sizeof(float)) {
            float a, b;
            std::memcpy(&a, actual.data() + at, sizeof a);
            std::memcpy(&b, expected.data() + at, sizeof b);
            ASSERT_TRUE(same_bits(a, b)) << table->isa << " at " << at << ": " << a << " is not " << b;
          }
        }
      }
    }
  }
}

TEST(ActivationRecords, ScalarIsGgmlsQ8_0AndQ8_1) {
  for (const auto& x : record_inputs(256)) {
    const auto record = quantize(*available_kernels().back(), ActivationType::q8_32, x.data(), 256);
    const ActivationLayout layout = activation_layout(ActivationType::q8_32, 256);
    const auto* q = reinterpret_cast<const int8_t*>(record.data());
    const auto* d = reinterpret_cast<const float*>(record.data() + layout.scales);
    const auto* s = reinterpret_cast<const float*>(record.data() + layout.scaled_sums);
    const auto* sums = reinterpret_cast<const int16_t*>(record.data() + layout.sums);
    for (size_t b = 0; b < 8; ++b) {
      float peak = 0;
      bool finite = true;
      for (size_t i = b * 32; i < b * 32 + 32; ++i) {
        finite = finite && std::isfinite(x[i]);
        peak = std::max(peak, std::fabs(x[i]));
      }
      if (!finite) {
        EXPECT_TRUE(std::isnan(d[b]) && std::isnan(s[b]));
        continue;
      }
      EXPECT_EQ(d[b], f16_to_f32(f32_to_f16(peak / 127.0f)));
      int sum = 0;
      for (size_t i = b * 32; i < b * 32 + 32; ++i) {
        if (peak > 1e-36f) {  // smaller ones have no finite inverse, and a scale of 0
          EXPECT_EQ(q[i], std::lrint(x[i] * (127.0f / peak)));
        }
        sum += q[i];
      }
      EXPECT_EQ(sums[b], sum);
      EXPECT_EQ(s[b], f16_to_f32(f32_to_f16(peak / 127.0f * static_cast<float>(sum))));
    }
  }
}

TEST(ActivationRecords, ScalarIsGgmlsQ8_K) {
  for (const auto& x : record_inputs(256)) {
    const auto record = quantize(*available_kernels().back(), ActivationType::q8_256, x.data(), 256);
    const ActivationLayout layout = activation_layout(ActivationType::q8_256, 256);
    const auto* q = reinterpret_cast<const int8_t*>(record.data());
    const auto* d = reinterpret_cast<const float*>(record.data() + layout.scales);
    const auto* sums = reinterpret_cast<const int16_t*>(record.data() + layout.sums);
    float peak = 0;
    bool finite = true;
    for (float v : x) {
      finite = finite && std::isfinite(v);
      if (std::fabs(v) > std::fabs(peak)) peak = v;
    }
    if (!finite) {
      EXPECT_TRUE(std::isnan(d[0]));
      continue;
    }
    const float inverse = -127.0f / peak;
    const bool zero = !std::isfinite(inverse);
    EXPECT_EQ(d[0], zero ? 0.0f : 1.0f / inverse);
    for (size_t sub = 0; sub < 16; ++sub) {
      int sum = 0;
      for (size_t i = sub * 16; i < sub * 16 + 16; ++i) {
        EXPECT_EQ(q[i], zero ? 0 : std::min<long>(127, std::lrint(inverse * x[i])));
        sum += q[i];
      }
      EXPECT_EQ(sums[sub], sum);
    }
  }
}

}  // namespace
}  // namespace thimble
