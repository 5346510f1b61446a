// measure_knowledge CHUNKS FILE [VECTORS]: makes a knowledge base of so many chunks of made-up text with so many random
// vectors of 384 each, asks it 200 questions of six words by words and by meaning, and prints the time of a question and
// the memory. Words are drawn as in prose (Zipf), 160 a chunk.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/memory.h"
#include "knowledge/retriever.h"

namespace thimble {
namespace {

constexpr size_t kWidth = 384, kChunksOfDocument = 50, kWordsOfChunk = 160, kVocabulary = 50'000, kQuestions = 200;

double milliseconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

class Maker {
 public:
  // Rank r with a probability of about 1 / r.
  std::string word() {
    const double rank = std::pow(static_cast<double>(kVocabulary), std::uniform_real_distribution<double>()(random_));
    return "w" + std::to_string(static_cast<size_t>(rank));
  }
  std::string text(size_t words) {
    std::string text;
    for (size_t i = 0; i < words; ++i) text += word() + " ";
    return text;
  }
  std::vector<float> vectors(size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> vectors(count * kWidth);
    for (float& element : vectors) element = normal(random_);
    for (size_t i = 0; i < count; ++i) normalise(std::span(vectors).subspan(i * kWidth, kWidth));
    return vectors;
  }

 private:
  std::mt19937_64 random_{42};
};

void make(const std::string& path, size_t chunks, size_t passages) {
  KnowledgeBase base(path, Database::Mode::create);
  base.set_embedding({"made up", kWidth, "none"});
  Maker maker;
  for (size_t first = 0; first < chunks; first += kChunksOfDocument) {
    std::vector<Chunk> document;
    for (size_t i = 0; i < kChunksOfDocument; ++i)
      document.push_back({maker.word(), maker.text(4), maker.text(kWordsOfChunk), 1, 2});
    DocumentVectors vectors;
    for (uint32_t i = 0; i < kChunksOfDocument * passages; ++i)
      vectors.chunks.push_back(i / static_cast<uint32_t>(passages));
    vectors.packed = pack_vectors(maker.vectors(vectors.chunks.size()), kWidth);
    const std::string name = "document-" + std::to_string(first) + ".md";
    base.put({name, name, maker.text(3), 1, 1, false}, document, vectors);
  }
  base.set_complete(true);
}

void measure(const std::string& path, size_t chunks) {
  const uint64_t before = resident_bytes();
  const double opened = milliseconds_of(CLOCK_MONOTONIC);
  KnowledgeBase base(path, Database::Mode::read);
  base.load_vectors();
  const double opening = milliseconds_of(CLOCK_MONOTONIC) - opened;
  Retriever retriever(base, nullptr);
  Maker maker;
  std::vector<double> times, busy;
  for (size_t i = 0; i < kQuestions; ++i) {
    const std::string question = maker.text(6);
    const std::vector<float> vectors = maker.vectors(2);
    const double start = milliseconds_of(CLOCK_MONOTONIC), start_busy = milliseconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const std::vector<Retrieved> found =
        retriever.retrieve(retriever.take_apart(question), vectors, 5, Retrieval::both);
    times.push_back(milliseconds_of(CLOCK_MONOTONIC) - start);
    busy.push_back(milliseconds_of(CLOCK_PROCESS_CPUTIME_ID) - start_busy);
    if (found.size() != 5) std::exit(1);
  }
  std::ranges::sort(times);
  std::ranges::sort(busy);
  std::printf(
      "%zu chunks, file %.0f MB: opening %.0f ms; a question p50 %.1f ms, p95 %.1f ms (processor time %.1f, %.1f); "
      "resident %.0f MB, "
      "%.0f MB more than before\n",
      chunks, static_cast<double>(base.file_bytes()) / 1e6, opening, times[times.size() / 2],
      times[times.size() * 95 / 100], busy[busy.size() / 2], busy[busy.size() * 95 / 100],
      static_cast<double>(peak_resident_bytes()) / 1e6, static_cast<double>(resident_bytes() - before) / 1e6);
}

}  // namespace
}  // namespace thimble

// Made by a run before the one that measures, so that making leaves nothing in memory.
int main(int count, char** arguments) {
  if (count < 3 || count > 4) return std::fprintf(stderr, "usage: measure_knowledge CHUNKS FILE [VECTORS]\n"), 2;
  try {
    const size_t chunks = std::strtoull(arguments[1], nullptr, 10);
    std::FILE* const there = std::fopen(arguments[2], "rb");
    if (there == nullptr) {
      thimble::make(arguments[2], chunks, count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1);
    } else {
      std::fclose(there);
      thimble::measure(arguments[2], chunks);
    }
  } catch (const thimble::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 1;
  }
}
