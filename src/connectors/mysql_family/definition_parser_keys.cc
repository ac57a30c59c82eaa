// SPDX-License-Identifier: Apache-2.0
// Keys, constraints, and what the server fills in behind a table's text.
#include <strings.h>

#include <algorithm>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using IndexKind = IndexSchema::Kind;

// The order in which the server keeps and shows keys.
int Rank(const IndexSchema& index, const TableSchema& table) {
  if (index.kind == IndexKind::kPrimary) return 0;
  if (index.kind == IndexKind::kFullText) return 4;
  if (index.kind != IndexKind::kUnique) return 3;
  bool is_partial = false;
  for (const KeyPart& part : index.parts) {
    int c = table.FindColumn(part.column);
    if (c < 0 || table.columns[c].nullable) return 2;
    is_partial = is_partial || part.prefix_length != 0;
  }
  return is_partial ? 2 : 1;
}

bool SameName(const std::string& a, const std::string& b) {
  return strcasecmp(a.c_str(), b.c_str()) == 0;
}

void UseStoredName(std::string& name, const TableSchema& table) {
  int c = table.FindColumn(name);
  if (c >= 0) name = table.columns[c].name;
}

}  // namespace

std::string UnusedIndexName(const IndexSchema& index, const std::vector<IndexSchema>& taken) {
  if (index.kind == IndexKind::kPrimary) return "PRIMARY";
  const bool is_functional = index.parts.empty() || index.parts[0].column.empty();
  const std::string base = is_functional ? "functional_index" : index.parts[0].column;
  std::string name = base;
  auto is_taken = [&](const std::string& candidate) {
    return std::any_of(taken.begin(), taken.end(),
                       [&](const IndexSchema& other) { return SameName(other.name, candidate); });
  };
  for (int n = 2; is_taken(name) || SameName(name, "PRIMARY"); ++n) {
    name = base + "_" + std::to_string(n);
  }
  return name;
}

void DefinitionParser::Reference(ForeignKeySchema& key) {
  key.referenced = NameIn(table_database_);
  if (in_.Peek().IsSymbol('(')) {
    for (const KeyPart& part : KeyParts()) key.referenced_columns.push_back(part.column);
  }
  for (;;) {
    if (in_.Accept("match")) {
      in_.Next();
      continue;
    }
    if (!in_.Peek().Is("on")) return;
    if (!in_.Peek(1).Is("delete") && !in_.Peek(1).Is("update")) return;
    in_.Next();
    std::string& action = in_.Next().Is("delete") ? key.on_delete : key.on_update;
    action = Upper(in_.Next().text);
    if (action == "SET" || action == "NO") action += " " + Upper(in_.Next().text);
    // The default, which servers show or leave out as they like.
    if (action == "RESTRICT" || action == "NO ACTION") action.clear();
  }
}

std::vector<KeyPart> DefinitionParser::KeyParts() {
  std::vector<KeyPart> parts;
  in_.ExpectSymbol('(');
  do {
    KeyPart part;
    if (in_.Peek().IsSymbol('(')) {
      part.expression = in_.Parenthesized();
    } else {
      part.column = in_.Name();
      if (in_.AcceptSymbol('(')) {
        part.prefix_length = static_cast<uint32_t>(in_.Number());
        in_.ExpectSymbol(')');
      }
    }
    if (in_.Accept("desc")) {
      part.descending = true;
    } else {
      in_.Accept("asc");
    }
    parts.push_back(std::move(part));
  } while (in_.AcceptSymbol(','));
  in_.ExpectSymbol(')');
  return parts;
}

void DefinitionParser::IndexOptions(IndexSchema& index) {
  for (;;) {
    if (in_.Accept("comment")) {
      in_.AcceptSymbol('=');
      index.comment = in_.String();
    } else if (in_.Accept({"with", "parser"})) {
      index.parser = in_.Name();
      // OceanBase shows its default too.
      if (traits_.flavor == Flavor::kOceanBase && index.parser == "space") index.parser.clear();
    } else if (in_.Accept("invisible") || in_.Accept("ignored")) {
      index.invisible = true;
    } else if (in_.Accept("visible") || in_.Accept({"not", "ignored"})) {
      index.invisible = false;
    } else if (in_.Accept("using") || in_.Accept("type") || in_.Accept("key_block_size") ||
               in_.Accept("block_size") || in_.Accept("engine_attribute") ||
               in_.Accept("secondary_engine_attribute") || in_.Accept("clustering") ||
               in_.Accept("data_table_id") || in_.Accept("index_table_id") ||
               in_.Accept("max_used_part_id")) {
      in_.AcceptSymbol('=');
      in_.Next();
    } else if (in_.Accept("parser_properties")) {
      in_.AcceptSymbol('=');
      in_.SkipOne();
    } else if (!in_.Accept("local") && !in_.Accept("global")) {  // OceanBase
      return;
    }
  }
}

// MySQL before 8.0.16 reads a check and forgets it.
void DefinitionParser::Check(std::string constraint, const std::string& column,
                             TableSchema& table) {
  CheckSchema check{.name = std::move(constraint), .expression = in_.Parenthesized()};
  if (in_.Accept({"not", "enforced"})) check.enforced = false;
  in_.Accept("enforced");
  if (traits_.has_column_checks) check.column = column;
  if (traits_.has_checks) table.checks.push_back(std::move(check));
}

// MariaDB's JSON is a LONGTEXT with a check, unless it was written with another one
// (its manual, "JSON Data Type").
void DefinitionParser::JsonCheck(const ColumnSchema& column, TableSchema& table) const {
  if (traits_.flavor != Flavor::kMariaDb || traits_.version < 100403) return;
  const bool has_check =
      std::any_of(table.checks.begin(), table.checks.end(),
                  [&](const CheckSchema& check) { return check.column == column.name; });
  if (has_check) return;
  table.checks.push_back(
      {.expression = "json_valid(`" + column.name + "`)", .column = column.name});
}

std::string DefinitionParser::CheckNames(const TableName& table) const {
  return traits_.flavor == Flavor::kMariaDb ? "CONSTRAINT_" : table.table + "_chk_";
}

ForeignKeySchema DefinitionParser::ForeignKey(std::string constraint) {
  in_.Accept({"if", "not", "exists"});
  ForeignKeySchema key{.name = std::move(constraint)};
  if (!in_.Peek().IsSymbol('(')) {
    std::string name = in_.Name();
    if (key.name.empty()) key.name = name;
  }
  for (const KeyPart& part : KeyParts()) key.columns.push_back(part.column);
  in_.Expect("references");
  Reference(key);
  return key;
}

bool DefinitionParser::TableElement(TableSchema& table) {
  std::string constraint;
  const size_t before = in_.at();
  if (in_.Accept("constraint")) {
    if (!in_.Peek().Is("primary") && !in_.Peek().Is("unique") && !in_.Peek().Is("foreign") &&
        !in_.Peek().Is("check")) {
      constraint = in_.Name();
    }
  }
  IndexSchema index;
  if (in_.Accept({"primary", "key"})) {
    index.kind = IndexKind::kPrimary;
    index.name = "PRIMARY";
  } else if (in_.Accept("unique")) {
    index.kind = IndexKind::kUnique;
  } else if (in_.Accept("fulltext")) {
    index.kind = IndexKind::kFullText;
  } else if (in_.Accept("spatial")) {
    index.kind = IndexKind::kSpatial;
  } else if (in_.Accept({"foreign", "key"})) {
    table.foreign_keys.push_back(ForeignKey(std::move(constraint)));
    return true;
  } else if (in_.Peek().Is("check") && in_.Peek(1).IsSymbol('(')) {
    in_.Next();
    Check(std::move(constraint), "", table);
    return true;
  } else if ((in_.Peek().Is("key") || in_.Peek().Is("index")) && in_.at() == before) {
    index.kind = IndexKind::kPlain;
  } else {
    in_.Return(before);
    return false;
  }
  if (index.kind != IndexKind::kPrimary) {
    if (!in_.Accept("key")) in_.Accept("index");
    in_.Accept({"if", "not", "exists"});
  }
  if (!in_.Peek().IsSymbol('(') && !in_.Peek().Is("using")) {
    std::string name = in_.Name();
    if (index.kind != IndexKind::kPrimary) index.name = name;
  }
  if (index.name.empty()) index.name = constraint;
  if (in_.Accept("using") || in_.Accept("type")) in_.Next();
  index.parts = KeyParts();
  IndexOptions(index);
  table.indexes.push_back(std::move(index));
  return true;
}

// MySQL manual, "FOREIGN KEY Constraints": other engines parse them, make the index and forget the
// rest. Empty: the server's default one.
bool HasForeignKeys(std::string_view engine) {
  return engine.empty() || EqualNames(engine, "InnoDB") || EqualNames(engine, "NDB") ||
         EqualNames(engine, "NDBCLUSTER");
}

void DefinitionParser::FinishTable(TableSchema& table) {
  SettleCharsets(table);
  SettleTimestamps(table);
  SettleKeys(table);
  AddForeignKeyIndexes(table);
  if (!HasForeignKeys(table.engine)) table.foreign_keys.clear();
  std::stable_sort(
      table.indexes.begin(), table.indexes.end(),
      [&](const IndexSchema& a, const IndexSchema& b) { return Rank(a, table) < Rank(b, table); });
  NameConstraints(table);
}

// MySQL manual, explicit_defaults_for_timestamp=OFF: without NULL a TIMESTAMP is NOT NULL; without
// a default the table's first one has the time of each write, and the others zero.
void FillTimestamp(ColumnSchema& column, TimestampRank rank) {
  using Kind = ColumnSchema::Default::Kind;
  if (column.nullable || column.default_value) return;
  if (rank != TimestampRank::kFirst || !column.on_update.empty()) {
    column.default_value = {Kind::kLiteral, "0000-00-00 00:00:00"};
    return;
  }
  const std::string fsp = column.type.fsp == 0 ? "" : "(" + std::to_string(column.type.fsp) + ")";
  column.on_update = "CURRENT_TIMESTAMP" + fsp;
  column.default_value = {Kind::kExpression, column.on_update};
}

void DefinitionParser::SettleTimestamps(TableSchema& table) const {
  if (traits_.explicit_timestamps) return;
  TimestampRank rank = TimestampRank::kFirst;
  for (ColumnSchema& column : table.columns) {
    if (column.type.kind != TypeKind::kTimestamp || column.is_generated()) continue;
    FillTimestamp(column, rank);
    rank = TimestampRank::kLater;
  }
}

void DefinitionParser::SettleKeys(TableSchema& table) const {
  std::vector<IndexSchema> named;
  for (IndexSchema& index : table.indexes) {
    for (KeyPart& part : index.parts) {
      int c = table.FindColumn(part.column);
      if (c < 0) continue;
      ColumnSchema& column = table.columns[c];
      part.column = column.name;
      bool has_length =
          column.type.kind == TypeKind::kChar || column.type.kind == TypeKind::kVarchar ||
          column.type.kind == TypeKind::kBinary || column.type.kind == TypeKind::kVarbinary;
      if (has_length && part.prefix_length == column.type.length) part.prefix_length = 0;
      if (index.kind == IndexKind::kSpatial) part.prefix_length = 0;  // 5.6 shows an internal one
      if (index.kind == IndexKind::kPrimary) column.nullable = false;
    }
    if (index.name.empty()) index.name = UnusedIndexName(index, named);
    named.push_back(index);
  }
}

void DefinitionParser::AddForeignKeyIndexes(TableSchema& table) const {
  for (ForeignKeySchema& key : table.foreign_keys) {
    for (std::string& column : key.columns) UseStoredName(column, table);
    bool is_covered =
        std::any_of(table.indexes.begin(), table.indexes.end(),
                    [&](const IndexSchema& index) { return Covers(index, key.columns); });
    if (is_covered) continue;
    IndexSchema index;
    for (const std::string& column : key.columns) index.parts.push_back({.column = column});
    index.name = key.name.empty() ? UnusedIndexName(index, table.indexes) : key.name;
    table.indexes.push_back(std::move(index));
  }
}

// As InnoDB and the server name them: t_ibfk_1, t_chk_1; MariaDB CONSTRAINT_1. A column's own check
// has no name.
void DefinitionParser::NameConstraints(TableSchema& table) const {
  auto next = [&](const std::string& base, const auto& list) {
    for (int n = 1;; ++n) {
      std::string name = base + std::to_string(n);
      bool is_taken = std::any_of(list.begin(), list.end(),
                                  [&](const auto& item) { return SameName(item.name, name); });
      if (!is_taken) return name;
    }
  };
  for (ForeignKeySchema& key : table.foreign_keys) {
    if (key.name.empty()) key.name = next(table.name.table + "_ibfk_", table.foreign_keys);
  }
  for (CheckSchema& check : table.checks) {
    if (!check.name.empty() || !check.column.empty()) continue;
    check.name = next(CheckNames(table.name), table.checks);
  }
}

}  // namespace godwit::mysql
