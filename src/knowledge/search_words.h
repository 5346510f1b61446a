// The words of a text as a search sees them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace thimble {

// Runs of letters and digits, lower case where they are ASCII; what is joined by a single - . , / or ' is one word:
// "hx-200", "7.1", "m3/h". The possessive goes: "pump's" is "pump".
std::vector<std::string> words_of_text(std::string_view text);
// English words that say nothing of what a question is about.
bool is_function_word(std::string_view word);
// A name made of letters and digits, such as "e12", "v-51" or "hx200".
bool is_code(std::string_view word);
// The words less function words, each once, at most 48 of them; all of them where nothing else is left.
std::vector<std::string> search_words(std::string_view text);
// A query for FTS5: any of the words. Made of nothing but letters, digits, joints and quotes, so that no syntax gets in.
// Names that are written in several ways ("HX200", "HX-200", "HX 200") are asked for in all of them.
std::string full_text_query(const std::vector<std::string>& words);
// The same for one word, or words that stand side by side.
std::string full_text_phrase(std::string_view words);

}  // namespace thimble
