// SPDX-License-Identifier: Apache-2.0
// MysqlDialect's rendering of changes seen in a log.
#include <fmt/format.h>

#include "connectors/mysql_family/dialect_alter.h"

namespace godwit::mysql {

std::vector<Statement> MysqlDialect::Render(const SchemaChange& change,
                                            const TableSchema* before) const {
  using Kind = SchemaChange::Kind;
  if (change.temporary) return {};
  if (!change.problem.empty()) FailChange(change, change.problem);
  auto one = [&](Statement::Part part, std::string sql) -> std::vector<Statement> {
    return {{part, change.table, "", std::move(sql)}};
  };
  const std::string if_not_exists = change.if_exists ? "IF NOT EXISTS " : "";
  switch (change.kind) {
    case Kind::kCreateTable: {
      if (change.like_table) {
        return one(Statement::Part::kTable, "CREATE TABLE " + if_not_exists + Quote(change.table) +
                                                " LIKE " + Quote(*change.like_table));
      }
      GODWIT_CHECK(change.definition.has_value(), "a created table has a definition");
      if (!change.time_zone.empty()) {
        FailChange(change,
                   "it has a time in it that is not understood, of its session's time zone " +
                       change.time_zone + "; what is run instead runs in UTC");
      }
      std::vector<DialectNote> notes;
      TableSchema table = Adapted(*change.definition, notes);
      table.name = change.table;
      std::vector<Statement> out = CreateTable(table, {.defer_foreign_keys = false});
      out[0].sql.insert(std::string_view("CREATE TABLE ").size(), if_not_exists);
      return out;
    }
    case Kind::kDropTable:
      return one(Statement::Part::kTable, DropTable(change.table));
    case Kind::kTruncateTable:
      return one(Statement::Part::kTable, "TRUNCATE TABLE " + Quote(change.table));
    case Kind::kRenameTable: {
      std::string sql = "RENAME TABLE ";
      for (size_t i = 0; i < change.renames.size(); ++i) {
        if (i != 0) sql += ", ";
        sql += Quote(change.renames[i].first) + " TO " + Quote(change.renames[i].second);
      }
      return one(Statement::Part::kTable, std::move(sql));
    }
    case Kind::kAlterTable:
      return AlterRenderer(*this, change, before).Run();
    case Kind::kCreateView:
      if (!change.view) FailChange(change, "the view's definition is not known");
      return CreateView(*change.view);
    case Kind::kDropView:
      return one(Statement::Part::kView, "DROP VIEW IF EXISTS " + Quote(change.table));
    case Kind::kCreateDatabase:
      return one(Statement::Part::kDatabase,
                 CreateDatabase(change.table.database, change.charset, change.collation));
    case Kind::kAlterDatabase:
      if (change.charset.empty() && change.collation.empty()) return {};
      return one(Statement::Part::kDatabase, "ALTER DATABASE " + Quote(change.table.database) +
                                                 Charset(change.charset, change.collation));
    case Kind::kDropDatabase:
      return one(Statement::Part::kDatabase,
                 "DROP DATABASE IF EXISTS " + Quote(change.table.database));
    case Kind::kIrrelevant:
      return {};
    case Kind::kUnknown:
      FailChange(change, "the statement is not understood");
  }
  return {};
}

}  // namespace godwit::mysql
