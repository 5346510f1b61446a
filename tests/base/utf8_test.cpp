#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace thimble {
namespace {

bool is_scalar_value(uint32_t c) { return c < 0x110000 && !(c >= 0xd800 && c < 0xe000); }

TEST(Utf8, EveryScalarValueGoesThereAndBack) {
  for (uint32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar_value(c)) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint decoded = decode_utf8(text, 0);
    ASSERT_TRUE(decoded.valid) << c;
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.length, text.size());
    // Every proper beginning is a tail that may still be completed.
    for (size_t n = 1; n < text.size(); ++n)
      ASSERT_EQ(incomplete_utf8_tail(std::string("x").append(text, 0, n)), n) << c;
    ASSERT_EQ(incomplete_utf8_tail(text), 0u);
  }
}

TEST(Utf8, WhatIsNoScalarValueIsWrittenAsReplacement) {
  for (const uint32_t c : {0xd800u, 0xdfffu, 0x110000u, 0xffffffffu}) {
    std::string text;
    append_utf8(text, c);
    EXPECT_EQ(text, "\xef\xbf\xbd") << c;
  }
}

struct Malformed {
  std::string text;
  std::vector<int> lengths;  // of each maximal invalid part
};

// Unicode standard, section 3.9, "U+FFFD Substitution of Maximal Subparts", and its example.
TEST(Utf8, MalformedSequencesAreReplacedByMaximalParts) {
  const Malformed cases[] = {
      {"\x80", {1}},
      {"\xc0\xaf", {1, 1}},                // overlong
      {"\xe0\x9f\xbf", {1, 1, 1}},         // overlong
      {"\xed\xa0\x80", {1, 1, 1}},         // surrogate
      {"\xf4\x90\x80\x80", {1, 1, 1, 1}},  // above U+10FFFF
      {"\xf5\x80", {1, 1}},
      {"\xff", {1}},
      {"\xe2\x82", {2}},  // cut short
      {"\xf0\x9f\x99", {3}},
      {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf", {2, 1, 3, 2}},
  };
  for (const Malformed& c : cases) {
    EXPECT_FALSE(is_valid_utf8(c.text));
    std::string replaced;
    size_t at = 0;
    for (const int length : c.lengths) {
      const CodePoint decoded = decode_utf8(c.text, at);
      EXPECT_FALSE(decoded.valid);
      EXPECT_EQ(decoded.value, 0xfffdu);
      EXPECT_EQ(decoded.length, length);
      at += decoded.length;
      replaced += "\xef\xbf\xbd";
    }
    EXPECT_EQ(at, c.text.size());
    EXPECT_EQ(to_valid_utf8(std::string("a").append(c.text).append("b")),
              std::string("a").append(replaced).append("b"));
  }
}

TEST(Utf8, ATailThatCannotBeCompletedIsNotIncomplete) {
  for (const char* text : {"", "abc", "\x80", "\x80\x80\x80", "\xc0", "\xf5", "\xff", "\xe0\x80", "\xed\xa0",
                           "\xf4\x90", "\xf0\x80\x80"}) {
    EXPECT_EQ(incomplete_utf8_tail(text), 0u) << text;
  }
}

}  // namespace
}  // namespace thimble
