// What stays of a fetch that ended early, and what does not.
#include "fetch/part_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "fetch/small_file.h"
#include "fetch/store.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

constexpr auto kNoProgress = [](uint64_t, uint64_t) {};
const PartIdentity kIdentity{"https://h/m.gguf", "\"v1\"", "", 10};

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class Part : public testing::Test {
 protected:
  std::string path() const { return folder_ / "m.gguf"; }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }
  test::TempFolder folder_;
};

TEST_F(Part, GoesOnWithWhatWasSaved) {
  {
    PartFile part(path());
    EXPECT_FALSE(part.identity());
    part.begin(kIdentity);
    part.append(bytes("01234"));
  }
  EXPECT_EQ(PartFile::progress_of(path()), std::pair(uint64_t{5}, uint64_t{10}));
  PartFile part(path());
  ASSERT_TRUE(part.identity());
  EXPECT_EQ(part.identity()->url, kIdentity.url);
  EXPECT_EQ(part.identity()->validator, kIdentity.validator);
  EXPECT_EQ(part.size(), 5u);
  part.append(bytes("56789"));
  EXPECT_EQ(part.sha256(kNoProgress),
            "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882");  // of 0123456789
  part.publish();
  EXPECT_EQ(test::read_file(path()), "0123456789");
  EXPECT_FALSE(exists("m.gguf.part"));
  EXPECT_FALSE(exists("m.gguf.part.json"));
}

// A power cut may leave a longer file than was ever synced, with anything in it.
TEST_F(Part, WhatWasNotSavedIsCutOff) {
  {
    PartFile part(path());
    part.begin(kIdentity);
    part.append(bytes("01234"));
  }
  test::write_file(folder_ / "m.gguf.part", std::string("01234") + "garbage");
  PartFile part(path());
  EXPECT_EQ(part.size(), 5u);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "m.gguf.part"), 5u);
}

// As a kill between a cut and the next save leaves it.
TEST_F(Part, AShorterFileThanSavedIsGoneOnWithFromItsEnd) {
  {
    PartFile part(path());
    part.begin(kIdentity);
    part.append(bytes("01234"));
  }
  test::write_file(folder_ / "m.gguf.part", "0123");
  PartFile part(path());
  ASSERT_TRUE(part.identity());
  EXPECT_EQ(part.size(), 4u);
}

TEST_F(Part, LeavesNothingWhereNothingCame) {
  { const PartFile part(path()); }
  EXPECT_FALSE(exists("m.gguf.part"));
  {
    PartFile part(path());
    part.begin(kIdentity);
  }
  EXPECT_FALSE(exists("m.gguf.part"));
  EXPECT_FALSE(exists("m.gguf.part.json"));
  PartFile part(path());
  part.begin(kIdentity);
  part.append(bytes("012"));
  part.discard();
  EXPECT_FALSE(exists("m.gguf.part"));
}

TEST_F(Part, TheDigestIsOfWhatIsThereNow) {
  PartFile part(path());
  part.begin(kIdentity);
  part.append(bytes("xyz"));
  part.cut(0);
  part.append(bytes("abcX"));
  part.cut(3);
  EXPECT_EQ(part.sha256(kNoProgress), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // of abc
  EXPECT_EQ(part.read(2).size(), 2u);
}

TEST_F(Part, DoesNotFollowALink) {
  test::write_file(folder_ / "precious", "precious");
  std::filesystem::create_symlink(folder_ / "precious", folder_ / "m.gguf.part");
  EXPECT_THROW(PartFile part(path()), Error);
  EXPECT_EQ(test::read_file(folder_ / "precious"), "precious");
  std::filesystem::remove(folder_ / "m.gguf.part");
  std::filesystem::create_directory(folder_ / "m.gguf.part");
  EXPECT_THROW(PartFile part(path()), Error);
}

TEST(FolderLock, IsForOneAtATimeAndNotForAFolderThatIsGone) {
  const test::TempFolder folder;
  std::optional<FolderLock> first = FolderLock::try_now(folder / "m");
  ASSERT_TRUE(first);
  EXPECT_FALSE(FolderLock::try_now(folder / "m"));
  int waited = 0;
  const FolderLock second(folder / "m", [&] {
    if (++waited == 2) {
      // As a removal does it: the lock goes with its folder, and then its holder ends.
      std::filesystem::remove_all(folder / "m");
      first.reset();
    }
  });
  EXPECT_GE(waited, 2);
  EXPECT_TRUE(std::filesystem::exists(folder / "m/.lock"));
  EXPECT_FALSE(FolderLock::try_now(folder / "m"));
}

TEST(DiskSpace, IsAskedFor) {
  const test::TempFolder folder;
  require_disk_space(folder.path(), 0, "m");
  try {
    require_disk_space(folder.path(), ~uint64_t{0}, "m");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("make room"), std::string::npos);
  }
}

}  // namespace
}  // namespace thimble
