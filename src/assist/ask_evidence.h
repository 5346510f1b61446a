// How well retrieved chunks speak of what a question asks, and the lines of them that do so best. Words alone: no model
// is asked, nothing is invented.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "knowledge/retriever.h"

namespace thimble {

// A word of the question, shortened (stem_of in ask_check.h), and how much it tells: rare words tell more.
struct QuestionWord {
  std::string stem;
  double weight = 1;
};

// A sentence, a step, or a row with its columns' names: "Motor feet M14: Torque 120 Nm".
struct EvidenceLine {
  size_t source = 0;  // index of the chunk
  std::string text;
  double score =
      0;  // share of the question's weight that is in it, half of what only its heading has, less for later chunks
};

struct Evidence {
  double coverage = 0;              // share of the question's weight that the best chunk has, 0 to 1
  std::vector<EvidenceLine> lines;  // the best first
};

Evidence find_evidence(const std::vector<QuestionWord>& question, const std::vector<Retrieved>& retrieved);

// The lines of a chunk's text as said above.
std::vector<std::string> evidence_lines(std::string_view text);

}  // namespace thimble
