#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/memory.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

void expect_refused(const std::string& path, const std::string& reason) {
  try {
    MappedFile::open(path);
    FAIL() << path << " was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    const std::string message = error.what();
    EXPECT_NE(message.find(reason), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(MappedFile, MapsTheWholeFile) {
  const test::TempFolder folder;
  test::write_file(folder / "a", "some bytes");
  const MappedFile file = MappedFile::open(folder / "a");
  EXPECT_EQ(text_of(file), "some bytes");
  EXPECT_EQ(file.path(), folder / "a");
}

TEST(MappedFile, StaysMappedThroughMoves) {
  const test::TempFolder folder;
  test::write_file(folder / "a", "first");
  test::write_file(folder / "b", "second");
  MappedFile first = MappedFile::open(folder / "a");
  MappedFile second = MappedFile::open(folder / "b");
  const MappedFile moved(std::move(first));
  EXPECT_EQ(text_of(moved), "first");
  MappedFile third = MappedFile::open(folder / "a");
  third = std::move(second);
  EXPECT_EQ(text_of(third), "second");
  EXPECT_EQ(third.path(), folder / "b");
}

TEST(MappedFile, RefusesWhatIsNoReadableRegularFile) {
  const test::TempFolder folder;
  expect_refused(folder / "missing", "No such file");
  expect_refused(folder.path(), "a directory");
  expect_refused("/dev/null", "a device");
  expect_refused("", "no file name");
  expect_refused(std::string("a\0b", 3), "a\\x00b");
  test::write_file(folder / "empty", "");
  expect_refused(folder / "empty", "empty");
  test::write_file(folder / "new\nline", "");
  expect_refused(folder / "new\nline", "new\\x0aline");
  ASSERT_EQ(::symlink("loop", (folder / "loop").c_str()), 0);
  expect_refused(folder / "loop", "symbolic links");
}

// Pages that two pieces share are in neither whole; of 5,000 pieces they would be 20 MB.
TEST(MappedFile, WhatWasForgottenPieceByPieceStaysAway) {
  const test::TempFolder folder;
  constexpr size_t kBytes = 512 << 20, kPiece = 100'000, kPage = 4096;
  test::write_file(folder / "large", "x");
  std::filesystem::resize_file(folder / "large", kBytes);
  const MappedFile file = MappedFile::open(folder / "large");
  const uint64_t before = resident_bytes();
  size_t sum = 0;
  for (size_t at = 0; at < kBytes; at += kPiece) {
    const auto piece = file.bytes().subspan(at, std::min(kPiece, kBytes - at));
    for (size_t i = 0; i < piece.size(); i += kPage) sum += std::to_integer<size_t>(piece[i]);
    sum += std::to_integer<size_t>(piece.back());
    file.forget(piece);
  }
  EXPECT_EQ(sum, size_t{'x'});
  EXPECT_LT(resident_bytes(), before + (8 << 20));
}

TEST(MappedFile, AFifoIsRefusedAtOnce) {
  const test::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  expect_refused(folder / "fifo", "a FIFO");
}

TEST(MappedFile, AFileWithoutPermissionIsRefused) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const test::TempFolder folder;
  test::write_file(folder / "secret", "x");
  ASSERT_EQ(::chmod((folder / "secret").c_str(), 0), 0);
  expect_refused(folder / "secret", "Permission denied");
}

}  // namespace
}  // namespace thimble
