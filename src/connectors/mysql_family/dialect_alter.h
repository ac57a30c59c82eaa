// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/dialect.h"
#include "model/names.h"

namespace godwit::mysql {

// Writes one ALTER TABLE for a server. Lives as long as one call of MysqlDialect::Render.
//
// A server looks all old names up in the table as it was, so clauses are not steps. MySQL and
// MariaDB get them in one statement as they came. OceanBase refuses many mixtures: it gets a
// statement for each group, in an order in which none stands in another's way:
//   constraints dropped | indexes dropped | columns dropped | columns renamed | columns added and
//   changed | defaults, indexes renamed | primary key | indexes added | constraints added,
//   partitions, options, the table's name
//
// Rows that are there get an added column's default. Where this server's column cannot have it, an
// UPDATE gives it to them if it is one value; it is the same each time it runs, also after a crash.
class AlterRenderer {
 public:
  // `before` is the destination's table; all outlive it.
  AlterRenderer(const MysqlDialect& dialect, const SchemaChange& change, const TableSchema* before);

  std::vector<Statement> Run();

 private:
  using Kind = AlterAction::Kind;

  static constexpr int kRenameGroup = 6;
  static constexpr int kColumnsGroup = 8;
  static constexpr int kDefaultsGroup = 9;
  static constexpr int kLastGroup = 13;

  using Groups = std::map<int, std::vector<std::string>>;

  static std::vector<AlterAction> NamedActions(const MysqlDialect& dialect,
                                               const SchemaChange& change,
                                               const TableSchema* before);
  void Refuse(const AlterAction& action) const;
  void RefuseColumn(const AlterAction& action) const;
  void RefuseNumbering(const AlterAction& action) const;
  void RefuseZone() const;
  void RefuseOtherOrder(const AlterAction& action) const;
  void RefuseOtherBounds(const AlterAction& action) const;
  void Sort(const AlterAction& action, Groups& groups);
  // The added column with what its default was at the source's moment, as a literal; nullopt: its
  // default is no such time, or the log does not say enough of it.
  std::optional<ColumnSchema> AtItsMoment(const ColumnSchema& column) const;
  // The SQL of an added column's default that the adapted column lacks; empty: it lacks none.
  // Throws where that is not one value.
  std::string LostDefault(const AlterAction& action) const;
  // The UPDATE of the class comment; empty: nothing is lost.
  std::string Filling() const;
  bool IsSuperfluous(const AlterAction& action) const;
  bool Drops(AlterAction::Kind kind, const std::string& name) const;
  int GroupOf(const AlterAction& action) const;
  std::string Clause(const AlterAction& action);
  std::string ColumnClause(const AlterAction& action);
  std::string SetDefault(const AlterAction& action) const;
  std::string IndexClause(const AlterAction& action);
  std::string ConstraintClause(const AlterAction& action) const;
  // The name of a check of the source's at this server.
  std::string CheckHere(const std::string& name) const;
  // Names of the checks that go where the source defines the column anew.
  std::vector<std::string> OwnChecks(const std::string& column) const;
  std::string PartitionClause(const AlterAction& action);
  std::string Reorganized(const AlterAction& action);
  // A partition for what no other takes; empty: there is one.
  std::string CatchAll() const;
  Partitioning Parsed(const std::string& text) const;
  std::string Native(const AlterAction& action) const;
  bool IsRenaming(const AlterAction& action) const;
  std::string Renaming(const std::string& from, const std::string& to) const;
  std::string Modified(const ColumnSchema& column, const std::string& old_name) const;
  std::string RenamedColumn(const AlterAction& action) const;
  ColumnSchema AdaptedColumn(const ColumnSchema& column) const;
  // The time in a TIMESTAMP's default, which is in UTC, as the statement's session is to read it.
  void PutIntoZone(ColumnSchema& column) const;
  std::string ColumnText(ColumnSchema column) const;
  Statement Made(std::string sql) const;
  void Emit(std::vector<std::string> clauses, std::vector<Statement>& out) const;
  [[noreturn]] void Fail(std::string cause) const;

  const MysqlDialect& dialect_;
  const DialectTraits& traits_;
  const SchemaChange& change_;
  const TableSchema* before_;
  const std::vector<AlterAction> actions_;  // the change's, with all names
  bool drops_key_column_ = false;
};

template <typename T>
bool Has(const std::vector<T>& items, std::string_view name) {
  return std::any_of(items.begin(), items.end(),
                     [&](const T& item) { return EqualNames(item.name, name); });
}

[[noreturn]] void FailChange(const SchemaChange& change, std::string cause);

}  // namespace godwit::mysql
