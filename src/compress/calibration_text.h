// What can be said of a calibration text before hours are spent on it: each a warning in one line, never a refusal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace thimble {

// Of the letters of a text (Unicode blocks), and of its lines that are not blank.
struct TextKind {
  std::string_view script;         // that most letters are of, such as "Latin"; empty where there are none
  double script_share = 0;         // of the letters
  double code_line_share = 0;      // lines more than a tenth of which are the signs of programs and data: {}()[]<>=;_
  double repeated_line_share = 0;  // lines that stood there before
};
TextKind text_kind(std::string_view text);

// Share of the evaluation text's shingles (50 characters in a row, runs of white space taken as one blank) that stand in the
// calibration text too: exact for texts of up to a million shingles, else from a sample by hash. 0 where the evaluation text is
// shorter than a shingle.
double shared_shingles(std::string_view calibration, std::string_view evaluation);

struct CalibrationText {
  std::string_view text;        // as given, conversations rendered
  size_t tokens = 0;            // that will be run
  bool has_template = false;    // the model has a chat template
  bool has_turns = false;       // the text has what that template writes
  std::string_view evaluation;  // empty: none
};
inline constexpr size_t kAdvisedTokens = 50'000;

// One line each: too short, one kind only, repetitive, overlapping the evaluation text, plain text for a chat model.
std::vector<std::string> calibration_warnings(const CalibrationText& text);

}  // namespace thimble
