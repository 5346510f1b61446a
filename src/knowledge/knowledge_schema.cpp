#include "knowledge/knowledge_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace thimble {
namespace {

constexpr int64_t kApplicationId = 0x54684b42;  // "ThKB"
constexpr int64_t kVersion = 1;                 // of the tables, and of how documents are read and cut

// Words are stemmed, so that "tighten" finds "tightening", and accents fold. `word` is an index over the texts of
// `chunk`, `name` over what documents are called.
constexpr std::array<std::string_view, 7> kSchema = {
    "CREATE TABLE property(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE document(id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, size INTEGER NOT "
    "NULL, "
    "modified INTEGER NOT NULL, has_pages INTEGER NOT NULL)",
    "CREATE TABLE chunk(id INTEGER PRIMARY KEY, document INTEGER NOT NULL, heading TEXT NOT NULL, section TEXT NOT "
    "NULL, "
    "section_path TEXT NOT NULL, text TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL)",
    "CREATE INDEX chunk_of_document ON chunk(document)",
    "CREATE TABLE vector(document INTEGER PRIMARY KEY, first_chunk INTEGER NOT NULL, count INTEGER NOT NULL, chunks "
    "BLOB NOT NULL, "
    "data BLOB NOT NULL)",
    "CREATE VIRTUAL TABLE word USING fts5(heading, text, content='chunk', content_rowid='id', "
    "tokenize='porter unicode61 remove_diacritics 2')",
    "CREATE VIRTUAL TABLE name USING fts5(title, tokenize='porter unicode61 remove_diacritics 2')"};

// What FTS5 keeps an index in.
bool is_part_of_index(std::string_view name, std::string_view type) {
  constexpr std::array<std::string_view, 5> kParts = {"data", "idx", "content", "docsize", "config"};
  const size_t bar = name.find('_');
  return type == "table" && bar != std::string_view::npos &&
         (name.substr(0, bar) == "word" || name.substr(0, bar) == "name") &&
         std::ranges::find(kParts, name.substr(bar + 1)) != kParts.end();
}

}  // namespace

void create_schema(Database& database) {
  database.run("PRAGMA page_size = 8192");
  Transaction transaction(database);
  for (const std::string_view sql : kSchema) database.run(sql);
  database.run(fmt::format("PRAGMA application_id = {}", kApplicationId));
  database.run(fmt::format("PRAGMA user_version = {}", kVersion));
  transaction.commit();
}

void check_schema(Database& database) {
  const std::string file = printable(database.path());
  if (database.integer("PRAGMA application_id") != kApplicationId) {
    fail(ExitCode::bad_file, "{}: expected a knowledge base made by `thimble index`, found another kind of database",
         file);
  }
  if (const int64_t version = database.integer("PRAGMA user_version"); version != kVersion) {
    fail(ExitCode::bad_file,
         "{}: made by another version of thimble ({}, this one writes {}); delete it and run `thimble index` again",
         file, version, kVersion);
  }
  Statement entries = database.prepare("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL");
  size_t found = 0;
  while (entries.step()) {
    if (std::ranges::find(kSchema, entries.text(2)) != kSchema.end()) {
      ++found;
    } else if (!is_part_of_index(entries.text(0), entries.text(1))) {
      fail(ExitCode::bad_file, "{}: no knowledge base: its {} {} is none of ours", file, printable(entries.text(1)),
           printable(entries.text(0)));
    }
  }
  if (found != kSchema.size()) fail(ExitCode::bad_file, "{}: no knowledge base: tables are missing", file);
}

}  // namespace thimble
