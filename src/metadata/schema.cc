// SPDX-License-Identifier: Apache-2.0
#include "metadata/schema.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace godwit {
namespace {

// Step i leads from version i to i + 1. A step that was released is never changed.
constexpr std::array kSteps = {R"(
CREATE TABLE project (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  spec TEXT NOT NULL,
  state TEXT NOT NULL,
  desired TEXT NOT NULL,
  cause TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  last_chunk INTEGER NOT NULL DEFAULT 0);
CREATE TABLE setting (
  project INTEGER NOT NULL REFERENCES project ON DELETE CASCADE,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (project, key)) WITHOUT ROWID;
CREATE TABLE journal (
  project INTEGER NOT NULL REFERENCES project ON DELETE CASCADE,
  stage TEXT NOT NULL,
  object TEXT NOT NULL,
  status TEXT NOT NULL,
  detail TEXT NOT NULL,
  updated_us INTEGER NOT NULL,
  PRIMARY KEY (project, stage, object)) WITHOUT ROWID;
CREATE TABLE chunk (
  project INTEGER NOT NULL REFERENCES project ON DELETE CASCADE,
  id INTEGER NOT NULL,
  database_name TEXT NOT NULL,
  table_name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  key_range BLOB NOT NULL,
  is_last INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0,
  row_count INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (project, id)) WITHOUT ROWID;
CREATE INDEX chunk_of_table ON chunk (project, database_name, table_name);
CREATE TABLE finding (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project INTEGER NOT NULL REFERENCES project ON DELETE CASCADE,
  stage TEXT NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  status TEXT NOT NULL,
  detail TEXT NOT NULL,
  answer TEXT NOT NULL);
CREATE INDEX finding_of_project ON finding (project, status);
CREATE TABLE data_source (
  name TEXT NOT NULL PRIMARY KEY,
  url TEXT NOT NULL,
  secret BLOB NOT NULL) WITHOUT ROWID;
)"};

int64_t Version(Sqlite& db) {
  auto tables = db.Query("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'");
  tables.Next();
  if (tables.Int(0) == 0) return 0;
  auto version = db.Query("SELECT version FROM schema_version");
  return version.Next() ? version.Int(0) : 0;
}

void CheckPages(Sqlite& db, const std::string& path) {
  auto check = db.Query("PRAGMA quick_check(1)");
  const std::string found = check.Next() ? check.Text(0) : "no answer";
  if (found == "ok") return;
  throw Error({.code = "METADATA_CORRUPT",
               .kind = ErrorKind::kBlocked,
               .object = path,
               .message = found,
               .cause = "the file is damaged",
               .remedy = "restore the file from a backup, or name another --state-dir and start "
                         "the project anew"});
}

}  // namespace

void MigrateMetadata(Sqlite& db, const std::string& path) {
  CheckPages(db, path);
  if (Version(db) == static_cast<int64_t>(kSteps.size())) return;
  db.Execute("BEGIN IMMEDIATE");
  const int64_t version = Version(db);  // another process may have been faster
  if (version > static_cast<int64_t>(kSteps.size())) {
    db.Execute("ROLLBACK");
    throw Error({.code = "METADATA_VERSION",
                 .kind = ErrorKind::kBlocked,
                 .object = path,
                 .message = fmt::format("{} has format {}, this program knows up to {}", path,
                                        version, kSteps.size()),
                 .cause = "a newer Godwit has used this state directory",
                 .remedy = "use that version of Godwit, or name another --state-dir"});
  }
  for (size_t step = version; step < kSteps.size(); ++step) db.Execute(kSteps[step]);
  db.Execute(
      fmt::format("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);"
                  "DELETE FROM schema_version; INSERT INTO schema_version VALUES ({});",
                  kSteps.size()));
  db.Execute("COMMIT");
}

}  // namespace godwit
