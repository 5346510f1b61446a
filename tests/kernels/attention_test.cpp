// attention() against a double-precision reference on the keys and values read back from the cache, for all types,
// windows, rings and head counts; equal bit for bit on all tables and for any split into batches.
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>

#include "kernels/kernel_inputs.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

struct Scenario {
  NumberType k_type = NumberType::F16, v_type = NumberType::F16;
  size_t head_dim = 64, heads = 3, tokens = 5;
  size_t capacity = 128, first_position = 70, lowest_position = 0, window = 0;
  float softcap = 0;
  bool bidirectional = false;

  float scale() const { return 1.0f / std::sqrt(static_cast<float>(head_dim)); }
  size_t row_floats() const { return heads * head_dim; }
  size_t end_position() const { return first_position + tokens; }
  size_t lowest_visible(size_t position) const {
    const size_t reach = bidirectional ? window / 2 : window - 1;
    const size_t start = window != 0 && position > reach ? position - reach : 0;
    return std::max(start, lowest_position);
  }
  size_t highest_visible(size_t position) const {
    if (!bidirectional) return position;
    return window == 0 ? end_position() - 1 : std::min(position + window / 2, end_position() - 1);
  }
};

// A cache where only the positions that some token sees were written; everything else reads as NaN.
class Cache {
 public:
  explicit Cache(const Scenario& scenario) : scenario_(scenario) {
    k_.assign(row_bytes(scenario.k_type, scenario.head_dim) * scenario.capacity, std::byte{0xff});
    v_.assign(row_bytes(scenario.v_type, scenario.head_dim) * scenario.capacity, std::byte{0xff});
    for (size_t p = scenario.lowest_visible(scenario.first_position); p < scenario.end_position(); ++p) {
      store(p, normal_values(scenario.head_dim, static_cast<uint32_t>(2 * p)),
            normal_values(scenario.head_dim, static_cast<uint32_t>(2 * p + 1)));
    }
    q_ = normal_values(scenario.tokens * scenario.row_floats(), 77, 2.0f);
  }

  void store(size_t position, const std::vector<float>& key, const std::vector<float>& value) {
    const Kernels& scalar = *available_kernels().back();
    scalar.store_k(scenario_.k_type, key.data(), scenario_.head_dim, position % scenario_.capacity, k_.data());
    scalar.store_v(scenario_.v_type, value.data(), scenario_.head_dim, position % scenario_.capacity, v_.data());
  }

  // Tokens [begin, end) of the scenario in one call.
  void run(const Kernels& table, size_t begin, size_t end, std::vector<float>& out) const {
    const size_t bytes = attention_scratch_bytes(scenario_.head_dim);
    std::vector<std::byte> memory(bytes + 64, std::byte{0xff});
    auto* scratch = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
    AttentionTask task{};
    task.q = q_.data() + begin * scenario_.row_floats();
    task.q_stride = task.out_stride = scenario_.row_floats();
    task.tokens = end - begin;
    task.heads = scenario_.heads;
    task.head_dim = scenario_.head_dim;
    task.k = k_.data();
    task.v = v_.data();
    task.k_type = scenario_.k_type;
    task.v_type = scenario_.v_type;
    task.capacity = scenario_.capacity;
    task.first_position = scenario_.first_position + begin;
    task.lowest_position = scenario_.lowest_position;
    task.window = scenario_.window;
    task.bidirectional = scenario_.bidirectional;
    task.last_position = scenario_.end_position() - 1;
    task.scale = scenario_.scale();
    task.softcap = scenario_.softcap;
    task.out = out.data() + begin * scenario_.row_floats();
    task.scratch = scratch;
    table.attention(task);
  }
  std::vector<float> run(const Kernels& table) const {
    std::vector<float> out(q_.size(), std::numeric_limits<float>::quiet_NaN());
    run(table, 0, scenario_.tokens, out);
    return out;
  }

  std::vector<float> key(size_t position) const {
    std::vector<float> x(scenario_.head_dim);
    available_kernels().back()->load_k(scenario_.k_type, k_.data(), scenario_.head_dim, position % scenario_.capacity,
                                       x.data());
    return x;
  }
  std::vector<float> value(size_t position) const {
    std::vector<float> x(scenario_.head_dim);
    available_kernels().back()->load_v(scenario_.v_type, v_.data(), scenario_.head_dim, position % scenario_.capacity,
                                       x.data());
    return x;
  }
  const float* query(size_t token, size_t head) const {
    return q_.data() + token * scenario_.row_floats() + head * scenario_.head_dim;
  }

 private:
  Scenario scenario_;
  std::vector<std::byte> k_, v_;
  std::vector<float> q_;
};

// The query as a quantized K cache meets it: rounded to 127 steps of the largest of each 32 values.
std::vector<double> quantized_query(const float* q, size_t head_dim) {
  std::vector<double> rounded(head_dim);
  for (size_t b = 0; b < head_dim; b += 32) {
    float size = 0;
    for (size_t i = b; i < b + 32; ++i) size = std::max(size, std::abs(q[i]));
    for (size_t i = b; i < b + 32; ++i) {
      const float code = std::fma(q[i], 127.0f / size, 0x1.8p23f) - 0x1.8p23f;
      rounded[i] = double{code} * (size * (1.0f / 127.0f));
    }
  }
  return rounded;
}

// The softmax in double precision; every output's error bound is derived from score_error(sum of |q k|, sum of |k|).
class Reference {
 public:
  Reference(const Scenario& scenario, const Cache& cache)
      : scenario_(scenario), lowest_(scenario.lowest_visible(scenario.first_position)) {
    for (size_t p = lowest_; p < scenario.end_position(); ++p) {
      keys_.push_back(cache.key(p));
      values_.push_back(cache.value(p));
    }
  }

  // error: a bound on the absolute error of a score before scale, given its sum of |q k|; more: added to that.
  void expect_near(const float* out, const std::vector<double>& q, size_t token, double error, double more) const {
    const size_t position = scenario_.first_position + token;
    const size_t begin = scenario_.lowest_visible(position) - lowest_;
    const size_t end = scenario_.highest_visible(position) + 1 - lowest_;
    std::vector<double> weights(end);
    double largest = -1e300, smallest = 1e300, total = 0, score_error = 0;
    for (size_t p = begin; p < end; ++p) {
      double dot = 0, sizes = 0;
      for (size_t i = 0; i < scenario_.head_dim; ++i) {
        dot += q[i] * keys_[p][i];
        sizes += std::abs(q[i] * keys_[p][i]);
      }
      double score = dot * scenario_.scale();
      if (scenario_.softcap != 0) score = scenario_.softcap * std::tanh(score / scenario_.softcap);
      weights[p] = score;
      largest = std::max(largest, score);
      smallest = std::min(smallest, score);
      score_error = std::max(score_error, (sizes * error + more) * scenario_.scale());
    }
    // tanh and its product; the score's scaling; its distance from the largest.
    const double size = std::max(std::abs(largest), std::abs(smallest));
    score_error += (8 * scenario_.softcap + size + (largest - smallest)) * kRoundoff;
    for (size_t p = begin; p < end; ++p) total += weights[p] = std::exp(weights[p] - largest);
    for (size_t i = 0; i < scenario_.head_dim; ++i) {
      double expected = 0, sizes = 0;
      for (size_t p = begin; p < end; ++p) {
        expected += weights[p] / total * values_[p][i];
        sizes += weights[p] / total * std::abs(values_[p][i]);
      }
      // Weights are off by at most a factor exp(2 score_error). Rounding: one a position for the output and a sixteenth
      // for the sum, 12 a chunk for the corrections of both, and exp (8), the tree of the sum (5), the division (2) and
      // spare; weights and products below FLT_MIN lose digits.
      const double rounding = static_cast<double>(2 * (end - begin) + 32) * kRoundoff;
      ASSERT_NEAR(out[i], expected, sizes * (std::expm1(2 * score_error) + rounding) + FLT_MIN) << token << " " << i;
    }
  }

  double largest_key() const {
    double largest = 0;
    for (const auto& key : keys_) {
      for (float x : key) largest = std::max(largest, double{std::abs(x)});
    }
    return largest;
  }

  double largest_key_sum() const {
    double largest = 0;
    for (const auto& key : keys_) {
      double sum = 0;
      for (float x : key) sum += std::abs(x);
      largest = std::max(largest, sum);
    }
    return largest;
  }

 private:
  const Scenario& scenario_;
  size_t lowest_;
  std::vector<std::vector<float>> keys_, values_;
};

void expect_matches_reference(const Scenario& scenario) {
  const Cache cache(scenario);
  const std::vector<float> out = cache.run(*available_kernels().front());
  for (const Kernels* table : available_kernels()) EXPECT_TRUE(same_bits(out, cache.run(*table))) << table->isa;

  const Reference reference(scenario, cache);
  const bool quantized = type_info(scenario.k_type).block_size != 1;
  const double dot_error = (static_cast<double>(scenario.head_dim) + 6) * kRoundoff;
  for (size_t t = 0; t < scenario.tokens; ++t) {
    for (size_t h = 0; h < scenario.heads; ++h) {
      const float* q = cache.query(t, h);
      const float* y = out.data() + t * scenario.row_floats() + h * scenario.head_dim;
      const std::vector<double> exact(q, q + scenario.head_dim);
      if (!quantized) {
        reference.expect_near(y, exact, t, dot_error, 0);
      } else {
        // Tight against the rounded query; against the true one, each of its values may be off by half a step.
        double size = 0, sum = 0;
        for (double x : exact) {
          size = std::max(size, std::abs(x));
          sum += std::abs(x);
        }
        // With a minimum, code * d and m are added apart, each at most twice the largest key value in size.
        const double block_error = (static_cast<double>(scenario.head_dim) / 32 + 6) * kRoundoff;
        const double apart = scenario.k_type == NumberType::Q5_1 ? 4 * block_error * sum * reference.largest_key() : 0;
        reference.expect_near(y, quantized_query(q, scenario.head_dim), t, block_error, apart);
        const double half_step = size / 127 * (0.5 + 127 * 3 * kRoundoff);
        reference.expect_near(y, exact, t, block_error,
                              apart + half_step * reference.largest_key_sum() * (1 + block_error));
      }
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Attention, AllPairsOfTypes) {
  for (NumberType k_type : kCacheTypes) {
    for (NumberType v_type : kCacheTypes) {
      SCOPED_TRACE(std::string(type_info(k_type).name) + " " + std::string(type_info(v_type).name));
      expect_matches_reference({.k_type = k_type, .v_type = v_type});
    }
  }
}

TEST(Attention, HeadSizesAndCounts) {
  for (NumberType type : {NumberType::F32, NumberType::F16, NumberType::Q8_0, NumberType::Q5_1}) {
    for (size_t head_dim : {32, 40, 80, 96, 128, 160, 256, 512}) {
      if (type_info(type).block_size != 1 && head_dim % 32 != 0) continue;
      SCOPED_TRACE(head_dim);
      expect_matches_reference({.k_type = type, .v_type = type, .head_dim = head_dim, .heads = 2, .tokens = 3});
    }
    for (size_t heads : {1, 2, 4, 7, 16, 71}) {
      SCOPED_TRACE(heads);
      expect_matches_reference({.k_type = type, .v_type = type, .head_dim = 32, .heads = heads, .tokens = 2});
    }
  }
}

TEST(Attention, WindowsRingsAndSoftcaps) {
  for (NumberType type : {NumberType::F32, NumberType::Q8_0, NumberType::Q4_0}) {
    const Scenario base{.k_type = type, .v_type = type, .head_dim = 32, .heads = 3};
    for (size_t window : {1, 7, 16, 50, 64, 100}) {
      for (size_t first : {0, 15, 63, 300, 1000}) {
        SCOPED_TRACE(std::to_string(window) + " at " + std::to_string(first));
        Scenario scenario = base;
        scenario.tokens = 20;
        scenario.window = window;
        scenario.first_position = first;
        scenario.capacity = 128;
        expect_matches_reference(scenario);
      }
    }
    Scenario shifted = base;
    shifted.first_position = 500;
    shifted.lowest_position = 431;
    shifted.capacity = 80;
    expect_matches_reference(shifted);
    Scenario smallest = base;
    smallest.capacity = 16;
    smallest.window = 9;
    smallest.tokens = 8;
    expect_matches_reference(smallest);
    Scenario capped = base;
    capped.softcap = 2.0f;
    expect_matches_reference(capped);
  }
}

TEST(Attention, BothDirections) {
  for (NumberType type : {NumberType::F32, NumberType::F16, NumberType::Q8_0}) {
    for (size_t window : {0, 1, 16, 33, 200}) {
      for (size_t first : {0, 64, 128}) {  // where a text begins among others
        SCOPED_TRACE(std::to_string(window) + " at " + std::to_string(first));
        Scenario scenario{.k_type = type, .v_type = type, .head_dim = 32, .heads = 2, .tokens = 90};
        scenario.capacity = 256;
        scenario.first_position = scenario.lowest_position = first;
        scenario.window = window;
        scenario.bidirectional = true;
        expect_matches_reference(scenario);
      }
    }
  }
}

TEST(Attention, BatchesEqualSingleTokensBitForBit) {
  for (NumberType type : kCacheTypes) {
    for (size_t window : {0, 37}) {
      Scenario scenario{.k_type = type, .v_type = type, .head_dim = 64, .heads = 3, .tokens = 90, .first_position = 50};
      scenario.capacity = 144;
      scenario.window = window;
      scenario.lowest_position = 3;
      const Cache cache(scenario);
      for (const Kernels* table : available_kernels()) {
        const std::vector<float> batch = cache.run(*table);
        for (size_t step : {1, 7, 33}) {
          std::vector<float> pieces(batch.size());
          for (size_t t = 0; t < scenario.tokens; t += step)
            cache.run(*table, t, std::min(t + step, scenario.tokens), pieces);
          EXPECT_TRUE(same_bits(batch, pieces)) << table->isa << " " << type_info(type).name << " by " << step;
        }
      }
    }
  }
}

// The cells a token does not see cannot reach it, even where they are in the same tile and hold NaN.
TEST(Attention, WhatATokenDoesNotSeeDoesNotMatter) {
  for (NumberType type : kCacheTypes) {
    Scenario scenario{.k_type = type, .v_type = type, .tokens = 6};
    Cache cache(scenario);
    for (const Kernels* table : available_kernels()) {
      const std::vector<float> clean = cache.run(*table);
      Cache spoilt = cache;
      const std::vector<float> nan(scenario.head_dim, std::numeric_limits<float>::quiet_NaN());
      spoilt.store(scenario.end_position() - 1, nan, nan);
      const std::vector<float> out = spoilt.run(*table);
      const size_t before = (scenario.tokens - 1) * scenario.row_floats();
      EXPECT_TRUE(same_bits(std::span(clean).first(before), std::span(out).first(before))) << table->isa;
      EXPECT_TRUE(std::isnan(out.back())) << table->isa << " " << type_info(type).name;
    }
  }
}

TEST(Attention, AQueryThatIsNotFiniteShows) {
  for (NumberType type : kCacheTypes) {
    const Scenario scenario{.k_type = type, .v_type = type, .tokens = 1};
    const Cache cache(scenario);
    for (const Kernels* table : available_kernels()) {
      const_cast<float*>(cache.query(0, 1))[5] = std::numeric_limits<float>::quiet_NaN();
      const std::vector<float> out = cache.run(*table);
      EXPECT_TRUE(std::isfinite(out[0])) << table->isa;
      EXPECT_TRUE(std::isnan(out[scenario.head_dim])) << table->isa << " " << type_info(type).name;
    }
  }
}

}  // namespace
}  // namespace thimble
