// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql_family/cell_sql.h"
#include "connectors/mysql_family/dialect.h"

namespace godwit::mysql {
namespace {

enum class KeyRole { kKey, kOther };

// Like AppendLiteral, but fit for an editor: bytes as hexadecimal digits.
void AppendReadable(std::string& out, const ColumnSchema& column,
                    const std::optional<std::string>& cell) {
  const CellForm form = LiteralFormOf(column);
  if (!cell) {
    out += "NULL";
  } else if (form == CellForm::kBytes || form == CellForm::kBit) {
    out += "x'";
    for (unsigned char c : *cell) out += fmt::format("{:02X}", c);
    out += '\'';
  } else {
    AppendLiteral(out, form, *cell);
  }
}

// One column of the old row, byte by byte. For a text key also in the key's own terms, which finds
// the row by its index.
void AppendOld(std::string& out, const std::string& quoted, const ColumnSchema& column,
               const std::optional<std::string>& cell, KeyRole role) {
  if (!cell) {
    out += quoted + " IS NULL";
  } else if (column.type.is_bytes()) {
    out += quoted + "=";
    AppendReadable(out, column, cell);
  } else {
    if (role == KeyRole::kKey && column.type.is_text()) {
      out += quoted + "=";
      AppendReadable(out, column, cell);
      out += " AND ";
    }
    AppendMatch(out, quoted, column, *cell);
  }
}

// One statement for one row; empty where nothing is to be written.
std::string Change(const std::string& name, const std::vector<const ColumnSchema*>& columns,
                   const std::vector<bool>& is_key, const std::optional<RowImage>& before,
                   const std::optional<RowImage>& after) {
  std::string where;
  for (size_t i = 0; before && i < columns.size(); ++i) {
    where += i == 0 ? " WHERE " : " AND ";
    AppendOld(where, Session::Quote(columns[i]->name), *columns[i], (*before)[i],
              is_key[i] ? KeyRole::kKey : KeyRole::kOther);
  }
  if (!after) return fmt::format("DELETE FROM {}{} LIMIT 1", name, where);
  std::string names;
  std::string values;
  std::string assignments;
  bool differs = false;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string quoted = Session::Quote(columns[i]->name);
    std::string literal;
    AppendReadable(literal, *columns[i], (*after)[i]);
    names += (i == 0 ? "" : ",") + quoted;
    values += (i == 0 ? "" : ",") + literal;
    const bool is_equal = before && (*before)[i] == (*after)[i];
    differs = differs || !is_equal;
    // Of a moment that is not set the server makes its own.
    if (is_equal && columns[i]->on_update.empty()) continue;
    assignments += (assignments.empty() ? "" : ",") + quoted + "=" + literal;
  }
  if (!before) return fmt::format("INSERT INTO {} ({}) VALUES ({})", name, names, values);
  if (!differs) return "";
  return fmt::format("UPDATE {} SET {}{} LIMIT 1", name, assignments, where);
}

// The row with a label in the place of each error value of an ENUM that is to be written; nullopt
// where there is none.
std::optional<RowImage> Labelled(const std::vector<const ColumnSchema*>& columns,
                                 const std::optional<RowImage>& before, const RowImage& after) {
  std::optional<RowImage> out;
  for (size_t i = 0; i < columns.size(); ++i) {
    const LogicalType& type = columns[i]->type;
    if (!after[i] || !IsEnumError(FormOf(type), *after[i]) || type.labels.empty()) continue;
    if (before && (*before)[i] == after[i]) continue;
    if (!out) out = after;
    (*out)[i] = type.labels.front();
  }
  return out;
}

}  // namespace

std::string MysqlDialect::ScriptHead() const {
  return fmt::format(
      "SET NAMES utf8mb4;\nSET time_zone='+00:00';\n{};\nSET foreign_key_checks=0;\n", kStrictMode);
}

// An ENUM's error value is refused in strict mode, and any other mode bends what does not fit. So
// the row is written with a label first, in strict mode, and gets nothing but the error value then.
std::string MysqlDialect::ChangeRow(const TableSchema& table, const std::vector<int>& columns,
                                    const std::optional<RowImage>& before,
                                    const std::optional<RowImage>& after) const {
  const std::string name = Dialect::Quote(table.name);
  const std::vector<int> key = table.identity_columns();
  std::vector<const ColumnSchema*> carried;
  std::vector<bool> is_key;
  for (int ordinal : columns) {
    carried.push_back(&table.columns[static_cast<size_t>(ordinal)]);
    is_key.push_back(std::find(key.begin(), key.end(), ordinal) != key.end());
  }
  std::optional<RowImage> labelled;
  if (after) labelled = Labelled(carried, before, *after);
  if (!labelled) return Change(name, carried, is_key, before, after);
  std::string out = Change(name, carried, is_key, before, labelled);
  if (!out.empty()) out += ";\n";
  const std::string last = Change(name, carried, is_key, labelled, after);
  return out + fmt::format("{};\n{};\n{}", kLenientMode, last, kStrictMode);
}

}  // namespace godwit::mysql
