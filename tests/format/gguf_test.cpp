#include "format/gguf.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "support/temp_file.h"
#include "support/tiny_gguf.h"

namespace thimble {
namespace {

using test::TempFolder;
using test::TinyGguf;

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    return error.what();
  }
  return "no error";
}

TEST(Gguf, ReadsVersions2And3) {
  const TempFolder folder;
  for (const uint32_t version : {2u, 3u}) {
    TinyGguf file;
    file.claim_version(version).add("general.architecture", "test").tensor("w", {4, 2}, std::vector<float>(8, 1.5f));
    const Gguf gguf = Gguf::open(file.write(folder / "m.gguf"));
    EXPECT_EQ(gguf.version(), version);
    EXPECT_EQ(gguf.string("general.architecture"), "test");
    const GgufTensor* tensor = gguf.find_tensor("w");
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->shape, (std::array<uint64_t, 4>{4, 2, 1, 1}));
    EXPECT_EQ(tensor->axes, 2u);
    EXPECT_EQ(tensor->elements(), 8u);
    EXPECT_EQ(tensor->data.size(), 32u);
    EXPECT_EQ(gguf.find_tensor("v"), nullptr);
    EXPECT_EQ(gguf.find("general.name"), nullptr);
  }
}

TEST(Gguf, AFileWithoutTensorsNeedsNoPadding) {
  const TempFolder folder;
  const Gguf gguf = Gguf::open(TinyGguf().add("a", 1u).write(folder / "m.gguf"));
  EXPECT_TRUE(gguf.tensors().empty());
  EXPECT_LE(gguf.data_offset(), gguf.file_bytes());
}

TEST(Gguf, IntegersAreReadByValueWhateverTheirWidth) {
  const TempFolder folder;
  const Gguf gguf = Gguf::open(TinyGguf()
                                   .add("u8", uint8_t{7})
                                   .add("i8", int8_t{-7})
                                   .add("u16", uint16_t{700})
                                   .add("i16", int16_t{700})
                                   .add("i32", int32_t{-7})
                                   .add("u64", ~uint64_t{0})
                                   .add("i64", int64_t{7})
                                   .add("f32", 7.0f)
                                   .add("bool", true)
                                   .add("text", "7")
                                   .write(folder / "m.gguf"));
  EXPECT_EQ(gguf.unsigned_integer("u8"), 7u);
  EXPECT_EQ(gguf.integer("i8"), -7);
  EXPECT_EQ(gguf.unsigned_integer("u16"), 700u);
  EXPECT_EQ(gguf.unsigned_integer("i16"), 700u);
  EXPECT_EQ(gguf.unsigned_integer("u64"), ~uint64_t{0});
  EXPECT_EQ(gguf.unsigned_integer("i64"), 7u);
  EXPECT_EQ(gguf.unsigned_integer("absent"), std::nullopt);
  EXPECT_EQ(gguf.integer("absent"), std::nullopt);
  for (const char* key : {"i8", "i32", "f32", "bool", "text"}) {
    EXPECT_NE(message_of([&] { gguf.unsigned_integer(key); }).find(key), std::string::npos) << key;
  }
  for (const char* key : {"u64", "f32", "bool", "text"}) {
    EXPECT_NE(message_of([&] { gguf.integer(key); }).find(key), std::string::npos) << key;
  }
}

TEST(Gguf, RealsAreFiniteAndMayBeIntegers) {
  const TempFolder folder;
  const Gguf gguf = Gguf::open(TinyGguf()
                                   .add("f32", 0.5f)
                                   .add("f64", 1e300)
                                   .add("i32", -3)
                                   .add("u64", ~uint64_t{0})
                                   .add("nan", std::nanf(""))
                                   .add("inf", std::numeric_limits<double>::infinity())
                                   .add("text", "1")
                                   .add("bool", true)
                                   .write(folder / "m.gguf"));
  EXPECT_EQ(gguf.real("f32"), 0.5);
  EXPECT_EQ(gguf.real("f64"), 1e300);
  EXPECT_EQ(gguf.real("i32"), -3.0);
  EXPECT_EQ(gguf.real("u64"), 0x1p64);
  EXPECT_EQ(gguf.real("absent"), std::nullopt);
  for (const char* key : {"nan", "inf", "text", "bool"}) {
    EXPECT_NE(message_of([&] { gguf.real(key); }).find(key), std::string::npos) << key;
  }
}

TEST(Gguf, ArraysAreReadByElementType) {
  const TempFolder folder;
  const std::vector<std::string> texts = {"one", "", "drei\n"};
  const Gguf gguf = Gguf::open(TinyGguf()
                                   .add("texts", texts)
                                   .add("flags", std::vector<bool>{true, false})
                                   .add("i8", std::vector<int8_t>{-1, 2})
                                   .add("u64", std::vector<uint64_t>{1, ~uint64_t{0}})
                                   .add("f32", std::vector<float>{0.5f, -1.0f})
                                   .add("f64", std::vector<double>{1e300})
                                   .add("nan", std::vector<float>{std::nanf("")})
                                   .add("none", std::vector<float>{})
                                   .add("scalar", 1)
                                   .write(folder / "m.gguf"));
  EXPECT_EQ(gguf.strings("texts"), (std::vector<std::string_view>{"one", "", "drei\n"}));
  const GgufStrings view = gguf.string_array("texts");
  EXPECT_EQ(view.size(), 3u);
  EXPECT_EQ(std::vector<std::string>(view.begin(), view.end()), texts);
  EXPECT_EQ(gguf.integers("flags"), (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(gguf.integers("i8"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(gguf.reals("i8"), (std::vector<float>{-1.0f, 2.0f}));
  EXPECT_EQ(gguf.reals("f32"), (std::vector<float>{0.5f, -1.0f}));
  EXPECT_TRUE(gguf.reals("none").empty());
  EXPECT_TRUE(gguf.strings("absent").empty());
  EXPECT_TRUE(gguf.string_array("absent").empty());
  EXPECT_NE(message_of([&] { gguf.strings("f32"); }).find("f32"), std::string::npos);
  EXPECT_NE(message_of([&] { gguf.strings("scalar"); }).find("scalar"), std::string::npos);
  EXPECT_NE(message_of([&] { gguf.integers("f32"); }).find("f32"), std::string::npos);
  EXPECT_NE(message_of([&] { gguf.integers("u64"); }).find("u64"), std::string::npos);
  for (const char* key : {"f64", "nan", "texts"}) {
    EXPECT_NE(message_of([&] { gguf.reals(key); }).find(key), std::string::npos) << key;
  }
}

TEST(Gguf, AlignmentMovesTheData) {
  const TempFolder folder;
  TinyGguf file;
  file.add("general.alignment", 256u).align(256).tensor("a", {3}, std::vector<float>{1, 2, 3});
  file.tensor("b", {2}, std::vector<float>{4, 5});
  const Gguf gguf = Gguf::open(file.write(folder / "m.gguf"));
  EXPECT_EQ(gguf.alignment(), 256u);
  EXPECT_EQ(gguf.data_offset() % 256, 0u);
  float value = 0;
  std::memcpy(&value, gguf.find_tensor("b")->data.data(), sizeof(value));
  EXPECT_EQ(value, 4.0f);
}

TEST(Gguf, SurvivesMoves) {
  const TempFolder folder;
  Gguf gguf = Gguf::open(TinyGguf().add("k", "value").write(folder / "m.gguf"));
  const Gguf moved = std::move(gguf);
  EXPECT_EQ(moved.string("k"), "value");
}

}  // namespace
}  // namespace thimble
