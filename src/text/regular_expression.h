// Regular expressions in the notation that ECMAScript, Python and PCRE share, without what is not regular: no backreferences
// and no lookaround, which are refused by name and place. Matching never backtracks. \d \w and classes are ECMAScript's
// (ASCII), \s and `.` too; \p{..} takes general categories such as L, Lu or Nd.
#pragma once

#include <functional>
#include <string_view>

#include "text/dfa.h"
#include "text/grammar.h"

namespace thimble {

// How a character of the set is written in the text, such as within a JSON string.
using Spelling = std::function<ExprId(GrammarRules& rules, const CodePointSet& set)>;
inline ExprId spelled_plainly(GrammarRules& rules, const CodePointSet& set) { return rules.any_of(set); }

// The texts that match from beginning to end. Throws Error(usage) with the place, named after `what`.
Dfa compile_whole_match(std::string_view expression, std::string_view what, const Spelling& spell,
                        CompileBudget& budget);
// The texts in which it matches anywhere.
Dfa compile_search(std::string_view expression, std::string_view what, const Spelling& spell, CompileBudget& budget);

// The text that matches is the whole text.
Grammar compile_regular_expression(std::string_view expression);

}  // namespace thimble
