#include "quant/type_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"

namespace thimble {
namespace {

struct Expected {
  uint32_t id;
  uint32_t block_size;
  uint32_t block_bytes;
};

// From ggml.h and ggml-common.h, by name.
const std::map<std::string_view, Expected> kGgml = {
    {"F32", {0, 1, 4}},        {"F16", {1, 1, 2}},         {"Q4_0", {2, 32, 18}},    {"Q4_1", {3, 32, 20}},
    {"Q5_0", {6, 32, 22}},     {"Q5_1", {7, 32, 24}},      {"Q8_0", {8, 32, 34}},    {"Q2_K", {10, 256, 84}},
    {"Q3_K", {11, 256, 110}},  {"Q4_K", {12, 256, 144}},   {"Q5_K", {13, 256, 176}}, {"Q6_K", {14, 256, 210}},
    {"IQ4_NL", {20, 32, 18}},  {"IQ4_XS", {23, 256, 136}}, {"BF16", {30, 1, 2}},     {"IQ2_XXS", {16, 256, 66}},
    {"IQ2_XS", {17, 256, 74}}, {"IQ3_XXS", {18, 256, 98}}, {"IQ1_S", {19, 256, 50}}, {"IQ3_S", {21, 256, 110}},
    {"IQ2_S", {22, 256, 82}},  {"IQ1_M", {29, 256, 56}},   {"TQ1_0", {34, 256, 54}}, {"TQ2_0", {35, 256, 66}},
    {"MXFP4", {39, 32, 17}}};

TEST(TypeList, HoldsEveryFormatOnceWithGgmlsIdsAndSizes) {
  std::set<std::string_view> names;
  for (const TypeInfo& type : all_types()) {
    SCOPED_TRACE(type.name);
    EXPECT_TRUE(names.insert(type.name).second);
    const auto expected = kGgml.find(type.name);
    ASSERT_NE(expected, kGgml.end());
    EXPECT_EQ(static_cast<uint32_t>(type.type), expected->second.id);
    EXPECT_EQ(type.block_size, expected->second.block_size);
    EXPECT_EQ(type.block_bytes, expected->second.block_bytes);
  }
  EXPECT_EQ(names.size(), kGgml.size());
}

TEST(TypeList, FindsByIdAndByNameInAnyCase) {
  for (const TypeInfo& type : all_types()) {
    EXPECT_EQ(find_type(static_cast<uint32_t>(type.type)), &type);
    EXPECT_EQ(find_type_named(type.name), &type);
    EXPECT_EQ(&type_info(type.type), &type);
  }
  EXPECT_EQ(find_type_named("q4_k"), find_type_named("Q4_K"));
  EXPECT_EQ(find_type_named("iq4_Xs"), find_type_named("IQ4_XS"));
  for (const char* unknown : {"", "Q4", "Q4_K_M", "Q4_0 ", "Q9_0"})
    EXPECT_EQ(find_type_named(unknown), nullptr) << unknown;
  for (const uint32_t unknown : {4u, 5u, 9u, 24u, 31u, 40u, 1000u, 0xffffffffu})
    EXPECT_EQ(find_type(unknown), nullptr) << unknown;
}

TEST(TypeList, RowBytesCountsWholeBlocks) {
  EXPECT_EQ(row_bytes(NumberType::F32, 3), 12u);
  EXPECT_EQ(row_bytes(NumberType::Q4_0, 64), 36u);
  EXPECT_EQ(row_bytes(NumberType::Q4_K, 2560), 1440u);
  EXPECT_EQ(row_bytes(NumberType::Q6_K, 0), 0u);
}

TEST(TypeList, IdsFitTheTablesByThem) {
  for (const TypeInfo& type : all_types()) EXPECT_LT(static_cast<uint32_t>(type.type), kNumberTypeIds) << type.name;
}

// Who asks for a format that cannot be written learns so, and which can.
TEST(TypeList, PackingAFormatThatIsOnlyReadIsAnError) {
  size_t refused = 0;
  for (const TypeInfo& type : all_types()) {
    SCOPED_TRACE(type.name);
    const std::vector<float> weights(type.block_size, 0.5f);
    std::vector<std::byte> packed(type.block_bytes);
    if (type.pack != nullptr) {
      EXPECT_NO_THROW(type.pack_or_fail(weights.data(), packed.data(), 1));
      continue;
    }
    ++refused;
    try {
      type.pack_or_fail(weights.data(), packed.data(), 1);
      ADD_FAILURE() << "packed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage);
      const std::string message = error.what();
      EXPECT_EQ(message.rfind(std::string(type.name) + " can be read but not written", 0), 0u) << message;
      EXPECT_NE(message.find("Q4_K"), std::string::npos) << message;
      EXPECT_EQ(message.find(std::string(type.name), 1), std::string::npos) << message;
    }
  }
  EXPECT_EQ(refused, 7u);
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

// Every scale of a block is looked at, whatever its place, and nothing else is. 0x77 everywhere is finite in every format,
// large in its levels, and one step from infinity in the highest byte of a scale.
TEST(TypeList, FiniteScalesSeesEveryScaleOfEveryBlock) {
  for (const TypeInfo& type : all_types()) {
    SCOPED_TRACE(type.name);
    const std::vector<std::byte> packed(type.block_bytes * 3, std::byte{0x77});
    EXPECT_TRUE(type.has_finite_scales(packed.data(), 3));
    int scales = 0;
    const auto hold_against_unpacked = [&](const std::vector<std::byte>& damaged, size_t at) {
      std::vector<float> unpacked(type.block_size * 3);
      type.unpack(damaged.data(), unpacked.data(), 3);
      EXPECT_EQ(type.has_finite_scales(damaged.data(), 3), all_finite(unpacked)) << at;
      scales += all_finite(unpacked) ? 0 : 1;
    };
    for (size_t at = 2 * type.block_bytes; at < packed.size(); ++at) {
      for (const int byte : {0x7c, 0x7f, 0x80, 0xff}) {
        std::vector<std::byte> damaged = packed;
        damaged[at] = static_cast<std::byte>(byte);
        hold_against_unpacked(damaged, at);
        if (at + 1 < packed.size()) {  // NaN as binary16, bfloat16 and, in the upper half, as float32
          damaged[at] = std::byte{0x80};
          damaged[at + 1] = static_cast<std::byte>(byte);
          hold_against_unpacked(damaged, at);
        }
      }
    }
    EXPECT_GE(scales, 1);
  }
}

// 255 is the standard's NaN, and from 253 on the largest level has no float32.
TEST(TypeList, LargestMxfp4ScalesAreNotFinite) {
  const TypeInfo& type = type_info(NumberType::MXFP4);
  for (int e = 0; e < 256; ++e) {
    std::vector<std::byte> block(type.block_bytes, std::byte{0x77});
    block[0] = static_cast<std::byte>(e);
    std::vector<float> unpacked(type.block_size);
    type.unpack(block.data(), unpacked.data(), 1);
    EXPECT_EQ(all_finite(unpacked), e <= 252) << e;
    EXPECT_EQ(type.has_finite_scales(block.data(), 1), e <= 252) << e;
    std::fill(block.begin() + 1, block.end(), std::byte{0});
    EXPECT_EQ(type.has_finite_scales(block.data(), 1), e <= 252) << e << " over zeros";
  }
}

}  // namespace
}  // namespace thimble
