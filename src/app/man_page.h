// The manual page, in roff with the man macros, read off the list of verbs and their option tables.
#pragma once

#include <string>

namespace thimble {

std::string man_page();

}  // namespace thimble
