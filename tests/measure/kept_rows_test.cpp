#include "measure/kept_rows.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

using Groups = std::vector<std::vector<uint32_t>>;

class KeptRowsFile : public testing::Test {
 protected:
  // What is there; then these groups are added.
  Groups open(uint64_t source, size_t most, const Groups& more = {}) {
    KeptRows kept(path_, source);
    Groups found = kept.read<uint32_t>(2, most);
    for (const std::vector<uint32_t>& group : more) kept.append(std::span<const uint32_t>(group));
    return found;
  }

  test::TempFolder folder_;
  std::string path_ = folder_ / "kept";
};

TEST_F(KeptRowsFile, GivesBackWhatWasKept) {
  EXPECT_EQ(open(1, 9, {{1, 2}, {3, 4}}), Groups{});
  EXPECT_EQ(open(1, 9, {{5, 6}}), (Groups{{1, 2}, {3, 4}}));
  EXPECT_EQ(open(1, 9), (Groups{{1, 2}, {3, 4}, {5, 6}}));
  EXPECT_EQ(open(1, 2, {{7, 8}}), (Groups{{1, 2}, {3, 4}}));  // no more than there may be
  EXPECT_EQ(open(1, 9), (Groups{{1, 2}, {3, 4}, {7, 8}}));
}

TEST_F(KeptRowsFile, AnotherSourceBeginsAnew) {
  open(1, 9, {{1, 2}});
  EXPECT_EQ(open(2, 9, {{3, 4}}), Groups{});
  EXPECT_EQ(open(2, 9), (Groups{{3, 4}}));
  EXPECT_EQ(open(1, 9), Groups{});
}

TEST_F(KeptRowsFile, AGroupCutShortIsDropped) {
  open(1, 9, {{1, 2}, {3, 4}});
  const std::string bytes = test::read_file(path_);
  for (size_t length = 8; length < bytes.size(); ++length) {
    test::write_file(path_, bytes.substr(0, length));
    const Groups expected = length < bytes.size() - 8 ? Groups{} : Groups{{1, 2}};
    ASSERT_EQ(open(1, 9, {{9, 9}}), expected) << length;
    ASSERT_EQ(open(1, 9).back(), (std::vector<uint32_t>{9, 9}));
  }
}

TEST_F(KeptRowsFile, AnothersFileIsLeftAlone) {
  for (const char* text : {"x", "THIMROW", "a model or a text"}) {
    test::write_file(path_, text);
    EXPECT_THROW(KeptRows(path_, 1), Error);
    EXPECT_EQ(test::read_file(path_), text);
  }
  EXPECT_THROW(KeptRows(folder_.path(), 1), Error);
  EXPECT_THROW(KeptRows(folder_ / "no/such", 1), Error);
}

TEST_F(KeptRowsFile, IsGoneWhenRemovedAndNoneKeepsNothing) {
  KeptRows kept(path_, 1);
  kept.read<uint32_t>(2, 9);
  kept.remove();
  EXPECT_FALSE(std::filesystem::exists(path_));
  KeptRows none;
  EXPECT_EQ(none.read<uint32_t>(2, 9), Groups{});
  const uint32_t rows[] = {1, 2};
  none.append(std::span<const uint32_t>(rows));
  none.remove();
}

}  // namespace
}  // namespace thimble
