// Protocol Buffers and SentencePiece models: what is in them, and every way to break one.
#include "format/sentencepiece_model.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "base/error.h"
#include "format/protobuf.h"

namespace thimble {
namespace {

const std::string kName = "test.model";

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string number(uint32_t field, uint64_t value) { return varint(field << 3) + varint(value); }
std::string bytes(uint32_t field, std::string_view value) {
  return varint(field << 3 | 2) + varint(value.size()) + std::string(value);
}
std::string real(uint32_t field, float value) {
  std::string out = varint(field << 3 | 5);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(std::bit_cast<uint32_t>(value) >> shift);
  return out;
}

std::string piece(std::string_view text, float score, uint64_t type) {
  return bytes(1, bytes(1, text) + real(2, score) + number(3, type));
}

std::string model() {
  return piece("<unk>", 0, 2) + piece("a", -1.5, 1) + bytes(1, bytes(1, "b")) + bytes(2, number(3, 2)) +
         bytes(3, bytes(2, "table") + number(3, 0) + number(4, 0)) + varint(99 << 3 | 1) + std::string(8, 'x');
}

void expect_refusal(std::string_view message, std::string_view fault) {
  try {
    parse_sentencepiece_model(message, kName);
    FAIL() << "accepted, expected: " << fault;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(fault), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(kName), std::string::npos) << error.what();
  }
}

TEST(SentencePieceModel, HasItsPiecesAndFlags) {
  const SentencePieceModel found = parse_sentencepiece_model(model(), kName);
  ASSERT_EQ(found.pieces.size(), 3u);
  EXPECT_EQ(found.pieces[0].type, PieceType::unknown);
  EXPECT_EQ(found.pieces[1].text, "a");
  EXPECT_EQ(found.pieces[1].score, -1.5f);
  EXPECT_EQ(found.pieces[2].type, PieceType::normal);
  EXPECT_EQ(found.algorithm, SentencePieceModel::Algorithm::bpe);
  EXPECT_EQ(found.precompiled_charsmap, "table");
  EXPECT_FALSE(found.add_space_prefix);
  EXPECT_FALSE(found.remove_extra_whitespaces);
}

TEST(SentencePieceModel, WhatIsBrokenIsRefused) {
  expect_refusal("", "without pieces");
  expect_refusal(bytes(2, number(3, 2)), "without pieces");
  expect_refusal(piece("", 0, 1), "piece 0 is ''");
  expect_refusal(piece("\xff", 0, 1), "piece 0 is");
  expect_refusal(piece("a", 0, 7), "piece 0 is of type 7");
  expect_refusal(piece("a", 0, UINT64_MAX), "piece 0 is of type");
  expect_refusal(piece("a", std::numeric_limits<float>::infinity(), 1), "score of piece 0");
  expect_refusal(piece("a", std::numeric_limits<float>::quiet_NaN(), 1), "score of piece 0");
  expect_refusal(piece("a", 0, 1) + bytes(2, number(3, 9)), "of type 9");
  expect_refusal(varint(1 << 3 | 2) + varint(UINT64_MAX) + "a", "reaches beyond");
  expect_refusal(varint(1 << 3 | 2) + varint(2) + "a", "reaches beyond");
  expect_refusal(std::string(11, '\x80'), "64 bits");
  expect_refusal(std::string(9, '\xff') + "\x02", "64 bits");
  expect_refusal(std::string(1, '\0'), "number is out of range");
  expect_refusal(varint(5 << 3 | 3), "unknown kind");
  expect_refusal(varint(5 << 3 | 7), "unknown kind");
  expect_refusal(varint(5 << 3 | 5) + "abc", "cut off");
  expect_refusal(varint(5 << 3 | 1) + "abcdefg", "cut off");
}

TEST(SentencePieceModel, CutAtAnyByteItIsRefusedOrHasFewerFields) {
  const std::string whole = model();
  for (size_t length = 0; length < whole.size(); ++length) {
    try {
      EXPECT_LE(parse_sentencepiece_model(std::string_view(whole).substr(0, length), kName).pieces.size(), 3u);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
    }
  }
}

TEST(Protobuf, NumbersOfAllSizes) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{1} << 63, UINT64_MAX}) {
    const std::string message = number(3, value);
    ProtobufReader reader(message, kName);
    const auto field = reader.next();
    ASSERT_TRUE(field);
    EXPECT_EQ(field->number, 3u);
    EXPECT_EQ(field->integer, value);
    EXPECT_FALSE(reader.next());
  }
}

}  // namespace
}  // namespace thimble
