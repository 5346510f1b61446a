#include <gtest/gtest.h>

#include "base/utf8.h"
#include "text/tokenizer.h"
#include "text/tokenizer_texts.h"

namespace thimble::test {
namespace {

TEST(StreamDecoder, HoldsBackAnUnfinishedCharacter) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.push("a\xf0"), "a");
  EXPECT_EQ(decoder.push("\x9f"), "");
  EXPECT_EQ(decoder.push("\x98"), "");
  EXPECT_EQ(decoder.push("\x80z"), "\U0001F600z");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, ReplacesWhatNeverBecameACharacter) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.push("\xe2\x82"), "");
  EXPECT_EQ(decoder.push("x"), "\ufffdx");
  EXPECT_EQ(decoder.push("\xff"), "\ufffd");
  EXPECT_EQ(decoder.push("\xc3"), "");
  EXPECT_EQ(decoder.finish(), "\ufffd");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, GivesTheSameTextHoweverItIsCut) {
  for (uint64_t i = 0; i < 500; ++i) {
    const std::string text = random_text(i);
    TextRandom random(i);
    StreamDecoder decoder;
    std::string shown;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random.below(5);
      const std::string part = decoder.push(std::string_view(text).substr(at, length));
      ASSERT_TRUE(is_valid_utf8(part)) << "string " << i;
      shown += part;
      at += length;
    }
    EXPECT_EQ(decoder.finish(), "");
    ASSERT_EQ(shown, text) << "string " << i;
  }
}

TEST(StreamDecoder, GivesValidTextForAnyBytes) {
  TextRandom random(7);
  for (int round = 0; round < 500; ++round) {
    StreamDecoder decoder;
    std::string bytes;
    std::string shown;
    for (uint32_t parts = random.below(20); parts > 0; --parts) {
      std::string part;
      for (uint32_t n = random.below(6); n > 0; --n)
        part += static_cast<char>(random.below(2) != 0 ? 0x80 + random.below(128) : 'a');
      bytes += part;
      shown += decoder.push(part);
      ASSERT_TRUE(is_valid_utf8(shown));
    }
    shown += decoder.finish();
    EXPECT_EQ(shown, to_valid_utf8(bytes));
  }
}

}  // namespace
}  // namespace thimble::test
