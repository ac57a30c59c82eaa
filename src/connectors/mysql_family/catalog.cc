// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string_view>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"
#include "model/object_rules.h"

namespace godwit::mysql {
namespace {

bool IsServersOwn(std::string_view database) {
  static constexpr std::string_view kNames[] = {
      "mysql",     "sys",     "information_schema", "performance_schema",
      "oceanbase", "lbacsys", "oraauditor",         "__recyclebin",
      "__public",  "ndbinfo", kOwnDatabase};
  return std::find(std::begin(kNames), std::end(kNames), Lower(database)) != std::end(kNames);
}

bool IsMissing(const Error& error) {
  return error.code() == "TABLE_UNKNOWN" || error.code() == "DATABASE_UNKNOWN";
}

std::string Text(const std::optional<std::string>& cell) { return cell.value_or(""); }

uint64_t Number(const std::optional<std::string>& cell) {
  return cell ? std::strtoull(cell->c_str(), nullptr, 10) : 0;
}

std::string Where(const TableName& name) {
  return fmt::format("TABLE_SCHEMA = {} AND TABLE_NAME = {}", Session::Literal(name.database),
                     Session::Literal(name.table));
}

// InnoDB's own name of a table: what is not a letter, digit or '_' as @ and four hex digits
// (MySQL manual, "Mapping of Identifiers to File Names"). Letters beyond ASCII have other codes
// there; such a table is told by its creation time alone.
std::string FileName(std::string_view name) {
  std::string out;
  for (unsigned char c : name) {
    if (std::isalnum(c) || c == '_') {
      out.push_back(static_cast<char>(c));
    } else {
      out += fmt::format("@{:04x}", c);
    }
  }
  return out;
}

// The counter moves with every row; a fingerprint must not.
std::string WithoutAutoIncrement(const std::string& sql) {
  std::vector<Token> tokens = Tokenize(sql, {});
  int depth = 0;
  for (size_t i = 1; i + 2 < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (depth == 0 && tokens[i].Is("auto_increment") && tokens[i + 1].IsSymbol('=')) {
      // With the blank before it.
      return sql.substr(0, tokens[i - 1].end) + sql.substr(tokens[i + 2].end);
    }
  }
  return sql;
}

// Puts `to` in place of the first `from` behind `at`, and moves `at` behind it.
void ReplaceAfter(std::string& text, size_t& at, const std::string& from, const std::string& to) {
  size_t found = text.find(from, at);
  if (found == std::string::npos) return;
  text.replace(found, from.size(), to);
  at = found + to.size();
}

}  // namespace

MysqlCatalog::MysqlCatalog(std::unique_ptr<Session> session, DialectTraits traits)
    : session_(std::move(session)), traits_(std::move(traits)) {
  if (traits_.flavor == Flavor::kMySql && traits_.version >= 80000) {
    session_->Execute("SET SESSION information_schema_stats_expiry = 0");
  }
  if (traits_.flavor != Flavor::kOceanBase) {
    session_->Execute("SET SESSION sql_quote_show_create = 1");
  }
  for (const Row& row : session_->Query("SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM "
                                        "information_schema.CHARACTER_SETS")) {
    traits_.default_collations[traits_.CanonicalCharset(Text(row[0]))] =
        traits_.CanonicalCollation(Text(row[1]));
  }
}

std::vector<std::string> MysqlCatalog::Databases() {
  std::vector<std::string> out;
  for (const Row& row : session_->Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA")) {
    if (!IsServersOwn(Text(row[0]))) out.push_back(Text(row[0]));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<TextDefaults> MysqlCatalog::DefaultsOf(const std::string& database) {
  auto rows = session_->Query(fmt::format(
      "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA "
      "WHERE SCHEMA_NAME = {}",
      Session::Literal(database)));
  if (rows.empty()) return {};
  return TextDefaults{traits_.CanonicalCharset(Text(rows[0][0])),
                      traits_.CanonicalCollation(Text(rows[0][1]))};
}

std::vector<CatalogObject> MysqlCatalog::Objects(const std::string& database) {
  std::vector<CatalogObject> out;
  std::vector<Row> rows = session_->Query(fmt::format(
      "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {}",
      Session::Literal(database)));
  for (const Row& row : rows) {
    const std::string type = Text(row[1]);
    if (type == "BASE TABLE" || type == "SYSTEM VERSIONED") {
      out.push_back({{database, Text(row[0])}, CatalogObject::Kind::kTable});
    } else if (type == "VIEW") {
      out.push_back({{database, Text(row[0])}, CatalogObject::Kind::kView});
    } else {
      const bool is_temporary = type.find("TEMPORARY") != std::string::npos;
      out.push_back({{database, Text(row[0])},
                     is_temporary ? CatalogObject::Kind::kTemporary : CatalogObject::Kind::kOther,
                     type});
    }
  }
  std::sort(out.begin(), out.end(),
            [](const CatalogObject& a, const CatalogObject& b) { return a.name < b.name; });
  return out;
}

std::optional<std::string> MysqlCatalog::Definition(const TableName& name) {
  try {
    std::vector<Row> rows = session_->Query(fmt::format(
        "SHOW CREATE TABLE {}.{}", Session::Quote(name.database), Session::Quote(name.table)));
    if (rows.empty() || rows[0].size() < 2) return {};
    std::string sql = Text(rows[0][1]);
    if (!sql.starts_with("CREATE TABLE")) return {};  // a view
    return traits_.flavor == Flavor::kOceanBase ? WithEscapedLabels(std::move(sql), name) : sql;
  } catch (const Error& error) {
    if (IsMissing(error)) return {};
    throw;
  }
}

// enum('it's') and, behind it, DEFAULT 'it's': the labels cannot be told from that text alone, but
// COLUMN_TYPE and COLUMN_DEFAULT say how long they are.
std::string MysqlCatalog::WithEscapedLabels(std::string sql, const TableName& name) {
  if (sql.find(" enum('") == std::string::npos && sql.find(" set('") == std::string::npos) {
    return sql;
  }
  size_t at = 0;
  for (const Row& row : session_->Query(
           "SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT FROM information_schema.COLUMNS "
           "WHERE " +
           Where(name) + " AND DATA_TYPE IN ('enum', 'set') ORDER BY ORDINAL_POSITION")) {
    const std::string type = Text(row[1]);
    const size_t open = type.find("('");
    if (open == std::string::npos || !type.ends_with("')")) continue;
    std::string escaped = type.substr(0, open + 1);
    for (size_t from = open + 2; from < type.size();) {
      size_t end = std::min(type.find("','", from), type.size() - 2);
      if (escaped.back() != '(') escaped += ',';
      escaped += Session::Literal(type.substr(from, end - from));
      from = end + 3;
    }
    ReplaceAfter(sql, at, "\n  " + Session::Quote(Text(row[0])) + " " + type,
                 "\n  " + Session::Quote(Text(row[0])) + " " + escaped + ")");
    if (!row[2]) continue;
    const size_t line = sql.find(" DEFAULT '" + *row[2] + "'", at);
    if (line == std::string::npos || line > sql.find("\n  `", at)) continue;
    ReplaceAfter(sql, at, " DEFAULT '" + *row[2] + "'", " DEFAULT " + Session::Literal(*row[2]));
  }
  return sql;
}

std::optional<TableSchema> MysqlCatalog::Table(const TableName& name) {
  std::optional<std::string> sql = Definition(name);
  if (!sql) return {};
  try {
    return ParseCreateTable(*sql, name.database, traits_);
  } catch (const Error& error) {
    throw error.At(session_->side(), name.ToString());
  }
}

std::optional<ViewSchema> MysqlCatalog::View(const TableName& name) {
  std::vector<Row> rows = session_->Query(
      "SELECT VIEW_DEFINITION, CHECK_OPTION, DEFINER FROM information_schema.VIEWS WHERE " +
      Where(name));
  if (rows.empty()) return {};
  ViewSchema view;
  view.name = name;
  view.dialect = "mysql";
  view.select = Text(rows[0][0]);
  view.check_option = Text(rows[0][1]) == "NONE" ? "" : Text(rows[0][1]);
  view.definer = Text(rows[0][2]);
  if (view.select.empty()) {
    throw Error({.code = "VIEW_UNREADABLE",
                 .kind = ErrorKind::kBlocked,
                 .side = session_->side(),
                 .object = name.ToString(),
                 .message = "the server does not show the view's definition",
                 .cause = "the account lacks SHOW VIEW on it",
                 .remedy = "grant SHOW VIEW, or leave the view out"});
  }
  for (const Row& row :
       session_->Query("SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE " + Where(name) +
                       " ORDER BY ORDINAL_POSITION")) {
    view.columns.push_back(Text(row[0]));
  }
  return view;
}

TableEstimate MysqlCatalog::Estimate(const TableName& name) {
  std::vector<Row> rows = session_->Query(
      "SELECT TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE " + Where(name));
  if (rows.empty()) return {};
  return {Number(rows[0][0]), Number(rows[0][1])};
}

std::vector<std::pair<TableName, ForeignKeySchema>> MysqlCatalog::ChildrenOf(
    const TableName& name) {
  std::vector<Row> rows = session_->Query(fmt::format(
      "SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME, k.COLUMN_NAME, "
      "k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE "
      "FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS "
      "r "
      "ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME "
      "AND r.TABLE_NAME = k.TABLE_NAME "
      "WHERE k.REFERENCED_TABLE_SCHEMA = {} AND k.REFERENCED_TABLE_NAME = {} "
      "ORDER BY 1, 2, 3, k.ORDINAL_POSITION",
      Session::Literal(name.database), Session::Literal(name.table)));
  std::vector<std::pair<TableName, ForeignKeySchema>> out;
  for (const Row& row : rows) {
    TableName child{Text(row[0]), Text(row[1])};
    if (out.empty() || out.back().first != child || out.back().second.name != Text(row[2])) {
      ForeignKeySchema key;
      key.name = Text(row[2]);
      key.referenced = name;
      // SHOW CREATE TABLE leaves the defaults out.
      auto rule = [](std::string text) {
        return text == "NO ACTION" || text == "RESTRICT" ? "" : text;
      };
      key.on_delete = rule(Text(row[5]));
      key.on_update = rule(Text(row[6]));
      out.emplace_back(std::move(child), std::move(key));
    }
    out.back().second.columns.push_back(Text(row[3]));
    out.back().second.referenced_columns.push_back(Text(row[4]));
  }
  return out;
}

// What a re-created or truncated table has anew: InnoDB's table ids; OceanBase's table and tablet
// ids (DATA_OBJECT_ID changes with TRUNCATE, OBJECT_ID does not); the creation time elsewhere.
std::string MysqlCatalog::Identity(const TableName& name) {
  std::string sql;
  if (traits_.flavor == Flavor::kOceanBase) {
    sql = fmt::format(
        "SELECT OBJECT_ID, DATA_OBJECT_ID FROM oceanbase.DBA_OBJECTS WHERE OWNER = {} AND "
        "OBJECT_NAME = {} AND OBJECT_TYPE LIKE 'TABLE%' ORDER BY 1, 2",
        Session::Literal(name.database), Session::Literal(name.table));
  } else {
    const bool is_renamed = traits_.flavor == Flavor::kMySql && traits_.version >= 80000;
    const std::string file = FileName(name.database) + "/" + FileName(name.table);
    sql = fmt::format(
        "SELECT TABLE_ID, '' FROM information_schema.{} WHERE NAME = {} OR "
        "LOWER(LEFT(NAME, {})) = LOWER({}) ORDER BY 1",
        is_renamed ? "INNODB_TABLES" : "INNODB_SYS_TABLES", Session::Literal(file), file.size() + 3,
        Session::Literal(file + "#P#"));
  }
  std::string out = Text(session_->QueryValue(
      "SELECT CREATE_TIME FROM information_schema.TABLES WHERE " + Where(name)));
  try {
    for (const Row& row : session_->Query(sql)) out += " " + Text(row[0]) + ":" + Text(row[1]);
  } catch (const Error& error) {
    // The ids need the PROCESS privilege; the creation time has to do without it.
    if (error.code() != "ACCESS_DENIED" && !IsMissing(error)) throw;
  }
  return out;
}

std::string MysqlCatalog::Fingerprint(const TableName& name) {
  std::optional<std::string> sql = Definition(name);
  if (!sql) return "";
  return Identity(name) + "\n" + WithoutAutoIncrement(*sql);
}

}  // namespace godwit::mysql
