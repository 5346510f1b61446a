#include "base/error.h"

#include <gtest/gtest.h>

#include <string>

namespace thimble {
namespace {

TEST(Error, CarriesItsCodeAndMessage) {
  try {
    fail(ExitCode::bad_file, "{}: {} of {}", "a.gguf", 3, 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    EXPECT_STREQ(error.what(), "a.gguf: 3 of 4");
  }
}

TEST(Printable, KeepsOrdinaryText) {
  EXPECT_EQ(printable("model.gguf"), "model.gguf");
  EXPECT_EQ(printable("Größe 温度 🙂"), "Größe 温度 🙂");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesWhatWouldLeaveTheLineOrSteerTheTerminal) {
  EXPECT_EQ(printable("a\nb\rc\td"), "a\\x0ab\\x0dc\\x09d");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable(std::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");                 // U+009B, a one-character escape sequence
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");        // line separator
  EXPECT_EQ(printable("\xe2\x80\xaegpj"), "\\xe2\\x80\\xaegpj");  // right-to-left override
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");                 // malformed
}

TEST(Printable, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(printable(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(printable(std::string(201, 'x')), std::string(200, 'x') + "...");
  EXPECT_EQ(printable("ab\xc3\xa4", 3), "ab...");
  EXPECT_EQ(printable("ab\xc3\xa4", 4), "ab\xc3\xa4");
}

}  // namespace
}  // namespace thimble
