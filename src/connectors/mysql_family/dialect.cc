// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/dialect.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/types.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using IndexKind = IndexSchema::Kind;

// Whether the partitioning is over this column: its name stands in the expression as a word.
bool Mentions(std::string_view expression, const std::string& column) {
  std::vector<Token> tokens = Tokenize(expression, {});
  return std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.IsName() && Lower(token.text) == Lower(column);
  });
}

// An invisible one is made with the table: OceanBase makes a visible one of ADD KEY … INVISIBLE.
bool CanComeLater(const IndexSchema& index) {
  return index.kind == IndexKind::kPlain && !index.invisible;
}

}  // namespace

bool IsPlainDefault(const ColumnSchema& column) {
  const std::vector<Token> tokens = Tokenize(column.default_value->text, {});
  const size_t size = tokens.size() - 1;  // without the end
  const Token& first = tokens[0];
  if (first.Is("current_timestamp")) {
    const bool has_moment =
        column.type.kind == TypeKind::kTimestamp || column.type.kind == TypeKind::kDatetime;
    const bool is_call = size > 2 && tokens[1].IsSymbol('(') && tokens[size - 1].IsSymbol(')');
    const bool has_precision = size == 4 && tokens[2].kind == Token::Kind::kNumber;
    return has_moment && (size == 1 || (is_call && (size == 3 || has_precision)));
  }
  if (first.kind == Token::Kind::kNumber) {
    return size == 1 && (first.text.starts_with("0x") || first.text.starts_with("0b"));
  }
  return size == 2 && (first.Is("b") || first.Is("x")) && tokens[1].kind == Token::Kind::kString &&
         tokens[1].begin == first.end;
}

MysqlDialect::MysqlDialect(const ServerInfo& server)
    : server_(server), traits_(DialectTraits::For(server)) {}

std::string MysqlDialect::Quote(std::string_view identifier) const {
  return Session::Quote(identifier);
}

std::string MysqlDialect::Literal(std::string_view text) const { return Session::Literal(text); }

std::string MysqlDialect::FoldTableName(std::string_view name) const {
  return traits_.lower_case_table_names == 0 ? std::string(name) : FoldedName(name);
}

bool MysqlDialect::HasCollation(std::string_view collation) const {
  return traits_.collations.contains(traits_.CanonicalCollation(collation));
}

std::string MysqlDialect::Charset(std::string_view charset, std::string_view collation) const {
  std::string out;
  if (!charset.empty()) out += " CHARACTER SET " + traits_.CanonicalCharset(charset);
  if (!collation.empty()) out += " COLLATE " + traits_.CanonicalCollation(collation);
  return out;
}

std::string MysqlDialect::CreateDatabase(std::string_view name, std::string_view charset,
                                         std::string_view collation) const {
  return fmt::format("CREATE DATABASE IF NOT EXISTS {}{}", Quote(name),
                     Charset(charset, collation));
}

std::string MysqlDialect::DropTable(const TableName& table) const {
  return "DROP TABLE IF EXISTS " + Quote(table);
}

std::string MysqlDialect::Default(const ColumnSchema& column) const {
  const ColumnSchema::Default& value = *column.default_value;
  if (value.kind == ColumnSchema::Default::Kind::kExpression) {
    return IsPlainDefault(column) ? value.text : "(" + value.text + ")";
  }
  // A number, in changes of older versions of Godwit.
  return column.type.kind == TypeKind::kBit ? value.text : Literal(value.text);
}

std::string MysqlDialect::Column(const ColumnSchema& column) const {
  std::string native = column.native_type;
  std::string reference;
  if (size_t at = native.find(" srid "); at != std::string::npos) {
    reference = " SRID " + native.substr(at + 6);
    native.resize(at);
  }
  std::string out = Quote(column.name) + " " + native;
  if (HasCharset(column.type)) out += Charset(column.charset, column.collation);
  if (column.is_generated()) {
    out += fmt::format(" GENERATED ALWAYS AS ({}) {}", column.generation_expression,
                       column.generated == ColumnSchema::Generated::kStored ? "STORED" : "VIRTUAL");
  }
  // MariaDB takes no nullability for a generated column.
  const bool takes_null = !column.is_generated() || traits_.flavor != Flavor::kMariaDb;
  if (takes_null && !column.nullable) out += " NOT NULL";
  // Without it older servers make a TIMESTAMP NOT NULL.
  if (takes_null && column.nullable && column.type.kind == TypeKind::kTimestamp) out += " NULL";
  if (column.default_value) {
    out += " DEFAULT " + Default(column);
  } else if (column.nullable && !column.is_generated() &&
             column.type.kind == TypeKind::kTimestamp) {
    out += " DEFAULT NULL";
  }
  if (!column.on_update.empty()) out += " ON UPDATE " + column.on_update;
  if (column.auto_increment) out += " AUTO_INCREMENT";
  out += reference;
  if (column.invisible) out += " INVISIBLE";
  if (!column.comment.empty()) out += " COMMENT " + Literal(column.comment);
  return out;
}

std::string MysqlDialect::KeyParts(const IndexSchema& index) const {
  std::string out = "(";
  for (const KeyPart& part : index.parts) {
    if (out.size() > 1) out += ", ";
    out += part.expression.empty() ? Quote(part.column) : "(" + part.expression + ")";
    if (part.prefix_length != 0) out += fmt::format("({})", part.prefix_length);
    if (part.descending) out += " DESC";
  }
  return out + ")";
}

std::string MysqlDialect::Index(const IndexSchema& index) const {
  std::string out;
  switch (index.kind) {
    case IndexKind::kPrimary:
      out = "PRIMARY KEY " + KeyParts(index);
      break;
    case IndexKind::kUnique:
      out = "UNIQUE ";
      break;
    case IndexKind::kFullText:
      out = "FULLTEXT ";
      break;
    case IndexKind::kSpatial:
      out = "SPATIAL ";
      break;
    case IndexKind::kPlain:
      break;
  }
  if (index.kind != IndexKind::kPrimary) {
    out += "KEY ";
    if (!index.name.empty()) out += Quote(index.name) + " ";
    out += KeyParts(index);
  }
  if (!index.parser.empty()) out += " WITH PARSER " + Quote(index.parser);
  if (!index.comment.empty()) out += " COMMENT " + Literal(index.comment);
  if (index.invisible) out += traits_.flavor == Flavor::kMariaDb ? " IGNORED" : " INVISIBLE";
  return out;
}

std::string MysqlDialect::ForeignKey(const ForeignKeySchema& key) const {
  auto list = [&](const std::vector<std::string>& columns) {
    std::string out;
    for (const std::string& column : columns) out += (out.empty() ? "" : ", ") + Quote(column);
    return out;
  };
  std::string out;
  if (!key.name.empty()) out += "CONSTRAINT " + Quote(key.name) + " ";
  out += fmt::format("FOREIGN KEY ({}) REFERENCES {} ({})", list(key.columns),
                     Quote(key.referenced), list(key.referenced_columns));
  if (!key.on_delete.empty()) out += " ON DELETE " + key.on_delete;
  if (!key.on_update.empty()) out += " ON UPDATE " + key.on_update;
  return out;
}

std::string MysqlDialect::Check(const CheckSchema& check) const {
  std::string out;
  if (!check.name.empty()) out += "CONSTRAINT " + Quote(check.name) + " ";
  out += "CHECK (" + check.expression + ")";
  if (!check.enforced) out += " NOT ENFORCED";
  return out;
}

// MariaDB's own names are of one table; those of other servers are of the whole database.
std::string MysqlDialect::CheckName(const std::string& name, const TableName& table) const {
  static constexpr std::string_view kOwn = "CONSTRAINT_";
  const bool is_own = name.starts_with(kOwn) &&
                      name.find_first_not_of("0123456789", kOwn.size()) == std::string::npos;
  if (!is_own || traits_.flavor == Flavor::kMariaDb) return name;
  constexpr size_t kMost = 64;  // of a name; a longer one is left to the server
  std::string whole = table.table + "_" + name;
  return whole.size() > kMost ? "" : whole;
}

// OceanBase wants a unique key to hold every partitioning column, unless it is global.
bool MysqlDialect::IsGlobal(const IndexSchema& index, const TableSchema& table) const {
  if (!traits_.has_global_indexes || !table.partitioning) return false;
  if (index.kind != IndexKind::kUnique) return false;
  std::string expression = table.partitioning->level.expression;
  if (table.partitioning->sub_level) expression += "," + table.partitioning->sub_level->expression;
  return std::any_of(table.columns.begin(), table.columns.end(), [&](const ColumnSchema& column) {
    return Mentions(expression, column.name) &&
           std::none_of(index.parts.begin(), index.parts.end(),
                        [&](const KeyPart& part) { return part.column == column.name; });
  });
}

std::vector<Statement> MysqlDialect::CreateTable(const TableSchema& table,
                                                 const CreateOptions& options) const {
  std::string sql = "CREATE TABLE " + Quote(table.name) + " (";
  const char* separator = "\n  ";
  auto add = [&](const std::string& element) {
    sql += separator + element;
    separator = ",\n  ";
  };
  for (const ColumnSchema& column : table.columns) add(Column(column));
  for (const IndexSchema& index : table.indexes) {
    if (options.defer_plain_indexes && CanComeLater(index)) continue;
    add(Index(index) + (IsGlobal(index, table) ? " GLOBAL" : ""));
  }
  for (const CheckSchema& check : table.checks) add(Check(check));
  if (!options.defer_foreign_keys) {
    for (const ForeignKeySchema& key : table.foreign_keys) add(ForeignKey(key));
  }
  sql += "\n)";
  if (!table.engine.empty()) sql += " ENGINE=" + table.engine;
  if (table.next_auto_increment != 0) {
    sql += fmt::format(" AUTO_INCREMENT={}", table.next_auto_increment);
  }
  if (!table.charset.empty()) sql += " DEFAULT" + Charset(table.charset, table.collation);
  if (!table.comment.empty()) sql += " COMMENT=" + Literal(table.comment);
  if (table.partitioning) sql += " " + Partitions(*table.partitioning);
  return {{Statement::Part::kTable, table.name, "", std::move(sql)}};
}

std::vector<Statement> MysqlDialect::CreateIndexes(const TableSchema& table) const {
  // OceanBase builds one index at a time, with one thread unless it is told otherwise.
  const char* alter =
      traits_.flavor == Flavor::kOceanBase ? "ALTER /*+ PARALLEL(4) */ TABLE" : "ALTER TABLE";
  std::vector<Statement> out;
  for (const IndexSchema& index : table.indexes) {
    if (!CanComeLater(index)) continue;
    out.push_back({Statement::Part::kIndex, table.name, index.name,
                   fmt::format("{} {} ADD {}", alter, Quote(table.name), Index(index))});
  }
  return out;
}

std::vector<Statement> MysqlDialect::CreateForeignKeys(const TableSchema& table) const {
  std::vector<Statement> out;
  for (const ForeignKeySchema& key : table.foreign_keys) {
    out.push_back({Statement::Part::kForeignKey, table.name, key.name,
                   fmt::format("ALTER TABLE {} ADD {}", Quote(table.name), ForeignKey(key))});
  }
  return out;
}

std::vector<Statement> MysqlDialect::CreateView(const ViewSchema& view) const {
  std::string sql = "CREATE OR REPLACE VIEW " + Quote(view.name);
  if (!view.columns.empty()) {
    sql += " (";
    for (size_t i = 0; i < view.columns.size(); ++i) {
      sql += (i == 0 ? "" : ", ") + Quote(view.columns[i]);
    }
    sql += ")";
  }
  sql += " AS " + AdaptExpression(view.select);
  if (!view.check_option.empty()) sql += " WITH " + view.check_option + " CHECK OPTION";
  return {{Statement::Part::kView, view.name, "", std::move(sql)}};
}

SchemaChange MysqlDialect::ParseDdl(std::string_view statement, std::string_view default_database,
                                    std::string_view sql_mode) const {
  return mysql::ParseDdl(statement, {.default_database = default_database, .sql_mode = sql_mode},
                         traits_);
}

}  // namespace godwit::mysql
