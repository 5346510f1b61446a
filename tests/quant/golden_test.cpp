// Unpacking and packing against the Python package `gguf`: tests/oracle/quant_golden.py made the data.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "quant/type_list.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

enum class Kind : uint32_t { unpack = 0, pack = 1 };

struct Case {
  Kind kind;
  const TypeInfo* type;
  size_t blocks;
  std::vector<std::byte> packed;
  std::vector<float> floats;
};

std::vector<Case> golden_cases() {
  const std::string file = test::read_file(THIMBLE_TEST_DATA "/quant/golden.bin");
  std::vector<Case> cases;
  for (size_t at = 0; at < file.size();) {
    uint32_t head[4];
    std::memcpy(head, file.data() + at, sizeof(head));
    at += sizeof(head);
    Case c = {static_cast<Kind>(head[0]), find_type(head[1]), head[2], {}, std::vector<float>(head[3])};
    if (c.type == nullptr) throw std::runtime_error("golden.bin names an unknown type");
    c.packed.resize(c.blocks * c.type->block_bytes);
    std::memcpy(c.packed.data(), file.data() + at, c.packed.size());
    at += c.packed.size();
    std::memcpy(c.floats.data(), file.data() + at, c.floats.size() * sizeof(float));
    at += c.floats.size() * sizeof(float);
    cases.push_back(std::move(c));
  }
  return cases;
}

// The same bits; a NaN's sign and payload depend on the order in which a processor takes the operands and mean nothing.
bool same_number(float a, float b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b) || (std::isnan(a) && std::isnan(b));
}

TEST(Golden, UnpackEqualsGgufBitForBit) {
  size_t formats = 0;
  for (const Case& c : golden_cases()) {
    if (c.kind != Kind::unpack) continue;
    ++formats;
    SCOPED_TRACE(c.type->name);
    std::vector<float> unpacked(c.floats.size());
    c.type->unpack(c.packed.data(), unpacked.data(), c.blocks);
    for (size_t i = 0; i < unpacked.size(); ++i) {
      ASSERT_TRUE(same_number(unpacked[i], c.floats[i]))
          << "block " << i / c.type->block_size << " weight " << i % c.type->block_size << ": " << unpacked[i]
          << " for " << c.floats[i];
    }
  }
  EXPECT_EQ(formats, all_types().size());
}

TEST(Golden, UnpackTakesUnalignedBytes) {
  for (const Case& c : golden_cases()) {
    if (c.kind != Kind::unpack) continue;
    SCOPED_TRACE(c.type->name);
    std::vector<std::byte> shifted(c.packed.size() + 1);
    std::memcpy(shifted.data() + 1, c.packed.data(), c.packed.size());
    std::vector<float> unpacked(c.floats.size());
    c.type->unpack(shifted.data() + 1, unpacked.data(), c.blocks);
    EXPECT_TRUE(same_number(unpacked.back(), c.floats.back()));
  }
}

double squared_error(const Case& c, const std::vector<std::byte>& packed) {
  std::vector<float> unpacked(c.floats.size());
  c.type->unpack(packed.data(), unpacked.data(), c.blocks);
  double error = 0;
  for (size_t i = 0; i < unpacked.size(); ++i) error += std::pow(static_cast<double>(unpacked[i]) - c.floats[i], 2);
  return error;
}

// The same bytes where a value has its one place; where there is a search, it finds something better.
TEST(Golden, PackEqualsGgufByteForByteOrIsCloser) {
  size_t equal = 0;
  size_t closer = 0;
  for (const Case& c : golden_cases()) {
    if (c.kind != Kind::pack) continue;
    SCOPED_TRACE(c.type->name);
    std::vector<std::byte> packed(c.packed.size());
    c.type->pack(c.floats.data(), packed.data(), c.blocks);
    const bool has_one_place = c.type->block_size == 1 || c.type->type == NumberType::Q8_0;
    if (has_one_place) {
      ASSERT_EQ(packed, c.packed);
      ++equal;
    } else {
      EXPECT_LT(squared_error(c, packed), squared_error(c, c.packed));
      ++closer;
    }
  }
  EXPECT_EQ(equal, 3u);
  EXPECT_EQ(closer, 4u);
}

}  // namespace
}  // namespace thimble
