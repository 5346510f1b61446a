// Chunks hold every piece once, whole, under its own heading.
#include "knowledge/chunker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/utf8.h"
#include "knowledge/readers.h"

namespace thimble {
namespace {

std::string words(size_t count, const std::string& word) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + word;
  return text;
}

TEST(Chunks, FollowHeadingsAndCarryTheirPath) {
  const std::vector<Chunk> chunks = make_chunks(read_markdown("intro\n# A\n## B\none\n### C\ntwo\n## D\nthree\n# E\n"));
  ASSERT_EQ(chunks.size(), 4u);
  EXPECT_EQ(chunks[0].section_path, "");
  EXPECT_EQ(chunks[1].section_path, "A > B");
  EXPECT_EQ(chunks[2].section_path, "A > B > C");
  EXPECT_EQ(chunks[2].section, "C");
  EXPECT_EQ(chunks[3].section_path, "A > D");
  EXPECT_EQ(chunks[3].first, 8u);
  EXPECT_EQ(with_section_path(chunks[3]), "A > D\nthree");
}

TEST(Chunks, ALongTableIsCutBetweenRowsUnderItsHeader) {
  std::string text = "# T\n| Code | Cause |\n|---|---|\n";
  for (int i = 0; i < 100; ++i) text += "| E" + std::to_string(i) + " | " + words(10, "cause") + " |\n";
  const std::vector<Chunk> chunks = make_chunks(read_markdown(text));
  ASSERT_GT(chunks.size(), 4u);
  int row = 0;
  for (const Chunk& chunk : chunks) {
    const std::vector<TextLine> lines = lines_of(chunk.text);
    EXPECT_EQ(lines[0].text, "Code | Cause");
    for (size_t i = 1; i < lines.size(); ++i)
      EXPECT_EQ(lines[i].text, "E" + std::to_string(row++) + " | " + words(10, "cause"));
    EXPECT_LE(estimated_tokens(with_section_path(chunk)), ChunkLimits{}.tokens + 10);
  }
  EXPECT_EQ(row, 100);
}

TEST(Chunks, WhatDoesNotFitIsSharedOutEvenly) {
  std::string text = "# S\n";
  for (int i = 0; i < 23; ++i)
    text += std::to_string(i + 1) + ". " + words(10, "press") + "\n";  // a little more than one chunk
  const std::vector<Chunk> chunks = make_chunks(read_markdown(text));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_NEAR(static_cast<double>(estimated_tokens(chunks[0].text)),
              static_cast<double>(estimated_tokens(chunks[1].text)), 30);
}

// Random documents: every piece is in the chunks, in order; none is cut that is not too long alone.
TEST(Chunks, LoseNothing) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    DocumentBuilder builder;
    std::vector<std::string> pieces;
    for (size_t i = 0; i < random() % 40; ++i) {
      const std::string piece = words(1 + random() % 120, "w" + std::to_string(random() % 1000));
      switch (random() % 5) {
        case 0: builder.heading(1 + random() % 4, "h" + std::to_string(i), 1); continue;
        case 1: builder.paragraph(piece, 1, 1); break;
        case 2: builder.item(piece, 1, 1); break;
        case 3: builder.table("head"); continue;
        default: builder.row(piece, 1, 1);
      }
      pieces.push_back(piece);
    }
    const std::vector<Chunk> chunks = make_chunks(builder.document);
    size_t chunk = 0, at = 0;
    for (const std::string& piece : pieces) {
      size_t found = std::string::npos;
      for (; chunk < chunks.size(); ++chunk, at = 0) {
        found = chunks[chunk].text.find(piece, at);
        if (found != std::string::npos) break;
      }
      ASSERT_NE(found, std::string::npos) << "round " << round << ": a piece is missing, cut or out of order";
      at = found + piece.size();
    }
  }
}

TEST(Chunks, BlanksAreNoChunk) { EXPECT_TRUE(make_chunks(read_markdown("# A\n```\n\t\t\n \n```\n")).empty()); }

TEST(Passages, AreSentencesAndRowsUnderTheirPath) {
  const Chunk chunk{
      "1 Limits", "Pump > 1 Limits",
      "It trips at 7.1 mm/s. Then the red lamp on the door comes on and stays on.\nMass | 400 kg\n2. Lock it.", 1, 3};
  EXPECT_EQ(passages_of(chunk),
            (std::vector<std::string>{"Pump > 1 Limits\nIt trips at 7.1 mm/s.",
                                      "Pump > 1 Limits\nThen the red lamp on the door comes on and stays on.",
                                      "Pump > 1 Limits\nMass | 400 kg 2. Lock it."}));
  Chunk log{"", "", "", 1, 99};
  for (int i = 0; i < 99; ++i) log.text += words(9, "word") + "\n";
  const std::vector<std::string> passages = passages_of(log);
  EXPECT_EQ(passages.size(), kMostPassages);
  EXPECT_EQ(passages_of(log, 1).size(), 1u);
  size_t blanks = 0;
  for (const std::string& passage : passages) blanks += static_cast<size_t>(std::ranges::count(passage, 'w'));
  EXPECT_EQ(blanks, 99u * 9);
}

TEST(Chunks, AnEndlessLineIsCutAtCharacters) {
  std::string text;
  while (text.size() < 100'000) text += "\xe2\x82\xac";  // a euro sign: three bytes, no blank
  const std::vector<Chunk> chunks = make_chunks(read_plain_text(text));
  std::string all;
  for (const Chunk& chunk : chunks) {
    EXPECT_TRUE(is_valid_utf8(chunk.text));
    EXPECT_LE(estimated_tokens(chunk.text), ChunkLimits{}.most_piece_tokens);
    all += chunk.text;
  }
  EXPECT_EQ(all, text);
  EXPECT_THROW(make_chunks(read_plain_text(text), {.most_chunks = 3}), Unreadable);
}

}  // namespace
}  // namespace thimble
