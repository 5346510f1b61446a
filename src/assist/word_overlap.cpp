#include "assist/word_overlap.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "measure/task_words.h"

namespace thimble {
namespace {

constexpr double kSaturation = 1.2;    // BM25's k1
constexpr double kLengthShare = 0.75;  // b

std::vector<std::u32string> features_of(std::string_view text) {
  std::vector<std::u32string> words = words_of(text);
  for (std::u32string& word : words) {
    if (std::ranges::all_of(word, [](char32_t c) { return c >= U'0' && c <= U'9'; })) word = U"#";
  }
  return words;
}

}  // namespace

WordOverlap::WordOverlap(const std::vector<std::string>& texts) {
  std::vector<size_t> lengths;
  double mean = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    std::map<std::u32string, size_t> counts;
    size_t length = 0;
    for (std::u32string& word : features_of(texts[i])) {
      ++counts[std::move(word)];
      ++length;
    }
    for (const auto& [word, count] : counts) words_[word].push_back({i, static_cast<double>(count)});
    lengths.push_back(length);
    mean += static_cast<double>(length) / static_cast<double>(texts.size());
  }
  const double count = static_cast<double>(texts.size());
  for (auto& [word, postings] : words_) {
    const double found = static_cast<double>(postings.size());
    const double rarity = std::log(1 + (count - found + 0.5) / (found + 0.5));
    for (Posting& posting : postings) {
      const double relative = static_cast<double>(lengths[posting.text]) / mean;
      const double frequency = posting.weight;
      posting.weight = rarity * frequency * (kSaturation + 1) /
                       (frequency + kSaturation * (1 - kLengthShare + kLengthShare * relative));
    }
  }
}

std::vector<size_t> WordOverlap::ranked(std::string_view query) const {
  std::map<size_t, double> scores;
  const std::vector<std::u32string> words = features_of(query);
  for (const std::u32string& word : std::set<std::u32string>(words.begin(), words.end())) {
    const auto known = words_.find(word);
    if (known == words_.end()) continue;
    for (const Posting& posting : known->second) scores[posting.text] += posting.weight;
  }
  std::vector<size_t> order;
  for (const auto& [text, score] : scores) order.push_back(text);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  return order;
}

}  // namespace thimble
