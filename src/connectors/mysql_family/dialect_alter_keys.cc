// SPDX-License-Identifier: Apache-2.0
// AlterRenderer's clauses about keys and constraints, and their names.
#include <fmt/format.h>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/dialect_alter.h"
#include "model/expression_names.h"

namespace godwit::mysql {

// Before they reach this server, names of checks are the source's: see MysqlDialect::CheckName.
std::vector<AlterAction> AlterRenderer::NamedActions(const MysqlDialect& dialect,
                                                     const SchemaChange& change,
                                                     const TableSchema* before) {
  if (before == nullptr) return change.actions;
  TableSchema known = *before;
  const std::string own = known.name.table + "_";
  for (CheckSchema& check : known.checks) {
    if (!check.name.starts_with(own)) continue;
    const std::string rest = check.name.substr(own.size());
    if (dialect.CheckName(rest, known.name) == check.name) check.name = rest;
  }
  return WithNames(known, change.actions);
}

std::string AlterRenderer::IndexClause(const AlterAction& action) {
  auto quote = [&](const std::string& name) { return dialect_.Quote(name); };
  switch (action.kind) {
    case Kind::kAddIndex: {
      TableSchema table;
      if (before_ != nullptr) table = *before_;
      table.name = change_.table;
      IndexSchema index = action.index;
      if (index.name.empty()) index.name = UnusedIndexName(index, table.indexes);
      std::vector<DialectNote> notes;
      if (!dialect_.AdaptIndex(index, table, notes)) return "";
      return "ADD " + dialect_.Index(index) + (dialect_.IsGlobal(index, table) ? " GLOBAL" : "");
    }
    case Kind::kDropIndex:
      return "DROP INDEX " + quote(action.name);
    case Kind::kDropPrimaryKey:
      return "DROP PRIMARY KEY";
    case Kind::kRenameIndex:
      return "RENAME INDEX " + quote(action.name) + " TO " + quote(action.new_name);
    default:
      break;
  }
  if (!traits_.has_invisible_indexes) return "";
  const bool is_mariadb = traits_.flavor == Flavor::kMariaDb;
  const char* hidden = is_mariadb ? "IGNORED" : "INVISIBLE";
  const char* shown = is_mariadb ? "NOT IGNORED" : "VISIBLE";
  return fmt::format("ALTER INDEX {} {}", quote(action.name),
                     action.index.invisible ? hidden : shown);
}

std::string AlterRenderer::ConstraintClause(const AlterAction& action) const {
  auto quote = [&](const std::string& name) { return dialect_.Quote(name); };
  const bool is_mariadb = traits_.flavor == Flavor::kMariaDb;
  const std::string drop_check = is_mariadb ? "DROP CONSTRAINT " : "DROP CHECK ";
  switch (action.kind) {
    case Kind::kAddForeignKey:
      return "ADD " + dialect_.ForeignKey(action.foreign_key);
    case Kind::kDropForeignKey:
      return "DROP FOREIGN KEY " + quote(action.name);
    case Kind::kAddCheck: {
      if (!traits_.has_checks) return "";
      if (!action.check.enforced && !traits_.has_check_enforcement) return "";
      CheckSchema check = action.check;
      check.expression = dialect_.AdaptExpression(check.expression);
      check.name = dialect_.CheckName(check.name, change_.table);
      return "ADD " + dialect_.Check(check);
    }
    case Kind::kDropCheck:
      return traits_.has_checks ? drop_check + quote(CheckHere(action.name)) : "";
    case Kind::kCheckEnforcement:
      if (!traits_.has_checks) return "";
      if (!traits_.has_check_enforcement) Fail("the destination enforces every check");
      return fmt::format("ALTER CHECK {} {}ENFORCED", quote(CheckHere(action.name)),
                         action.check.enforced ? "" : "NOT ");
    default:
      break;
  }
  if (before_ == nullptr) return "DROP CONSTRAINT " + quote(action.name);
  if (Has(before_->foreign_keys, action.name)) return "DROP FOREIGN KEY " + quote(action.name);
  const std::string check = CheckHere(action.name);
  if (Has(before_->checks, check)) return drop_check + quote(check);
  if (Has(before_->indexes, action.name)) return "DROP INDEX " + quote(action.name);
  Fail("the destination has no constraint " + action.name);
}

std::string AlterRenderer::CheckHere(const std::string& name) const {
  if (before_ == nullptr || Has(before_->checks, name)) return name;
  const std::string whole = dialect_.CheckName(name, before_->name);
  return Has(before_->checks, whole) ? whole : name;
}

// MariaDB's column has its own check, which has no name; the destination gave it one of its own:
// t_OBCHECK_1700000000000000 at OceanBase, t_chk_1 at MySQL.
std::vector<std::string> AlterRenderer::OwnChecks(const std::string& column) const {
  std::vector<std::string> out;
  if (before_ == nullptr || traits_.has_column_checks || !traits_.has_checks) return out;
  const std::string_view given = traits_.flavor == Flavor::kOceanBase ? "_OBCHECK_" : "_chk_";
  for (const CheckSchema& check : before_->checks) {
    const size_t at = check.name.rfind(given);
    if (at == std::string::npos) continue;
    const std::string number = check.name.substr(at + given.size());
    const bool is_given = number.find_first_not_of("0123456789") == std::string::npos;
    if (is_given && Mentions(check.expression, column)) out.push_back(check.name);
  }
  return out;
}

}  // namespace godwit::mysql
