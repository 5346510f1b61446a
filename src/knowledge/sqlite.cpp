#include "knowledge/sqlite.h"

#include <sqlite3.h>

#include <utility>

#include "base/error.h"

namespace thimble {
namespace {

constexpr int kBusyMilliseconds = 2000;

[[noreturn]] void refuse(const std::string& path, int code, const char* message) {
  const std::string file = printable(path);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: fail(ExitCode::failed, "{}: locked by another process; try again when it is done", file);
    case SQLITE_NOTADB:
      fail(ExitCode::bad_file, "{}: expected a knowledge base made by `thimble index`, found another kind of file",
           file);
    case SQLITE_CORRUPT:
      fail(ExitCode::bad_file, "{}: damaged ({}); delete it and run `thimble index` again", file, printable(message));
    case SQLITE_CANTOPEN:
      fail(ExitCode::bad_file, "{}: cannot be opened; is there such a file, and may it be read?", file);
    case SQLITE_READONLY: fail(ExitCode::failed, "{}: cannot be written, nor the folder that it is in", file);
    case SQLITE_FULL: fail(ExitCode::failed, "{}: no space left on the device", file);
    case SQLITE_NOMEM: fail(ExitCode::does_not_fit, "{}: no memory left", file);
    default: fail(ExitCode::failed, "{}: {}", file, printable(message));
  }
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), path_(std::move(other.path_)), next_(other.next_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::check(int code) const {
  if (code != SQLITE_OK) refuse(path_, code, sqlite3_errmsg(sqlite3_db_handle(statement_)));
}

Statement& Statement::bind(int64_t value) {
  check(sqlite3_bind_int64(statement_, next_++, value));
  return *this;
}

Statement& Statement::bind(double value) {
  check(sqlite3_bind_double(statement_, next_++, value));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  check(sqlite3_bind_text64(statement_, next_++, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC,
                            SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind(std::span<const std::byte> blob) {
  check(sqlite3_bind_blob64(statement_, next_++, blob.empty() ? "" : static_cast<const void*>(blob.data()), blob.size(),
                            SQLITE_STATIC));
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) refuse(path_, code, sqlite3_errmsg(sqlite3_db_handle(statement_)));
  sqlite3_reset(statement_);
  next_ = 1;
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Statement::text(int column) const {
  const unsigned char* const text = sqlite3_column_text(statement_, column);
  return {text == nullptr ? "" : reinterpret_cast<const char*>(text),
          static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Statement::blob(int column) const {
  const void* const blob = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::byte*>(blob),
          blob == nullptr ? 0 : static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Database(const std::string& path, Mode mode) : path_(path) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  // A reader opens for writing too where it may: what a killed writer left behind is rolled back.
  flags |= SQLITE_OPEN_READWRITE | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0);
  // A name with a colon or a question mark is a file all the same.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  const int code = sqlite3_open_v2(name.c_str(), &database_, flags, nullptr);
  if (code != SQLITE_OK) {
    const std::string message = database_ != nullptr ? sqlite3_errmsg(database_) : "no memory";
    sqlite3_close(database_);
    refuse(path_, code, message.c_str());
  }
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(database_, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_busy_timeout(database_, kBusyMilliseconds);
}

Database::~Database() { sqlite3_close(database_); }

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), 0, &statement, nullptr);
  if (code != SQLITE_OK) refuse(path_, code, sqlite3_errmsg(database_));
  return {statement, path_};
}

void Database::run(std::string_view sql) { prepare(sql).run(); }

int64_t Database::integer(std::string_view sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

Transaction::Transaction(Database& database) : database_(database) { database_.run("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (!is_open_) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {  // the file's journal does it at the next open
  }
}

void Transaction::commit() {
  database_.run("COMMIT");
  is_open_ = false;
}

}  // namespace thimble
