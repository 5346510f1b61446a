#include "app/option_values.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace thimble {
namespace {

TEST(ParseSize, UnitsOfThousandAndOf1024) {
  EXPECT_EQ(parse_size("1"), 1u);
  EXPECT_EQ(parse_size("1500000000"), 1'500'000'000u);
  EXPECT_EQ(parse_size("2GB"), 2'000'000'000u);
  EXPECT_EQ(parse_size("1500mb"), 1'500'000'000u);
  EXPECT_EQ(parse_size("1.5GiB"), 1'610'612'736u);
  EXPECT_EQ(parse_size("512M"), 536'870'912u);
  EXPECT_EQ(parse_size("7 kB"), 7000u);
  EXPECT_EQ(parse_size("3b"), 3u);
  EXPECT_EQ(parse_size("4TiB"), uint64_t{4} << 40);
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const char* text : {"", "0", "-1", "-1GB", "GB", "nan", "inf", "1e9", "2PB", "2GBs", "1.2.3GB", ".", "0x10",
                           "99999999999999999999", "99999999999999GB", "0.1", "0.0GB", "1 2GB"}) {
    EXPECT_THROW(parse_size(text), Error) << text;
  }
}

TEST(ParseInteger, TakesTheWholeRangeAndNothingElse) {
  EXPECT_EQ(parse_integer("-1", -1, 5), -1);
  EXPECT_EQ(parse_integer("5", -1, 5), 5);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "1e1", "one", "nan", "6", "-2", "99999999999999999999"}) {
    EXPECT_THROW(parse_integer(text, -1, 5), Error) << text;
  }
}

TEST(ParseReal, RefusesWhatIsNotFiniteOrOutOfRange) {
  EXPECT_EQ(parse_real("0.5", 0, 1), 0.5);
  EXPECT_EQ(parse_real("1", 0, 1), 1.0);
  EXPECT_EQ(parse_real("1e-2", 0, 1), 0.01);
  for (const char* text : {"", "nan", "-nan", "inf", "-0.1", "1.1", "0,5", "1 "}) {
    EXPECT_THROW(parse_real(text, 0, 1), Error) << text;
  }
}

TEST(ParseBool, KnowsTheUsualWords) {
  for (const char* text : {"1", "true", "on", "yes", "enabled", "TRUE", "On"}) EXPECT_TRUE(parse_bool(text)) << text;
  for (const char* text : {"0", "false", "off", "no", "disabled", "FALSE"}) EXPECT_FALSE(parse_bool(text)) << text;
  for (const char* text : {"", "2", "maybe", "t"}) EXPECT_THROW(parse_bool(text), Error) << text;
}

TEST(ParseTokenIds, TakesBlanksAndRefusesGaps) {
  EXPECT_EQ(parse_token_ids("1, 2,3"), (std::vector<TokenId>{1, 2, 3}));
  EXPECT_EQ(parse_token_ids("2147483647"), (std::vector<TokenId>{2147483647}));
  for (const char* text : {"", "1,,2", "1,", ",1", "1 2", "-1", "2147483648", "a"}) {
    EXPECT_THROW(parse_token_ids(text), Error) << text;
  }
}

TEST(ParseCounts, IsAListUpToALimit) {
  EXPECT_EQ(parse_counts("0,512,4096", 4096), (std::vector<size_t>{0, 512, 4096}));
  EXPECT_THROW(parse_counts("4097", 4096), Error);
}

}  // namespace
}  // namespace thimble
