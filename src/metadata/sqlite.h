// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace godwit {

// One run of a prepared statement: bind in order, step, read. Resets the statement when it goes.
class SqliteQuery {
 public:
  SqliteQuery(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  // What is bound must live until the last Next or Run.
  SqliteQuery& Bind(int64_t value);
  SqliteQuery& Bind(std::string_view text);
  SqliteQuery& BindBlob(std::string_view bytes);

  bool Next();
  void Run();  // a statement without rows

  int64_t Int(int column) const;
  std::string Text(int column) const;  // text or blob

 private:
  void Check(int code) const;

  sqlite3* db_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

// One connection to an SQLite file, with its prepared statements. One thread at a time. Throws
// METADATA_CORRUPT, METADATA_DISK_FULL, METADATA_UNWRITABLE, METADATA_BUSY, METADATA_FAILED.
class Sqlite {
 public:
  explicit Sqlite(const std::string& path);
  ~Sqlite();
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;

  // `sql` is a literal: it is prepared once and kept.
  SqliteQuery Query(const char* sql);
  // Statements without parameters, not kept.
  void Execute(const std::string& sql);
  int64_t last_insert_id() const;

 private:
  void SwitchToWal();
  sqlite3* db_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace godwit
