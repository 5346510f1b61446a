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

// True where every number and code of the sentence stands in the facts, as do at least three fifths of its words of four letters
// or more, by their first four letters, and no more than a few of its words are repeated: small models invent and stutter.
bool is_supported(std::string_view sentence, std::string_view facts);

// One sentence on one line, with a capital and a full stop, without references, marks of lists and invalid UTF-8.
std::string tidy_sentence(std::string_view text);

}  // namespace thimble
