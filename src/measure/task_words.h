// Text as the metrics of task files compare it (docs/task-files.md, "Metrics"). Malformed UTF-8 counts as U+FFFD.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thimble {

// NFKC, case folded; no commas between groups of three digits; "degrees C" is °C; a space between a digit and a letter, ° or %; runs
// of white space are one space.
std::u32string normal_text(std::string_view text);

// Whether both forms are normal and `words` stand in `text` with no letter or figure run on to either end.
bool holds_words(std::u32string_view text, std::u32string_view words);

// The option that `text` names first as a whole word, letter case ignored; of several that begin at one place the longest. Its index,
// or options.size().
size_t first_choice(std::string_view text, const std::vector<std::string>& options);

std::vector<std::u32string> words_of(std::string_view text);  // runs of letters and digits, case folded
std::string folded_line(std::string_view text);               // case folded, and with single spaces
std::string with_single_spaces(std::string_view text);        // without white space at both ends, runs of it one space

}  // namespace thimble
