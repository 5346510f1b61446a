#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

size_t entries(const test::TempFolder& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

mode_t mode_of(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(AtomicFile, AppearsOnCommitOnly) {
  const test::TempFolder folder;
  AtomicFile file(folder / "out");
  file.write("some ");
  file.write("text");
  EXPECT_EQ(file.position(), 9u);
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  file.commit();
  EXPECT_EQ(test::read_file(folder / "out"), "some text");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(AtomicFile, WithoutCommitTheOldFileStaysAndNothingIsLeftBehind) {
  const test::TempFolder folder;
  test::write_file(folder / "out", "old");
  {
    AtomicFile file(folder / "out");
    file.write(std::string(1 << 20, 'x'));
  }
  EXPECT_EQ(test::read_file(folder / "out"), "old");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(AtomicFile, LargeAndSmallPiecesKeepTheirOrder) {
  const test::TempFolder folder;
  AtomicFile file(folder / "out");
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string piece(static_cast<size_t>(i) * i * 500, static_cast<char>('a' + i % 26));
    file.write(piece);
    expected += piece;
  }
  EXPECT_EQ(file.position(), expected.size());
  file.commit();
  EXPECT_EQ(test::read_file(folder / "out"), expected);
}

TEST(AtomicFile, KeepsTheModeOfTheFileItReplaces) {
  const test::TempFolder folder;
  test::write_file(folder / "out", "old");
  ASSERT_EQ(::chmod((folder / "out").c_str(), 0640), 0);
  AtomicFile file(folder / "out");
  file.write("new");
  file.commit();
  EXPECT_EQ(test::read_file(folder / "out"), "new");
  EXPECT_EQ(mode_of(folder / "out"), 0640u);
}

TEST(AtomicFile, WritesThroughASymbolicLink) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder / "elsewhere");
  test::write_file(folder / "elsewhere/real", "old");
  std::filesystem::create_symlink("elsewhere/real", folder / "link");
  AtomicFile file(folder / "link");
  file.write("new");
  file.commit();
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(test::read_file(folder / "elsewhere/real"), "new");
}

TEST(AtomicFile, RefusesWhatCannotBeAFile) {
  const test::TempFolder folder;
  for (const std::string& path : {folder / "missing/out", folder.path(), folder.path() + "/", std::string("/dev/null"),
                                  std::string(), std::string("a\0b", 3)}) {
    EXPECT_THROW(AtomicFile file(path), Error) << path;
  }
  EXPECT_EQ(entries(folder), 0u);
}

// A limit on the size of files stands for the full disk: both make write() fail.
TEST(AtomicFile, AFailedWriteLeavesTheOldFile) {
  const test::TempFolder folder;
  test::write_file(folder / "out", "old");
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {1 << 20, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    AtomicFile file(folder / "out");
    file.write(std::string(2 << 20, 'x'));
    file.commit();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
    message = error.what();
  }
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_NE(message.find(folder / "out"), std::string::npos) << message;
  EXPECT_EQ(test::read_file(folder / "out"), "old");
  EXPECT_EQ(entries(folder), 1u);
}

TEST(RequireDifferentFiles, SeesThroughLinks) {
  const test::TempFolder folder;
  test::write_file(folder / "in", "x");
  test::write_file(folder / "other", "x");
  std::filesystem::create_symlink("in", folder / "soft");
  std::filesystem::create_hard_link(folder / "in", folder / "hard");
  for (const char* same : {"in", "soft", "hard"})
    EXPECT_THROW(require_different_files(folder / "in", folder / same), Error);
  EXPECT_NO_THROW(require_different_files(folder / "in", folder / "other"));
  EXPECT_NO_THROW(require_different_files(folder / "in", folder / "new"));
}

}  // namespace
}  // namespace thimble
