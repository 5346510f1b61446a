#include "quant/type_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace thimble {
namespace {

struct Expected {
  uint32_t id;
  uint32_t block_size;
  uint32_t block_bytes;
};

// From ggml.h and ggml-common.h, by name.
const std::map<std::string_view, Expected> kGgml = {
    {"F32", {0, 1, 4}},       {"F16", {1, 1, 2}},         {"Q4_0", {2, 32, 18}},    {"Q4_1", {3, 32, 20}},
    {"Q5_0", {6, 32, 22}},    {"Q5_1", {7, 32, 24}},      {"Q8_0", {8, 32, 34}},    {"Q2_K", {10, 256, 84}},
    {"Q3_K", {11, 256, 110}}, {"Q4_K", {12, 256, 144}},   {"Q5_K", {13, 256, 176}}, {"Q6_K", {14, 256, 210}},
    {"IQ4_NL", {20, 32, 18}}, {"IQ4_XS", {23, 256, 136}}, {"BF16", {30, 1, 2}}};

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
  for (const uint32_t unknown : {4u, 5u, 9u, 16u, 31u, 1000u, 0xffffffffu})
    EXPECT_EQ(find_type(unknown), nullptr) << unknown;
}

TEST(TypeList, RowBytesCountsWholeBlocks) {
  EXPECT_EQ(row_bytes(NumberType::F32, 3), 12u);
  EXPECT_EQ(row_bytes(NumberType::Q4_0, 64), 36u);
  EXPECT_EQ(row_bytes(NumberType::Q4_K, 2560), 1440u);
  EXPECT_EQ(row_bytes(NumberType::Q6_K, 0), 0u);
}

// Every binary16 number of a block is looked at, whatever its place, and nothing else is.
TEST(TypeList, FiniteScalesSeesEveryScaleOfEveryBlock) {
  for (const TypeInfo& type : all_types()) {
    SCOPED_TRACE(type.name);
    std::vector<float> weights(type.block_size * 3, 0.5f);
    std::vector<std::byte> packed(type.block_bytes * 3);
    type.pack(weights.data(), packed.data(), 3);
    EXPECT_TRUE(type.has_finite_scales(packed.data(), 3));
    int scales = 0;
    for (size_t at = 2 * type.block_bytes; at + 1 < packed.size(); at += 2) {
      std::vector<std::byte> damaged = packed;
      damaged[at] = std::byte{0x80};
      damaged[at + 1] = std::byte{0x7f};  // NaN as binary16, bfloat16 and, in the upper half, as float32
      std::vector<float> unpacked(weights.size());
      type.unpack(damaged.data(), unpacked.data(), 3);
      const bool finite = std::all_of(unpacked.begin(), unpacked.end(), [](float x) { return std::isfinite(x); });
      EXPECT_EQ(type.has_finite_scales(damaged.data(), 3), finite) << at;
      scales += finite ? 0 : 1;
    }
    EXPECT_GE(scales, 1);
  }
}

}  // namespace
}  // namespace thimble
