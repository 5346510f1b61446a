// The tables of a knowledge base. A file is ours only where every statement of its schema is: one from elsewhere may run
// what it likes.
#pragma once

#include "knowledge/sqlite.h"

namespace thimble {

void create_schema(Database& database);
// Throws Error(bad_file) for another kind of database, another version's, or one with a table, view or trigger that is
// not ours.
void check_schema(Database& database);

}  // namespace thimble
