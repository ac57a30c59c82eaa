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
  const CellForm form = FormOf(column.type);
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

}  // namespace

std::string MysqlDialect::ScriptHead() const {
  return fmt::format(
      "SET NAMES utf8mb4;\nSET time_zone='+00:00';\n{};\nSET foreign_key_checks=0;\n", kStrictMode);
}

std::string MysqlDialect::ChangeRow(const TableSchema& table, const std::vector<int>& columns,
                                    const std::optional<RowImage>& before,
                                    const std::optional<RowImage>& after) const {
  const std::string name = Dialect::Quote(table.name);
  auto column = [&](size_t i) -> const ColumnSchema& { return table.columns[columns[i]]; };
  const std::vector<int> key = table.identity_columns();
  std::string where;
  for (size_t i = 0; before && i < columns.size(); ++i) {
    where += i == 0 ? " WHERE " : " AND ";
    const std::string quoted = Quote(column(i).name);
    const bool is_key = std::find(key.begin(), key.end(), columns[i]) != key.end();
    AppendOld(where, quoted, column(i), (*before)[i], is_key ? KeyRole::kKey : KeyRole::kOther);
  }
  if (!after) return fmt::format("DELETE FROM {}{} LIMIT 1", name, where);
  std::string names;
  std::string values;
  std::string assignments;
  for (size_t i = 0; i < columns.size(); ++i) {
    const std::string quoted = Quote(column(i).name);
    std::string literal;
    AppendReadable(literal, column(i), (*after)[i]);
    names += (i == 0 ? "" : ",") + quoted;
    values += (i == 0 ? "" : ",") + literal;
    if (before && (*before)[i] == (*after)[i]) continue;
    assignments += (assignments.empty() ? "" : ",") + quoted + "=" + literal;
  }
  if (!before) return fmt::format("INSERT INTO {} ({}) VALUES ({})", name, names, values);
  if (assignments.empty()) return "";
  return fmt::format("UPDATE {} SET {}{} LIMIT 1", name, assignments, where);
}

}  // namespace godwit::mysql
