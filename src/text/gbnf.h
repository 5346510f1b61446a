// Grammars in GBNF, llama.cpp's notation (grammars/README.md there): `name ::= expression` lines, the one named `root` is
// the whole text. Literals "..." and classes [...] with the escapes \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH, `.` for any
// character, groups, `|`, `* + ? {m} {m,} {m,n} {,n}`, comments from # to the end of the line.
#pragma once

#include <string_view>

#include "text/grammar.h"

namespace thimble {

// Throws Error(usage) with line and column for what is no grammar, names an undefined rule or passes GrammarLimits.
Grammar compile_gbnf(std::string_view text);

}  // namespace thimble
