// Words and vectors as a search sees them.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "knowledge/search_words.h"
#include "knowledge/vector_table.h"

namespace thimble {
namespace {

using Words = std::vector<std::string>;

TEST(SearchWords, JointsPossessivesAndMarks) {
  EXPECT_EQ(words_of_text("The Pump's HX-200: 7.1 bar, 45\xc2\xb0"
                          "C, m3/h. End."),
            (Words{"the", "pump", "hx-200", "7.1", "bar", "45", "c", "m3/h", "end"}));
  EXPECT_EQ(words_of_text("pump\xe2\x80\x99s \xe2\x80\x9cTest\xe2\x80\x9d \xc3\x9cxer--all a- -b"),
            (Words{"pump", "test", "\xc3\x9cxer", "all", "a", "b"}));
  EXPECT_TRUE(words_of_text("\xff\xfe ?! 's").size() <= 1);
}

TEST(SearchWords, FunctionWordsGoUnlessNothingElseIsThere) {
  EXPECT_EQ(search_words("What is the oil of the oil pump?"), (Words{"oil", "pump"}));
  EXPECT_EQ(search_words("what is it"), (Words{"what", "is", "it"}));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "w" + std::to_string(i) + " ";
  EXPECT_EQ(search_words(many).size(), 48u);
}

TEST(SearchWords, NoSyntaxGetsIntoAQuery) {
  EXPECT_EQ(full_text_query(search_words("NEAR(\"a\" AND b*) OR text:x ^y - z)")),
            "\"near\" OR \"b\" OR \"text\" OR \"x\" OR \"y\" OR \"z\"");
  EXPECT_EQ(full_text_query({"hx200", "cp-40"}), "\"hx200\" OR \"hx 200\" OR \"cp-40\" OR \"cp40\"");
  EXPECT_EQ(full_text_phrase("a\"b"), "\"a b\"");
  EXPECT_EQ(full_text_query({}), "");
}

std::vector<float> random_vectors(size_t count, size_t width) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> vectors(count * width);
  for (size_t i = 0; i < count; ++i) {
    double squares = 0;
    for (size_t j = 0; j < width; ++j) squares += std::pow(vectors[i * width + j] = normal(random), 2);
    for (size_t j = 0; j < width; ++j) vectors[i * width + j] /= static_cast<float>(std::sqrt(squares));
  }
  return vectors;
}

std::vector<uint32_t> counted(uint32_t count) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  return numbers;
}

TEST(VectorTable, FindsWhatAnExactSearchFinds) {
  constexpr size_t kWidth = 384, kCount = 500;
  const std::vector<float> vectors = random_vectors(kCount, kWidth);
  VectorTable table(kWidth, kCount);
  const std::span<const float> all(vectors);
  ASSERT_TRUE(table.add(10, counted(200), pack_vectors(all.first(200 * kWidth), kWidth)));
  ASSERT_TRUE(table.add(1000, counted(300), pack_vectors(all.subspan(200 * kWidth), kWidth)));
  for (size_t query = 0; query < kCount; query += 37) {
    const auto vector = all.subspan(query * kWidth, kWidth);
    const std::vector<VectorTable::Hit> hits = table.nearest(vector, kCount);
    ASSERT_EQ(hits.size(), kCount);
    EXPECT_EQ(hits[0].chunk, static_cast<int64_t>(query < 200 ? 10 + query : 800 + query));
    for (size_t i = 0; i < kCount; ++i) {
      const auto index = static_cast<size_t>(hits[i].chunk < 1000 ? hits[i].chunk - 10 : hits[i].chunk - 800);
      double exact = 0;
      for (size_t j = 0; j < kWidth; ++j) exact += double{vector[j]} * vectors[index * kWidth + j];
      // Each side is off by half a step an element: with v = s q + e, |e| <= s/2, the product is off by at most
      // (s_a |b|_1 + s_b |a|_1) / 2 + width s_a s_b / 4, and s = max/127 < 0.25/127, |.|_1 <= sqrt(width).
      EXPECT_NEAR(hits[i].cosine, exact, 0.25 / 127 * std::sqrt(384.0) + 384 * 0.25 * 0.25 / 127 / 127 / 4);
      if (i > 0) {
        EXPECT_GE(hits[i - 1].cosine, hits[i].cosine);
      }
    }
    EXPECT_EQ(table.nearest(vector, 3).size(), 3u);
    for (const VectorTable::Hit& hit : table.nearest(vector, 50, 1000, 1099))
      EXPECT_TRUE(hit.chunk >= 1000 && hit.chunk < 1100);
  }
  EXPECT_TRUE(table.nearest(all.first(kWidth), 0).empty());
  EXPECT_TRUE(table.nearest(all.first(kWidth), 5, 300, 400).empty());
}

TEST(VectorTable, AChunkIsAsNearAsItsNearestVector) {
  VectorTable table(2, 5);
  const std::vector<float> vectors = {1, 0, 0, 1, 0.6F, 0.8F, -1, 0, 0, -1};
  const std::vector<uint32_t> chunks = {0, 0, 1, 3, 3};
  ASSERT_TRUE(table.add(7, chunks, pack_vectors(vectors, 2)));
  const float query[] = {0, 1};
  const std::vector<VectorTable::Hit> hits = table.nearest(query, 9);
  ASSERT_EQ(hits.size(), 3u);
  EXPECT_EQ(hits[0].chunk, 7);
  EXPECT_NEAR(hits[0].cosine, 1, 0.01);
  EXPECT_EQ(hits[1].chunk, 8);
  EXPECT_NEAR(hits[1].cosine, 0.8, 0.01);
  EXPECT_EQ(hits[2].chunk, 10);
  EXPECT_NEAR(hits[2].cosine, 0, 0.01);
}

TEST(VectorTable, RefusesWhatIsNotWhole) {
  const std::vector<float> vectors = random_vectors(4, 8);
  const std::vector<std::byte> packed = pack_vectors(vectors, 8);
  EXPECT_EQ(packed.size(), packed_vector_bytes(4, 8));
  VectorTable table(8, 4);
  EXPECT_FALSE(table.add(1, counted(3), packed));
  EXPECT_FALSE(table.add(1, {}, {}));
  EXPECT_FALSE(table.add(-1, counted(4), packed));
  EXPECT_FALSE(table.add(INT64_MAX, counted(4), packed));
  EXPECT_FALSE(table.add(1, counted(4), std::span(packed).first(47)));
  EXPECT_FALSE(table.add(1, std::vector<uint32_t>{0, 2, 1, 3}, packed));
  EXPECT_TRUE(table.add(1, counted(4), packed));
  EXPECT_FALSE(table.add(4, counted(4), packed)) << "chunks that are there already";
  std::vector<std::byte> odd = packed;
  const float infinite = std::numeric_limits<float>::infinity();
  std::memcpy(odd.data(), &infinite, sizeof infinite);
  EXPECT_FALSE(VectorTable(8, 4).add(1, counted(4), odd));
  EXPECT_TRUE(table.add(9, counted(1), pack_vectors(std::vector<float>(8), 8))) << "a vector of zeros";
}

}  // namespace
}  // namespace thimble
