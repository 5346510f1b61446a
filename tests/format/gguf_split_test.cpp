// Models in several files: joined whichever part is named, and refused in one line where the parts do not belong together.
#include "format/gguf_split.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "support/split_gguf.h"
#include "support/tiny_gguf.h"

namespace thimble {
namespace {

using test::TinyGguf;

TEST(GgufPartNames, AreRecognisedExactly) {
  const auto name = parse_part_name("/models/../m-a-00002-of-00012.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(*name, (GgufPartName{"/models/../m-a", 2, 12}));
  EXPECT_EQ((GgufPartName{"x", 3, 11}).path(), "x-00003-of-00011.gguf");
  for (const char* other :
       {"", "-00001-of-00002.gguf", "/models/-00001-of-00002.gguf", "m-00000-of-00002.gguf", "m-00003-of-00002.gguf",
        "m-0001-of-0002.gguf", "m-000001-of-000002.gguf", "m-00001-of-00002.GGUF", "m-00001-of-00002",
        "m-00001_of-00002.gguf", "m-+0001-of-00002.gguf", "m- 0001-of-00002.gguf", "m-00001-of-0000x.gguf"}) {
    EXPECT_FALSE(parse_part_name(other)) << other;
  }
}

TinyGguf whole() {
  TinyGguf file;
  file.add("general.architecture", "llama").add("general.name", "a model");
  for (int i = 0; i < 7; ++i) {
    file.tensor("t" + std::to_string(i), {32, 2}, std::vector<float>(64, 0.5f + static_cast<float>(i)));
  }
  return file;
}

// What one part holds, right unless told otherwise.
TinyGguf part(uint16_t number, uint16_t count = 3) {
  TinyGguf file;
  if (number == 0) file.add("general.architecture", "llama").add("general.name", "a model");
  file.add("split.no", number).add("split.count", count).add("split.tensors.count", int32_t{count});
  return file.tensor("t" + std::to_string(number), {32}, std::vector<float>(32, 1.0f));
}

class SplitGguf : public testing::Test {
 protected:
  std::string path(uint32_t number, uint32_t count = 3) const {
    return GgufPartName{folder_ / "m", number, count}.path();
  }
  void write_parts() const {
    for (uint16_t i = 0; i < 3; ++i) part(i).write(path(i + 1u));
  }
  // Opening `opened` names `file` and says `fault` in one line.
  static void expect_refused(const std::string& opened, const std::string& file, std::string_view fault) {
    try {
      Gguf::open(opened);
      ADD_FAILURE() << "accepted: " << fault;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::bad_file) << message;
      EXPECT_EQ(message.rfind(file + ":", 0), 0u) << message;
      EXPECT_NE(message.find(fault), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  // The same for a set of parts of which one is another.
  void expect_part_refused(uint16_t number, const TinyGguf& other, std::string_view fault) const {
    write_parts();
    other.write(path(number + 1u));
    SCOPED_TRACE(std::string(fault));
    expect_refused(path(1), path(number + 1u), fault);
  }
  test::TempFolder folder_;
};

TEST_F(SplitGguf, IsTheWholeFileWhicheverPartIsOpened) {
  const Gguf one = Gguf::open(whole().write(folder_ / "whole.gguf"));
  for (const bool empty_first : {false, true}) {
    const auto paths = test::split_gguf(one, folder_ / "m", 3, empty_first);
    for (const std::string& opened : paths) {
      const Gguf gguf = Gguf::open(opened);
      EXPECT_EQ(gguf.path(), paths[0]);
      ASSERT_EQ(gguf.files().size(), 3u);
      uint64_t bytes = 0;
      for (const std::string& path : paths) bytes += std::filesystem::file_size(path);
      EXPECT_EQ(gguf.file_bytes(), bytes);
      EXPECT_EQ(gguf.string("general.name"), "a model");
      ASSERT_EQ(gguf.tensors().size(), one.tensors().size());
      for (const GgufTensor& tensor : one.tensors()) {
        const GgufTensor* found = gguf.find_tensor(tensor.name);
        ASSERT_NE(found, nullptr) << tensor.name;
        EXPECT_TRUE(std::ranges::equal(found->data, tensor.data)) << tensor.name;
        const auto mapping = gguf.files()[found->part].bytes();
        EXPECT_GE(found->data.data(), mapping.data());
        EXPECT_LE(found->data.data() + found->data.size(), mapping.data() + mapping.size());
      }
    }
  }
}

TEST_F(SplitGguf, AMissingPartIsNamed) {
  write_parts();
  for (const uint32_t missing : {1u, 2u, 3u}) {
    std::filesystem::rename(path(missing), folder_ / "away");
    expect_refused(path(missing == 1 ? 2 : 1), path(missing), "is missing");
    std::filesystem::rename(folder_ / "away", path(missing));
  }
  std::filesystem::remove(path(3));
  std::filesystem::create_directory(path(3));
  expect_refused(path(1), path(3), "a directory");
}

TEST_F(SplitGguf, NumbersAndCountsMustAgree) {
  expect_part_refused(1, part(2), "split.no is not 1");
  expect_part_refused(1, part(0), "split.no is not 1");
  expect_part_refused(0, part(1), "split.no is not 0");
  expect_part_refused(1, part(1).remove("split.no"), "split.no is not 1");
  expect_part_refused(1, part(1).add("split.no", int16_t{-1}), "split.no is out of range");
  expect_part_refused(1, part(1).add("split.no", "1"), "split.no is STRING");
  expect_part_refused(1, part(1, 4), "split.count is not 3");
  expect_part_refused(2, part(2).remove("split.count"), "split.count is not 3");
  expect_part_refused(2, part(2).add("split.count", uint16_t{0}), "split.count is not 3");
  expect_part_refused(0, part(0).add("split.count", uint16_t{512}), "-00001-of-00512.gguf");
  for (const uint64_t absurd : {uint64_t{513}, uint64_t{65535}, ~uint64_t{0}}) {
    expect_part_refused(0, part(0).add("split.count", absurd), "at most 512 parts");
  }
  write_parts();
  part(0).add("split.count", uint16_t{0}).write(folder_ / "joined.gguf");
  EXPECT_EQ(Gguf::open(folder_ / "joined.gguf").files().size(), 1u);
}

TEST_F(SplitGguf, PartsOfOtherModelsAreRefused) {
  expect_part_refused(1, part(1).add("general.architecture", "qwen2"), "general.architecture is not what the first");
  expect_part_refused(2, part(2).add("general.name", "another"), "general.name is not what the first part has");
  expect_part_refused(2, part(2).add("general.name", 7u), "general.name is not what the first part has");
  expect_part_refused(1, part(1).add("split.tensors.count", int32_t{9}), "split.tensors.count is not what the first");
  write_parts();
  part(0).add("split.tensors.count", int32_t{4}).write(path(1));
  for (const uint16_t i : {1, 2}) part(i).remove("split.tensors.count").write(path(i + 1u));
  expect_refused(path(1), path(1), "split.tensors.count is 4, but the 3 parts hold 3 tensors");
  part(0).remove("split.tensors.count").write(path(1));
  expect_refused(path(1), path(1), "split.tensors.count is missing");
  write_parts();
  part(2).remove_tensor("t2").tensor("t0", {32}, std::vector<float>(32, 2.0f)).write(path(3));
  expect_refused(path(1), path(1), "the tensor 't0' is in two parts");
}

TEST_F(SplitGguf, DamageIsNamedWithThePartItIsIn) {
  const std::string bytes = part(1).bytes();
  for (size_t length = 1; length < bytes.size(); length += 7) {
    write_parts();
    test::write_file(path(2), std::string_view(bytes).substr(0, length));
    expect_refused(path(1), path(2), "");
  }
}

TEST_F(SplitGguf, ARenamedPartSaysHowPartsAreNamed) {
  write_parts();
  for (const char* name : {"model.gguf", "m-00001-of-00004.gguf", "m-1-of-3.gguf"}) {
    std::filesystem::copy_file(path(1), folder_ / name);
    expect_refused(folder_ / name, folder_ / name, "one of 3 parts of a split model, whose names end in");
  }
}

}  // namespace
}  // namespace thimble
