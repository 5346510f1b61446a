// The same content written here and by the Python package `gguf` (tests/oracle/gguf_golden.py): the files are equal, so
// what is written here can be read there.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "format/gguf_writer.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

constexpr const char* kGolden = THIMBLE_TEST_DATA "/format/gguf_golden.bin";

TEST(GgufGolden, WritesWhatPythonWrites) {
  const test::TempFolder folder;
  GgufWriter writer(folder / "m.gguf");
  writer.set("general.architecture", "llama");
  writer.set("u8", uint8_t{200});
  writer.set("i8", int8_t{-100});
  writer.set("u16", uint16_t{60000});
  writer.set("i16", int16_t{-30000});
  writer.set("u32", 4000000000u);
  writer.set("i32", -2000000000);
  writer.set("f32", 0.1f);
  writer.set("u64", uint64_t{1} << 63);
  writer.set("i64", -(int64_t{1} << 62));
  writer.set("f64", 1e-200);
  writer.set("bool", true);
  writer.set("text",
             "gr\xc3\xb6\xc3\x9f"
             "er");
  writer.set("numbers", std::span<const int32_t>(std::array{1, -2, 3}));
  writer.set("reals", std::span<const float>(std::array{0.5f, -1.5f}));
  writer.set("strings", std::array<std::string_view, 3>{"", "a", "two words"});
  writer.add_tensor("plain", std::array<uint64_t, 2>{5, 3}, NumberType::F32);
  writer.add_tensor("packed", std::array<uint64_t, 2>{32, 2}, NumberType::Q8_0);
  std::array<float, 15> plain;
  std::iota(plain.begin(), plain.end(), 0.0f);
  writer.write_data(std::as_bytes(std::span(plain)));
  std::array<uint8_t, 68> packed;
  std::iota(packed.begin(), packed.end(), uint8_t{0});
  writer.write_data(std::as_bytes(std::span(packed)));
  writer.commit();
  EXPECT_EQ(test::read_file(folder / "m.gguf"), test::read_file(kGolden));
}

TEST(GgufGolden, ReadsWhatPythonWrites) {
  const Gguf gguf = Gguf::open(kGolden);
  EXPECT_EQ(gguf.string("text"),
            "gr\xc3\xb6\xc3\x9f"
            "er");
  EXPECT_EQ(gguf.unsigned_integer("u64"), uint64_t{1} << 63);
  EXPECT_EQ(gguf.real("f64"), 1e-200);
  EXPECT_EQ(gguf.integers("numbers"), (std::vector<int64_t>{1, -2, 3}));
  const GgufTensor* packed = gguf.find_tensor("packed");
  ASSERT_NE(packed, nullptr);
  EXPECT_EQ(packed->type->type, NumberType::Q8_0);
  EXPECT_EQ(packed->shape, (std::array<uint64_t, 4>{32, 2, 1, 1}));
  EXPECT_EQ(packed->data[33], std::byte{33});
}

}  // namespace
}  // namespace thimble
