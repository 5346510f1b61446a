// Whether a sentence that a model wrote says only what the facts say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thimble {

// The facts that a claim is held to, and the lines it is about.
struct LogClaim {
  std::string facts;
  std::string text;  // one sentence, without the reference to its lines
  uint64_t first_line = 0;
  uint64_t last_line = 0;
};

// True where the facts bear every word of the sentence: each number, time and code stands in them, each count ("3 times") is one of theirs,
// each word of four letters or more begins as one of theirs or could be said of anything, and what they deny the sentence denies.
// The first time told is the first of the facts, and of a change (5.5 -> 6.0) both sides are told. It also must not stutter: two thirds of its words differ.
bool is_supported(std::string_view sentence, std::string_view facts);

// One sentence on one line, with a capital and a full stop, without references, marks of lists and invalid UTF-8.
std::string tidy_sentence(std::string_view text);

}  // namespace thimble
