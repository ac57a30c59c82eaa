// SPDX-License-Identifier: Apache-2.0
#include "metadata/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"

namespace godwit {

constexpr std::chrono::milliseconds kBusyTimeout{20'000};
constexpr std::chrono::milliseconds kBusyRetry{20};
namespace {

[[noreturn]] void Fail(sqlite3* db, int code) {
  const char* file = db == nullptr ? nullptr : sqlite3_db_filename(db, "main");
  ErrorFields f{.object = file == nullptr ? "" : file,
                .native = db == nullptr ? code : sqlite3_extended_errcode(db),
                .message = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db)};
  const bool no_space = code == SQLITE_FULL || (code == SQLITE_IOERR && db != nullptr &&
                                                sqlite3_system_errno(db) == ENOSPC);
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    f.code = "METADATA_CORRUPT";
    f.kind = ErrorKind::kBlocked;
    f.cause = "the file is damaged or is no database of Godwit's";
    f.remedy =
        "restore the file from a backup, or name another --state-dir and start the project "
        "anew";
  } else if (no_space) {
    f.code = "METADATA_DISK_FULL";
    f.kind = ErrorKind::kBlocked;
    f.cause = "the disk that holds the state directory has no space left";
    f.remedy = "free some space, then run the command again: nothing that was saved is lost";
  } else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM ||
             code == SQLITE_AUTH || code == SQLITE_IOERR) {
    f.code = "METADATA_UNWRITABLE";
    f.kind = ErrorKind::kBlocked;
    f.cause = "the file or its directory cannot be opened, read or written";
    f.remedy = "check owner, mode and disk of the state directory, or name another --state-dir";
  } else if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    f.code = "METADATA_BUSY";
    f.kind = ErrorKind::kTransient;
    f.cause = "another process has held the file for longer than the wait";
    f.remedy = "run the command again";
  } else {
    f.code = "METADATA_FAILED";
    f.kind = ErrorKind::kBug;
    f.cause = "the state database refused a statement of Godwit's own";
    f.remedy = "report it with the log; the project can be resumed";
  }
  throw Error(std::move(f));
}

}  // namespace

SqliteQuery::~SqliteQuery() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteQuery::Check(int code) const {
  if (code != SQLITE_OK) Fail(db_, code & 0xff);
}

SqliteQuery& SqliteQuery::Bind(int64_t value) {
  Check(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

SqliteQuery& SqliteQuery::Bind(std::string_view text) {
  Check(sqlite3_bind_text64(statement_, ++bound_, text.data() == nullptr ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

SqliteQuery& SqliteQuery::BindBlob(std::string_view bytes) {
  Check(sqlite3_bind_blob64(statement_, ++bound_, bytes.data() == nullptr ? "" : bytes.data(),
                            bytes.size(), SQLITE_STATIC));
  return *this;
}

bool SqliteQuery::Next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) Fail(db_, code & 0xff);
  return false;
}

void SqliteQuery::Run() {
  while (Next()) {
  }
}

int64_t SqliteQuery::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string SqliteQuery::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

Sqlite::Sqlite(const std::string& path) {
  // Made here so that nobody else can read it; SQLite gives its log the same mode. A file that is
  // there must not be opened: closing it would take this process's locks of it away.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  if (fd < 0 && errno != EEXIST) {
    throw Error({.code = "METADATA_UNWRITABLE",
                 .kind = ErrorKind::kBlocked,
                 .object = path,
                 .native = errno,
                 .message = fmt::format("cannot open {}: {}", path, strerror(errno)),
                 .cause = "the file or its directory cannot be opened for writing",
                 .remedy = "check owner and mode of the state directory, or name another "
                           "--state-dir"});
  }
  const int code =
      sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  try {
    if (code != SQLITE_OK) Fail(db_, code & 0xff);
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, static_cast<int>(kBusyTimeout.count()));
    SwitchToWal();
    Execute("PRAGMA synchronous=FULL");
    Execute("PRAGMA foreign_keys=ON");
  } catch (const Error&) {
    sqlite3_close_v2(db_);
    throw;
  }
}

// The busy timeout does not cover this switch: two processes that open a new file at once meet
// here.
void Sqlite::SwitchToWal() {
  const auto deadline = Deadline::In(kBusyTimeout);
  for (;;) {
    try {
      return Execute("PRAGMA journal_mode=WAL");
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kTransient || deadline.has_passed()) throw;
    }
    WaitForStop({}, Deadline::In(kBusyRetry));
  }
}

Sqlite::~Sqlite() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

SqliteQuery Sqlite::Query(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int code =
        sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) Fail(db_, code & 0xff);
  }
  return SqliteQuery(db_, statement);
}

void Sqlite::Execute(const std::string& sql) {
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Fail(db_, code & 0xff);
}

int64_t Sqlite::last_insert_id() const { return sqlite3_last_insert_rowid(db_); }

}  // namespace godwit
