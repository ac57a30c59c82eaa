// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/dialect.h"

#include "connectors/memory/errors.h"
#include "model/change_codec.h"

namespace godwit::memory {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

std::string Encode(std::string words, const SchemaChange& change) {
  SchemaChange bare = change;
  bare.statement.clear();
  std::string bytes;
  AppendEncoded(bytes, bare);
  words += " #";
  for (unsigned char byte : bytes) {
    words.push_back(kHexDigits[byte >> 4]);
    words.push_back(kHexDigits[byte & 15]);
  }
  return words;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string Words(const SchemaChange& change) {
  using Kind = SchemaChange::Kind;
  const std::string name = change.table.ToString();
  switch (change.kind) {
    case Kind::kCreateTable:
      return "create table " + name;
    case Kind::kDropTable:
      return "drop table " + (change.tables.empty() ? name : change.tables[0].ToString());
    case Kind::kTruncateTable:
      return "truncate table " + name;
    case Kind::kRenameTable:
      return "rename table";
    case Kind::kAlterTable:
      return "alter table " + name;
    case Kind::kCreateView:
      return "create view " + name;
    case Kind::kDropView:
      return "drop view";
    case Kind::kCreateDatabase:
      return "create database " + change.table.database;
    case Kind::kDropDatabase:
      return "drop database " + change.table.database;
    case Kind::kAlterDatabase:
      return "alter database " + change.table.database;
    case Kind::kIrrelevant:
    case Kind::kUnknown:
      break;
  }
  return "do";
}

bool IsPlain(const IndexSchema& index) { return !index.is_unique(); }

Statement Alter(const TableSchema& table, Statement::Part part, const std::string& object,
                AlterAction action) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = table.name;
  change.actions.push_back(std::move(action));
  return {part, table.name, object, Encode(Words(change) + " add " + object, change)};
}

}  // namespace

std::string MemoryDialect::Literal(std::string_view text) const {
  std::string out = "'";
  for (char c : text) {
    if (c == '\'') out.push_back(c);
    out.push_back(c);
  }
  return out + "'";
}

// Text compares by its bytes here.
bool MemoryDialect::HasCollation(std::string_view collation) const {
  return collation.empty() || collation == "binary" || collation.ends_with("_bin");
}

std::string MemoryDialect::CreateDatabase(std::string_view name, std::string_view,
                                          std::string_view) const {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateDatabase;
  change.table.database = name;
  return Encode(Words(change), change);
}

std::vector<Statement> MemoryDialect::CreateTable(const TableSchema& table,
                                                  const CreateOptions& options) const {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateTable;
  change.table = table.name;
  change.definition = table;
  change.definition->dialect = family();
  if (options.defer_plain_indexes) std::erase_if(change.definition->indexes, IsPlain);
  if (options.defer_foreign_keys) change.definition->foreign_keys.clear();
  return {{Statement::Part::kTable, table.name, "", Encode(Words(change), change)}};
}

std::vector<Statement> MemoryDialect::CreateIndexes(const TableSchema& table) const {
  std::vector<Statement> out;
  for (const IndexSchema& index : table.indexes) {
    if (!IsPlain(index)) continue;
    AlterAction action;
    action.kind = AlterAction::Kind::kAddIndex;
    action.index = index;
    out.push_back(Alter(table, Statement::Part::kIndex, index.name, std::move(action)));
  }
  return out;
}

std::vector<Statement> MemoryDialect::CreateForeignKeys(const TableSchema& table) const {
  std::vector<Statement> out;
  for (const ForeignKeySchema& key : table.foreign_keys) {
    AlterAction action;
    action.kind = AlterAction::Kind::kAddForeignKey;
    action.foreign_key = key;
    out.push_back(Alter(table, Statement::Part::kForeignKey, key.name, std::move(action)));
  }
  return out;
}

std::vector<Statement> MemoryDialect::CreateView(const ViewSchema& view) const {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateView;
  change.table = view.name;
  change.view = view;
  change.view->dialect = family();
  return {{Statement::Part::kView, view.name, "", Encode(Words(change), change)}};
}

std::string MemoryDialect::DropTable(const TableName& table) const {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kDropTable;
  change.tables = {table};
  return Encode(Words(change), change);
}

std::vector<Statement> MemoryDialect::Render(const SchemaChange& change,
                                             const TableSchema* before) const {
  using Kind = SchemaChange::Kind;
  if (change.kind == Kind::kIrrelevant) return {};
  const bool cannot_tell = change.kind == Kind::kAlterTable && before != nullptr &&
                           !ApplyActions(*before, change.actions);
  if (change.kind == Kind::kUnknown || cannot_tell) {
    throw Error(
        {.code = "DDL_NOT_CONVERTIBLE",
         .kind = ErrorKind::kBlocked,
         .side = Side::kDestination,
         .object = change.table.ToString(),
         .message = "cannot follow: " + change.statement,
         .cause = change.kind == Kind::kUnknown ? change.problem : "its outcome is not known",
         .remedy = "skip it, or do it by hand and mark it as done"});
  }
  const bool is_database = change.kind == Kind::kCreateDatabase ||
                           change.kind == Kind::kDropDatabase ||
                           change.kind == Kind::kAlterDatabase;
  return {{is_database ? Statement::Part::kDatabase : Statement::Part::kAlter, change.table, "",
           Encode(Words(change), change)}};
}

SchemaChange MemoryDialect::ParseDdl(std::string_view statement, std::string_view default_database,
                                     std::string_view) const {
  auto unknown = [&](std::string problem) {
    SchemaChange change;
    change.statement = statement;
    change.default_database = default_database;
    change.problem = std::move(problem);
    return change;
  };
  const size_t mark = statement.rfind('#');
  if (mark == std::string_view::npos) return unknown("it has no encoded part after a '#'");
  const std::string_view digits = statement.substr(mark + 1);
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = HexValue(digits[i]);
    const int low = HexValue(digits[i + 1]);
    if (high < 0 || low < 0) return unknown("its encoded part is not hexadecimal");
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  if (digits.size() % 2 != 0) return unknown("its encoded part is cut off");
  try {
    SchemaChange change = DecodeSchemaChange(bytes);
    change.statement = statement;
    return change;
  } catch (const Error& error) {
    return unknown(error.fields().message);
  }
}

}  // namespace godwit::memory
