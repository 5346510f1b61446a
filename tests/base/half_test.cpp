#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace thimble {
namespace {

// By the definition of binary16, not by its bits.
double f16_value(uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int mantissa = bits & 0x3ff;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(Half, EveryF16BecomesItsValueAndComesBack) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const float value = f16_to_f32(bits);
    if ((bits & 0x7c00) == 0x7c00) {
      EXPECT_EQ(std::isnan(value), (bits & 0x3ff) != 0);
      if (std::isinf(value)) {
        EXPECT_EQ(f32_to_f16(value), bits);
      }
    } else {
      ASSERT_EQ(static_cast<double>(value), f16_value(bits)) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0);
      ASSERT_EQ(f32_to_f16(value), bits);
    }
  }
}

// Around every midpoint of two neighbours: ties go to the even one, all else to the nearer.
TEST(Half, F32ToF16RoundsToNearestEven) {
  for (uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const float midpoint = static_cast<float>((f16_value(bits) + f16_value(bits + 1)) / 2);
    const uint16_t even = bits % 2 == 0 ? bits : bits + 1;
    ASSERT_EQ(f32_to_f16(midpoint), even) << bits;
    ASSERT_EQ(f32_to_f16(std::nextafter(midpoint, 0.0f)), bits);
    ASSERT_EQ(f32_to_f16(std::nextafter(midpoint, 1e9f)), bits + 1);
    ASSERT_EQ(f32_to_f16(-midpoint), even | 0x8000);
  }
  EXPECT_EQ(f32_to_f16(65519.996f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_TRUE(std::isnan(f16_to_f32(f32_to_f16(std::nanf("")))));
}

TEST(Half, BF16RoundsToNearestEvenAndComesBack) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    const uint16_t bits = static_cast<uint16_t>(i);
    const float value = bf16_to_f32(bits);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(value))));
    } else {
      ASSERT_EQ(f32_to_bf16(value), bits);
    }
  }
  EXPECT_EQ(f32_to_bf16(1.00390625f), 0x3f80);  // half way from 1 to its successor: even
  EXPECT_EQ(f32_to_bf16(1.01171875f), 0x3f82);  // half way between odd and even: even
  EXPECT_EQ(f32_to_bf16(std::nextafter(1.00390625f, 2.0f)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
}

}  // namespace
}  // namespace thimble
