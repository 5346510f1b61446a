// What packing may cost, for every format of the list that can be written.
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "quant/type_list.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

constexpr size_t kWeights = 256;  // whole blocks of every format

std::vector<TypeInfo> packable_types() {
  std::vector<TypeInfo> types;
  for (const TypeInfo& type : all_types()) {
    if (type.pack != nullptr) types.push_back(type);
  }
  return types;
}

// Neighbouring weights are one entry of a codebook, which has not every combination.
bool has_codebook(const TypeInfo& type) {
  return type.type == NumberType::IQ3_S || type.type == NumberType::IQ3_XXS || type.type == NumberType::IQ2_S;
}

std::vector<float> round_trip(const TypeInfo& type, const std::vector<float>& weights) {
  const size_t blocks = weights.size() / type.block_size;
  std::vector<std::byte> packed(blocks * type.block_bytes);
  type.pack(weights.data(), packed.data(), blocks);
  std::vector<float> unpacked(weights.size());
  type.unpack(packed.data(), unpacked.data(), blocks);
  return unpacked;
}

double relative_error(std::span<const float> original, std::span<const float> unpacked) {
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < original.size(); ++i) {
    const double difference = static_cast<double>(unpacked[i]) - original[i];
    error += difference * difference;
    norm += static_cast<double>(original[i]) * original[i];
  }
  return std::sqrt(error / norm);
}

std::vector<float> reference_weights() {
  const std::string bytes = test::read_file(THIMBLE_TEST_DATA "/quant/weights.bin");
  std::vector<float> weights(bytes.size() / sizeof(float));
  std::memcpy(weights.data(), bytes.data(), bytes.size());
  return weights;
}

// llama.cpp's own packers on the same weights; tests/oracle/quant_reference_error.py made the figures.
TEST(Pack, LeavesNoMoreErrorThanTheReference) {
  const std::vector<float> weights = reference_weights();
  const size_t half = weights.size() / 2;
  std::ifstream figures(THIMBLE_TEST_DATA "/quant/reference_error.txt");
  size_t formats = 0;
  for (std::string name; figures >> name; ++formats) {
    SCOPED_TRACE(name);
    double gaussian = 0;
    double heavy_tailed = 0;
    ASSERT_TRUE(figures >> gaussian >> heavy_tailed);
    const TypeInfo* type = find_type_named(name);
    ASSERT_NE(type, nullptr);
    const std::vector<float> unpacked = round_trip(*type, weights);
    const std::span<const float> original(weights);
    const std::span<const float> result(unpacked);
    const double rounding = 1e-6;  // of the figures in the file
    EXPECT_LE(relative_error(original.first(half), result.first(half)), gaussian * 1.01 + rounding);
    EXPECT_LE(relative_error(original.last(half), result.last(half)), heavy_tailed * 1.01 + rounding);
  }
  EXPECT_EQ(formats + 4, packable_types().size());  // IQ2_S needs an importance matrix there; F32, F16, BF16: no search
}

TEST(Pack, KeepsZeros) {
  for (const TypeInfo& type : packable_types()) {
    for (const float weight : round_trip(type, std::vector<float>(kWeights, 0.0f)))
      ASSERT_EQ(weight, 0.0f) << type.name;
  }
}

// One value everywhere is a single scale's work: what is left is the rounding of binary16 scales (2^-11 each, two of
// them in formats with a minimum) and of bfloat16 (2^-8). The values keep scales out of binary16's subnormals, which
// round more coarsely.
TEST(Pack, KeepsConstants) {
  for (const TypeInfo& type : packable_types()) {
    if (has_codebook(type)) continue;
    for (const float value : {1.0f, -1.0f, 0.37f, -0.61f, 900.0f}) {
      for (const float weight : round_trip(type, std::vector<float>(kWeights, value))) {
        ASSERT_NEAR(weight, value, std::abs(value) * 0x1p-8) << type.name;
      }
    }
  }
}

// The largest weight of a block is met within half a step of the coarsest format's grid, and the sign of no weight
// beyond that flips.
TEST(Pack, OutliersSurvive) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0.0f, 0.01f);
  for (const TypeInfo& type : packable_types()) {
    const float bound = has_codebook(type) ? 0.1f : 0.02f;
    for (const float outlier : {8.0f, -8.0f}) {
      std::vector<float> weights(kWeights);
      for (float& weight : weights) weight = normal(random);
      weights[77] = outlier;
      const std::vector<float> unpacked = round_trip(type, weights);
      EXPECT_NEAR(unpacked[77], outlier, std::abs(outlier) * bound) << type.name;
    }
  }
}

// However large or small the weights: finite, of no larger magnitude than the format's range allows, and never a crash.
TEST(Pack, ExtremeMagnitudesStayFinite) {
  const float extremes[] = {FLT_MAX, -FLT_MAX, FLT_MIN, FLT_TRUE_MIN, -FLT_TRUE_MIN, 1e-30f, 1e30f, 65504.0f, 6e-8f};
  for (const TypeInfo& type : packable_types()) {
    if (type.type == NumberType::F16 || type.type == NumberType::BF16) continue;  // they round to infinity, by IEEE 754
    for (const float extreme : extremes) {
      std::vector<float> mixed(kWeights);
      for (size_t i = 0; i < kWeights; ++i) mixed[i] = i % 3 == 0 ? extreme : i % 3 == 1 ? -extreme : 0.5f;
      for (const auto& weights : {std::vector<float>(kWeights, extreme), mixed}) {
        for (const float weight : round_trip(type, weights)) ASSERT_TRUE(std::isfinite(weight)) << type.name << extreme;
      }
    }
  }
}

// Packing what was unpacked gives the same floats: a file may be repacked in its own format without loss where the
// format has a single scale a block.
TEST(Pack, SimpleFormatsAreStable) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::vector<float> weights(kWeights);
  for (float& weight : weights) weight = normal(random);
  for (const NumberType id : {NumberType::F32, NumberType::F16, NumberType::BF16, NumberType::Q4_0, NumberType::Q5_0}) {
    const TypeInfo& type = type_info(id);
    const std::vector<float> once = round_trip(type, weights);
    EXPECT_EQ(round_trip(type, once), once) << type.name;
  }
}

}  // namespace
}  // namespace thimble
