// Which of many short texts are most like another one, by the words they share: Okapi BM25 (Robertson and Zaragoza 2009), with every
// number one word.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

class WordOverlap {
 public:
  explicit WordOverlap(const std::vector<std::string>& texts);

  // The index of every text that shares a word with `query`, best first; of equal ones the first first.
  std::vector<size_t> ranked(std::string_view query) const;

 private:
  struct Posting {
    size_t text;
    double weight;  // what the word adds to the text's score
  };
  std::map<std::u32string, std::vector<Posting>> words_;
};

}  // namespace thimble
