#include "assist/word_overlap.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "measure/task_words.h"

namespace thimble {
namespace {

constexpr double kSaturation = 1.2;    // BM25's k1
constexpr double kLengthShare = 0.75;  // b
constexpr double kPriorCases = 2;      // how many cases of the usual labels each word starts from
constexpr size_t kRun = 4;             // characters

using Counts = std::map<std::u32string, size_t>;

Counts features_of(std::string_view text) {
  Counts counts;
  std::u32string line = U" ";
  for (std::u32string& word : words_of(text)) {
    if (std::ranges::all_of(word, [](char32_t c) { return c >= U'0' && c <= U'9'; })) word = U"#";
    line += word + U' ';
    ++counts[std::move(word)];
  }
  // A run is told from a word by what stands in front.
  for (size_t i = 0; i + kRun <= line.size(); ++i) ++counts[U"~" + line.substr(i, kRun)];
  return counts;
}

class LabelEntropy {
 public:
  explicit LabelEntropy(const std::vector<std::string>& labels) : labels_(labels) {
    for (const std::string& label : labels) shares_[label] += 1.0 / static_cast<double>(labels.size());
    for (const auto& [label, share] : shares_) entropy_ -= share * std::log(share);
  }

  // How much of the entropy is gone where a text has the word.
  double gain(const std::vector<WordOverlap::Match>& postings) const {
    if (entropy_ <= 0) return 1;
    std::map<std::string_view, double> counts;
    for (const WordOverlap::Match& posting : postings) ++counts[labels_[posting.text]];
    const double all = static_cast<double>(postings.size()) + kPriorCases;
    double left = 0;
    for (const auto& [label, share] : shares_) {
      const auto known = counts.find(label);
      const double p = ((known == counts.end() ? 0 : known->second) + kPriorCases * share) / all;
      left -= p * std::log(p);
    }
    return std::max(0.0, (entropy_ - left) / entropy_);
  }

 private:
  const std::vector<std::string>& labels_;
  std::map<std::string_view, double> shares_;
  double entropy_ = 0;
};

}  // namespace

WordOverlap::WordOverlap(const std::vector<std::string>& texts, const std::vector<std::string>& labels) {
  std::vector<double> lengths;
  double mean = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    double length = 0;
    for (const auto& [word, count] : features_of(texts[i])) {
      words_[word].push_back({i, static_cast<double>(count)});
      length += static_cast<double>(count);
    }
    lengths.push_back(length);
    mean += length / static_cast<double>(texts.size());
  }
  const double count = static_cast<double>(texts.size());
  const LabelEntropy entropy(labels);
  for (auto& [word, postings] : words_) {
    const double found = static_cast<double>(postings.size());
    const double weight = std::log(1 + (count - found + 0.5) / (found + 0.5)) * entropy.gain(postings);
    for (Match& posting : postings) {
      const double relative = lengths[posting.text] / mean;
      posting.score = weight * posting.score * (kSaturation + 1) /
                      (posting.score + kSaturation * (1 - kLengthShare + kLengthShare * relative));
    }
  }
}

std::vector<WordOverlap::Match> WordOverlap::ranked(std::string_view query) const {
  std::map<size_t, double> scores;
  for (const auto& [word, count] : features_of(query)) {
    const auto known = words_.find(word);
    if (known == words_.end()) continue;
    for (const Match& posting : known->second) scores[posting.text] += posting.score;
  }
  std::vector<Match> matches;
  for (const auto& [text, score] : scores) matches.push_back({text, score});
  std::ranges::stable_sort(matches, [](const Match& a, const Match& b) { return a.score > b.score; });
  return matches;
}

}  // namespace thimble
