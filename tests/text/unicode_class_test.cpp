#include "text/unicode_class.h"

#include <gtest/gtest.h>

#include "text/unicode_class_table.h"

namespace thimble {
namespace {

TEST(UnicodeClass, RangesAscendAndChange) {
  EXPECT_EQ(kUnicodeClassRanges.front() >> 3, 0x80u);
  for (size_t i = 1; i < kUnicodeClassRanges.size(); ++i) {
    EXPECT_LT(kUnicodeClassRanges[i - 1] >> 3, kUnicodeClassRanges[i] >> 3);
    EXPECT_NE(kUnicodeClassRanges[i - 1] & 7, kUnicodeClassRanges[i] & 7);
  }
  EXPECT_LT(kUnicodeClassRanges.back() >> 3, 0x110000u);
}

TEST(UnicodeClass, KnowsEachClass) {
  EXPECT_EQ(unicode_class(0xe9), UnicodeClass::letter);
  EXPECT_EQ(unicode_class(0x4e2d), UnicodeClass::letter);
  EXPECT_EQ(unicode_class(0xb2), UnicodeClass::number);
  EXPECT_EQ(unicode_class(0x661), UnicodeClass::number);
  EXPECT_EQ(unicode_class(0x301), UnicodeClass::mark);
  EXPECT_EQ(unicode_class(0x2019), UnicodeClass::punctuation);
  EXPECT_EQ(unicode_class(0x1f600), UnicodeClass::symbol);
  EXPECT_EQ(unicode_class(0xfffd), UnicodeClass::symbol);
  EXPECT_EQ(unicode_class(0x85), UnicodeClass::white_space);
  EXPECT_EQ(unicode_class(0x3000), UnicodeClass::white_space);
  EXPECT_EQ(unicode_class(0x200b), UnicodeClass::other);
  EXPECT_EQ(unicode_class(0xe000), UnicodeClass::other);
  EXPECT_EQ(unicode_class(0x10ffff), UnicodeClass::other);
}

// New in Unicode 15.0 and 15.1, and new only after them: the table is pinned.
TEST(UnicodeClass, IsThatOfUnicode15) {
  EXPECT_EQ(unicode_class(0x0cf3), UnicodeClass::mark);
  EXPECT_EQ(unicode_class(0x2ffc), UnicodeClass::symbol);
  EXPECT_EQ(unicode_class(0x2ebf0), UnicodeClass::letter);
  EXPECT_EQ(unicode_class(0x0897), UnicodeClass::other);
}

}  // namespace
}  // namespace thimble
