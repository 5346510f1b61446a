// Lines grouped into templates, after Drain (He, Zhu, Zheng, Lyu: "Drain: An Online Log Parsing Approach with Fixed Depth Tree",
// ICWS 2017): what varies is masked, then a tree by number of words and first word leads to a few groups, of which the most similar
// one takes the line where at least half of its words are the same.
//
// Beside the paper: numbers, times, hexadecimal numbers, addresses and paths are masked before, and a table of masked lines
// that were seen leads straight to their group. Memory is bounded: kMostTemplates groups of at most kMostWords words, the rest goes to a last one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "assist/log_facts.h"

namespace thimble {

// The line with <*> for what varies; codes such as E07 stay. At most kMostMasked bytes of it. Appends to `out`.
void append_masked(std::string& out, std::string_view message);
constexpr size_t kMostMasked = 512;

class LogTemplates {
 public:
  static constexpr size_t kMostTemplates = 2048;
  static constexpr size_t kMostWords = 40;

  // The number of the line's template, given once for every masked line and then remembered by the caller.
  uint32_t find(std::string_view masked);
  // Counts a line of it.
  void count(uint32_t id, uint64_t line, LogLevel level, std::optional<int64_t> time);
  const LogTemplate& operator[](uint32_t id) const { return templates_[id].facts; }
  size_t size() const { return templates_.size(); }
  // The most frequent ones, `most` at most, with their texts made.
  std::vector<LogTemplate> top(size_t most) const;

 private:
  struct Group {
    std::vector<std::string> words;
    LogTemplate facts;
  };
  static double similarity(const Group& group, const std::vector<std::string_view>& words);
  std::vector<Group> templates_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> leaves_;  // by number of words and first word
};

}  // namespace thimble
