// Which of many short texts are most like another one, by the words and parts of words they share: Okapi BM25 (Robertson and Zaragoza 2009)
// over words, with every number one word, and over runs of four characters, which typing errors leave some of.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

class WordOverlap {
 public:
  struct Match {
    size_t text;  // its index
    double score;
  };

  // `labels`: nothing, or what each text is an example of. Then a word weighs as much more as it says about the label: by the share of the
  // labels' entropy that knowing the word takes away.
  explicit WordOverlap(const std::vector<std::string>& texts, const std::vector<std::string>& labels = {});

  // Every text that shares a word with `query`, best first; of equal ones the first first.
  std::vector<Match> ranked(std::string_view query) const;

 private:
  std::map<std::u32string, std::vector<Match>, std::less<>> words_;  // with what the word adds to a text's score
};

}  // namespace thimble
