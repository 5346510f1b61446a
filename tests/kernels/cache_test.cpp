// Keys and values written to a cache and read back: error bounds of each format, neighbours, and the layouts' byte
// counts.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/kernel_inputs.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

// The largest error of storing 32 values x, at x[i].
double error_bound(NumberType type, std::span<const float> x, size_t i) {
  double size = 0, low = x[0], high = x[0], peak = 0;
  for (float v : x) {
    if (std::abs(v) > size) peak = v;
    size = std::max(size, double{std::abs(v)});
    low = std::min(low, double{v});
    high = std::max(high, double{v});
  }
  const double half_ulp = 0x1p-11;  // of binary16, relative
  // In steps: a code below 256 rounded once to float (2^-17), after three relative roundings of at most 127.
  const double float_error = 0x1p-17 + 3 * 127 * kRoundoff;
  const auto symmetric = [&](double step, double codes) {
    // Beyond the last code on the side away from the peak the code is clamped: up to a whole step.
    const double away = -x[i] / peak * codes;
    const double rounding = codes < 127 && away > codes - 1.5 ? 1.0 : 0.5;
    return step * (rounding + float_error + codes * half_ulp);
  };
  switch (type) {
    case NumberType::F32: return 0;
    case NumberType::F16: return std::abs(x[i]) * half_ulp + 0x1p-25;
    case NumberType::BF16: return std::abs(x[i]) * 0x1p-8;
    case NumberType::Q8_0: return symmetric(size / 127, 127);
    case NumberType::Q5_0: return symmetric(size / 16, 16);
    case NumberType::Q4_0: return symmetric(size / 8, 8);
    case NumberType::Q5_1: {
      const double step = (high - low) / 31;
      return step * (0.5 + float_error + 31 * half_ulp) + std::abs(low) * half_ulp;
    }
    default: return std::numeric_limits<double>::quiet_NaN();
  }
}

// Both halves of a cache, through one interface.
struct Half {
  const char* name;
  void (*Kernels::*store)(NumberType, const float*, size_t, size_t, std::byte*);
  void (*Kernels::*load)(NumberType, const std::byte*, size_t, size_t, float*);
};
constexpr Half kHalves[] = {{"K", &Kernels::store_k, &Kernels::load_k}, {"V", &Kernels::store_v, &Kernels::load_v}};

struct Case {
  NumberType type;
  size_t head_dim;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (NumberType type : kCacheTypes) {
    for (size_t head_dim : {32, 64, 96, 128, 256, 512}) all.push_back({type, head_dim});
    if (type_info(type).block_size == 1) all.push_back({type, 40});
  }
  return all;
}

class CacheTest : public testing::TestWithParam<Case> {
 protected:
  static constexpr size_t kSlots = 48;
  const NumberType type_ = GetParam().type;
  const size_t head_dim_ = GetParam().head_dim;

  // Exactly the promised bytes, so that the address sanitizer sees a write beyond them.
  std::vector<std::byte> empty() const { return std::vector<std::byte>(row_bytes(type_, head_dim_) * kSlots); }
  std::vector<float> row(size_t slot) const {
    auto x = normal_values(head_dim_, static_cast<uint32_t>(slot));
    if (slot % 3 == 0) x[slot % head_dim_] *= 20.0f;  // an outlier
    return x;
  }
  std::vector<std::byte> filled(const Kernels& table, const Half& half) const {
    auto cache = empty();
    for (size_t slot = 0; slot < kSlots; ++slot)
      (table.*half.store)(type_, row(slot).data(), head_dim_, slot, cache.data());
    return cache;
  }
  std::vector<float> load(const Kernels& table, const Half& half, const std::vector<std::byte>& cache,
                          size_t slot) const {
    std::vector<float> x(head_dim_);
    (table.*half.load)(type_, cache.data(), head_dim_, slot, x.data());
    return x;
  }
};

TEST_P(CacheTest, ReadsBackWithinTheFormatsError) {
  for (const Kernels* table : available_kernels()) {
    for (const Half& half : kHalves) {
      const auto cache = filled(*table, half);
      for (size_t slot = 0; slot < kSlots; ++slot) {
        const auto x = row(slot), y = load(*table, half, cache, slot);
        for (size_t i = 0; i < head_dim_; ++i) {
          const size_t block = i / 32 * 32, n = std::min<size_t>(32, head_dim_ - block);
          ASSERT_LE(std::abs(double{x[i]} - y[i]), error_bound(type_, std::span(x).subspan(block, n), i - block))
              << table->isa << " " << half.name << " slot " << slot << " dimension " << i;
        }
      }
    }
  }
}

TEST_P(CacheTest, TablesWriteTheSameBytesAndReadTheSameValues) {
  const Kernels& best = *available_kernels().front();
  for (const Half& half : kHalves) {
    const auto cache = filled(best, half);
    for (const Kernels* table : available_kernels()) {
      EXPECT_EQ(cache, filled(*table, half)) << table->isa << " " << half.name;
      EXPECT_TRUE(same_bits(load(best, half, cache, 17), load(*table, half, cache, 17))) << table->isa << half.name;
    }
  }
}

TEST_P(CacheTest, StoringLeavesOtherSlotsAlone) {
  for (const Kernels* table : available_kernels()) {
    for (const Half& half : kHalves) {
      const auto before = filled(*table, half);
      for (size_t changed : {0, 5, 15, 16, 47}) {
        auto after = before;
        (table->*half.store)(type_, normal_values(head_dim_, 999).data(), head_dim_, changed, after.data());
        EXPECT_NE(before, after);
        for (size_t slot = 0; slot < kSlots; ++slot) {
          if (slot == changed) continue;
          ASSERT_TRUE(same_bits(load(*table, half, before, slot), load(*table, half, after, slot))) << table->isa;
        }
      }
    }
  }
}

TEST_P(CacheTest, AValueIsTheFormatsOwnRow) {
  const Kernels& table = *available_kernels().front();
  const auto cache = filled(table, kHalves[1]);
  const TypeInfo& info = type_info(type_);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    std::vector<float> unpacked(head_dim_);
    info.unpack(cache.data() + slot * row_bytes(type_, head_dim_), unpacked.data(), head_dim_ / info.block_size);
    EXPECT_TRUE(same_bits(unpacked, load(table, kHalves[1], cache, slot)));
  }
}

TEST_P(CacheTest, KeysAndValuesReadBackAlike) {
  const Kernels& table = *available_kernels().front();
  const auto k = filled(table, kHalves[0]), v = filled(table, kHalves[1]);
  for (size_t slot = 0; slot < kSlots; ++slot) {
    EXPECT_TRUE(same_bits(load(table, kHalves[0], k, slot), load(table, kHalves[1], v, slot)));
  }
}

TEST_P(CacheTest, ZerosStayZeroAndTheNotFiniteStaysSo) {
  for (const Kernels* table : available_kernels()) {
    for (const Half& half : kHalves) {
      auto cache = empty();
      (table->*half.store)(type_, std::vector<float>(head_dim_).data(), head_dim_, 3, cache.data());
      for (float y : load(*table, half, cache, 3)) ASSERT_EQ(y, 0.0f);
      for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity()}) {
        auto x = row(1);
        x[head_dim_ - 1] = bad;
        (table->*half.store)(type_, x.data(), head_dim_, 3, cache.data());
        EXPECT_FALSE(std::isfinite(load(*table, half, cache, 3).back())) << table->isa << " " << half.name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CacheTest, testing::ValuesIn(cases()), [](const auto& param) {
  return std::string(type_info(param.param.type).name) + "_" + std::to_string(param.param.head_dim);
});

}  // namespace
}  // namespace thimble
