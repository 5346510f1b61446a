// SQLite as the knowledge base uses it: statements with bound parameters only, and its errors as ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace thimble {

// Move-only. Texts and blobs that are bound must stay until the statement has been run; those read are valid until the
// next step().
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Statement& bind(int64_t value);
  Statement& bind(double value);
  Statement& bind(std::string_view text);
  Statement& bind(std::span<const std::byte> blob);

  bool step();  // false at the end, after which it may be bound and run again
  void run();   // to the end

  int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;
  std::span<const std::byte> blob(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, std::string path) : statement_(statement), path_(std::move(path)) {}
  void check(int code) const;

  sqlite3_stmt* statement_;
  std::string path_;
  int next_ = 1;  // parameter to bind
};

class Database {
 public:
  enum class Mode : uint8_t { read, write, create };

  // Nothing that the file may hold (views, triggers, functions in its schema) is trusted. Throws Error(bad_file) for what
  // cannot be opened, Error(failed) where it is locked by another process.
  Database(const std::string& path, Mode mode);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  Statement prepare(std::string_view sql);
  void run(std::string_view sql);         // one statement without parameters
  int64_t integer(std::string_view sql);  // the first value of its first row; 0 where there is none
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  sqlite3* database_ = nullptr;
};

// Rolled back where it is not committed.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Database& database_;
  bool is_open_ = true;
};

}  // namespace thimble
