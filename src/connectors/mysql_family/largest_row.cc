// SPDX-License-Identifier: Apache-2.0
// How large the rows of a table are, for the destination's packet limit.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "connectors/mysql_family/endpoint.h"

namespace godwit::mysql {
namespace {

// Rows that cannot be larger need no measuring: every server takes them.
constexpr uint64_t kSmallRow = 1 << 20;
// What a server without a time limit for statements is asked to read through.
constexpr uint64_t kQuicklyRead = 256 << 20;
constexpr uint64_t kOtherColumn = 70;  // a decimal of 65 digits is the longest of the rest

uint64_t LargestCell(const ColumnSchema& column) {
  switch (column.type.kind) {
    case TypeKind::kChar:
    case TypeKind::kVarchar:
      return column.type.length * 4;
    case TypeKind::kText:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      return column.type.length;
    case TypeKind::kJson:
    case TypeKind::kGeometry:
      return uint64_t{4} << 30;
    default:
      return kOtherColumn;
  }
}

uint64_t NumberOf(const std::optional<std::string>& text) {
  uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

}  // namespace

uint64_t MysqlEndpoint::LargestRow(const TableSchemaPtr& table, int seconds) {
  uint64_t largest = 0;
  uint64_t fixed = 0;
  std::string lengths;
  for (const ColumnSchema& column : table->columns) {
    if (column.is_generated()) continue;
    const uint64_t cell = LargestCell(column);
    largest += cell;
    if (cell <= kOtherColumn) {
      fixed += cell;
    } else {
      lengths += fmt::format("{}IFNULL(LENGTH({}),0)", lengths.empty() ? "" : "+",
                             Session::Quote(column.name));
    }
  }
  if (largest <= kSmallRow) return largest;
  Session session(url_, side_, SessionRole::kCatalog);
  const std::string from =
      fmt::format("MAX({}) FROM {}.{}", lengths, Session::Quote(table->name.database),
                  Session::Quote(table->name.table));
  std::string sql;
  if (server_.flavor == Flavor::kMariaDb) {
    sql = fmt::format("SET STATEMENT max_statement_time={} FOR SELECT {}", seconds, from);
  } else if (server_.version_number >= 50708) {
    sql = fmt::format("SELECT /*+ MAX_EXECUTION_TIME({}) */ {}", seconds * 1000, from);
  } else {
    const uint64_t size = NumberOf(session.QueryValue(fmt::format(
        "SELECT data_length FROM information_schema.tables WHERE table_schema={} AND table_name={}",
        Session::Literal(table->name.database), Session::Literal(table->name.table))));
    if (size > kQuicklyRead) return 0;
    sql = "SELECT " + from;
  }
  try {
    return std::max<uint64_t>(1, fixed + NumberOf(session.QueryValue(sql)));
  } catch (const Error& error) {
    if (error.code() == "CONNECTION_LOST") throw;
    return 0;  // not within its time, or not for this account
  }
}

}  // namespace godwit::mysql
