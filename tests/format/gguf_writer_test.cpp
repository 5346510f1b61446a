#include "format/gguf_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

std::vector<std::byte> counting_bytes(size_t count, int first) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(first + static_cast<int>(i));
  return bytes;
}

TEST(GgufWriter, EveryMetadataTypeComesBack) {
  const test::TempFolder folder;
  GgufWriter writer(folder / "m.gguf");
  writer.set("u8", uint8_t{255});
  writer.set("i8", int8_t{-128});
  writer.set("u16", uint16_t{65535});
  writer.set("i16", int16_t{-32768});
  writer.set("u32", std::numeric_limits<uint32_t>::max());
  writer.set("i32", std::numeric_limits<int32_t>::min());
  writer.set("u64", std::numeric_limits<uint64_t>::max());
  writer.set("i64", std::numeric_limits<int64_t>::min());
  writer.set("f32", 0.25f);
  writer.set("f64", 1e300);
  writer.set("yes", true);
  writer.set("no", false);
  writer.set("text", "a\0b");
  writer.set("empty", std::string_view());
  const int16_t integers[] = {-1, 0, 300};
  writer.set("integers", std::span<const int16_t>(integers));
  const float reals[] = {0.5f, -2.0f};
  writer.set("reals", std::span<const float>(reals));
  const std::string_view strings[] = {"one", "", "three"};
  writer.set("strings", strings);
  writer.set("none", std::span<const int32_t>());
  writer.commit();

  const Gguf gguf = Gguf::open(folder / "m.gguf");
  EXPECT_EQ(gguf.version(), 3u);
  EXPECT_EQ(gguf.values().size(), 18u);
  EXPECT_EQ(gguf.unsigned_integer("u8"), 255u);
  EXPECT_EQ(gguf.integer("i8"), -128);
  EXPECT_EQ(gguf.unsigned_integer("u16"), 65535u);
  EXPECT_EQ(gguf.integer("i16"), -32768);
  EXPECT_EQ(gguf.unsigned_integer("u32"), std::numeric_limits<uint32_t>::max());
  EXPECT_EQ(gguf.integer("i32"), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(gguf.unsigned_integer("u64"), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(gguf.integer("i64"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(gguf.real("f32"), 0.25);
  EXPECT_EQ(gguf.real("f64"), 1e300);
  EXPECT_EQ(gguf.boolean("yes"), true);
  EXPECT_EQ(gguf.boolean("no"), false);
  EXPECT_EQ(gguf.string("text"), "a");
  EXPECT_EQ(gguf.string("empty"), "");
  EXPECT_EQ(gguf.integers("integers"), (std::vector<int64_t>{-1, 0, 300}));
  EXPECT_EQ(gguf.reals("reals"), (std::vector<float>{0.5f, -2.0f}));
  EXPECT_EQ(gguf.strings("strings"), (std::vector<std::string_view>{"one", "", "three"}));
  EXPECT_TRUE(gguf.integers("none").empty());
}

TEST(GgufWriter, TensorsComeBackInAnyPieces) {
  const test::TempFolder folder;
  for (const uint32_t alignment : {8u, 32u, 4096u}) {
    SCOPED_TRACE(alignment);
    GgufWriter writer(folder / "m.gguf", alignment);
    writer.set("general.architecture", "test");
    writer.add_tensor("a", std::vector<uint64_t>{3, 5}, NumberType::F32);
    writer.add_tensor("b", std::vector<uint64_t>{32, 2, 1, 3}, NumberType::Q4_0);
    writer.add_tensor("c", std::vector<uint64_t>{1}, NumberType::F16);
    const auto a = counting_bytes(60, 1);
    const auto b = counting_bytes(108, 7);
    const auto c = counting_bytes(2, 9);
    for (const std::byte& byte : a) writer.write_data({&byte, 1});
    writer.write_data(std::span(b).first(50));
    writer.write_data(std::span(b).subspan(50));
    writer.write_data(c);
    writer.commit();

    const Gguf gguf = Gguf::open(folder / "m.gguf");
    EXPECT_EQ(gguf.alignment(), alignment);
    ASSERT_EQ(gguf.tensors().size(), 3u);
    const GgufTensor* tensor = gguf.find_tensor("b");
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->type->type, NumberType::Q4_0);
    EXPECT_EQ(tensor->shape, (std::array<uint64_t, 4>{32, 2, 1, 3}));
    EXPECT_EQ(tensor->axes, 4u);
    EXPECT_EQ(tensor->rows(), 6u);
    EXPECT_TRUE(std::ranges::equal(tensor->data, b));
    EXPECT_TRUE(std::ranges::equal(gguf.find_tensor("a")->data, a));
    EXPECT_TRUE(std::ranges::equal(gguf.find_tensor("c")->data, c));
    EXPECT_EQ(gguf.data_offset() % alignment, 0u);
  }
}

TEST(GgufWriter, AKeySetAgainIsReplacedInPlace) {
  const test::TempFolder folder;
  GgufWriter writer(folder / "m.gguf");
  writer.set("first", 1u);
  writer.set("second", 2u);
  writer.set("first", "text now");
  writer.commit();
  const Gguf gguf = Gguf::open(folder / "m.gguf");
  ASSERT_EQ(gguf.values().size(), 2u);
  EXPECT_EQ(gguf.values()[0].key, "first");
  EXPECT_EQ(gguf.string("first"), "text now");
}

TEST(GgufWriter, CopiesAnotherFilesMetadata) {
  const test::TempFolder folder;
  {
    GgufWriter writer(folder / "in.gguf", 64);
    writer.set("text", "t");
    writer.set("n", int64_t{-5});
    const std::string_view strings[] = {"x", "yy"};
    writer.set("strings", strings);
    const bool flags[] = {true, false};
    writer.set("flags", std::span<const bool>(flags));
    writer.commit();
  }
  const Gguf source = Gguf::open(folder / "in.gguf");
  GgufWriter writer(folder / "out.gguf");
  for (const GgufValue& value : source.values()) writer.set(value);
  writer.commit();
  const Gguf copy = Gguf::open(folder / "out.gguf");
  EXPECT_EQ(copy.find("general.alignment"), nullptr);
  ASSERT_EQ(copy.values().size(), source.values().size() - 1);
  for (const GgufValue& value : copy.values()) {
    const GgufValue* original = source.find(value.key);
    ASSERT_NE(original, nullptr);
    EXPECT_EQ(value.type, original->type);
    EXPECT_EQ(value.count, original->count);
    EXPECT_TRUE(std::ranges::equal(value.data, original->data));
  }
}

TEST(GgufWriter, RefusesWhatTheReaderWouldRefuse) {
  const test::TempFolder folder;
  GgufWriter writer(folder / "m.gguf");
  EXPECT_THROW(writer.set("", 1), Error);
  EXPECT_THROW(writer.set(std::string(65536, 'k'), 1), Error);
  const auto add = [&](std::string_view name, std::vector<uint64_t> shape, NumberType type) {
    writer.add_tensor(name, shape, type);
  };
  EXPECT_THROW(add("", {1}, NumberType::F32), Error);
  EXPECT_THROW(add(std::string(65, 'n'), {1}, NumberType::F32), Error);
  EXPECT_THROW(add("t", {}, NumberType::F32), Error);
  EXPECT_THROW(add("t", {1, 1, 1, 1, 1}, NumberType::F32), Error);
  EXPECT_THROW(add("t", {0}, NumberType::F32), Error);
  EXPECT_THROW(add("t", {4, 0}, NumberType::F32), Error);
  EXPECT_THROW(add("t", {33}, NumberType::Q4_0), Error);
  EXPECT_THROW(add("t", {1ull << 40, 1ull << 40}, NumberType::F32), Error);
  add("t", {1}, NumberType::F32);
  EXPECT_THROW(add("t", {1}, NumberType::F32), Error);
}

TEST(GgufWriter, WithoutCommitThereIsNoFile) {
  const test::TempFolder folder;
  {
    GgufWriter writer(folder / "m.gguf");
    writer.add_tensor("t", std::vector<uint64_t>{8}, NumberType::F32);
    writer.write_data(counting_bytes(20, 0));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace thimble
