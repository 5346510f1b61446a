// JSON texts of strings: free ones, and those that patterns, formats and lengths restrict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/dfa.h"
#include "text/grammar_rules.h"

namespace thimble::json_schema {

// The one way in which a character of the set is written where strings are compared as texts: itself, \" \\ \b \f \n \r \t, or
// \u00xx for what else is below U+0020.
ExprId spelled_in_json(GrammarRules& rules, const CodePointSet& set);
// The same for a whole string, with its quotation marks.
std::string json_text(std::string_view string);

// One character of a free string: itself or any escape, no half of a surrogate pair alone.
ExprId free_character(GrammarRules& rules);

// What is between the quotation marks.
Dfa string_content(CompileBudget& budget);  // all, in the one spelling
Dfa searched(std::string_view pattern, std::string_view what, CompileBudget& budget);
Dfa of_length(uint32_t least, uint32_t most, CompileBudget& budget);
Dfa of_strings(const std::vector<std::string>& strings, CompileBudget& budget);
// Throws Error(usage) for a format that is not known, named after `what`.
Dfa of_format(std::string_view format, std::string_view what, CompileBudget& budget);

// A language of contents with the quotation marks around it.
Dfa quoted(Dfa content, CompileBudget& budget);

// Whether a string, given as it is, is in such a language.
bool contains(const Dfa& content, std::string_view string);

}  // namespace thimble::json_schema
