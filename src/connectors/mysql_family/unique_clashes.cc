// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql_family/endpoint.h"

namespace godwit::mysql {
namespace {

// The key part as the destination's collation compares it; empty where that cannot be said here.
std::string Compared(const KeyPart& part, const TableSchema& source, const ColumnSchema& there,
                     const ServerInfo& server) {
  const int ordinal = source.FindColumn(part.column);
  if (!part.expression.empty() || ordinal < 0) return "";
  std::string value = Session::Quote(part.column);
  if (source.columns[ordinal].type.is_text()) {
    const bool is_known = std::find(server.collations.begin(), server.collations.end(),
                                    there.collation) != server.collations.end();
    if (!is_known || !there.collation.starts_with("utf8mb4_")) return "";
    value = fmt::format("CONVERT({} USING utf8mb4)", value);
    if (part.prefix_length != 0) value = fmt::format("LEFT({}, {})", value, part.prefix_length);
    return value + " COLLATE " + there.collation;
  }
  return part.prefix_length == 0 ? value : fmt::format("LEFT({}, {})", value, part.prefix_length);
}

// The grouping that shows the clashes of one unique key; empty where no part compares differently.
std::string GroupsOf(const TableSchema& source, const IndexSchema& here, const IndexSchema& there,
                     const TableSchema& destination, const ServerInfo& server) {
  std::string groups;
  std::string not_null;
  bool differs = false;
  for (size_t i = 0; i < here.parts.size(); ++i) {
    const int to = destination.FindColumn(there.parts[i].column);
    const int from = source.FindColumn(here.parts[i].column);
    if (to < 0 || from < 0) return "";
    const std::string part = Compared(here.parts[i], source, destination.columns[to], server);
    if (part.empty()) return "";
    differs = differs || source.columns[from].collation != destination.columns[to].collation;
    groups += (groups.empty() ? "" : ", ") + part;
    not_null +=
        (not_null.empty() ? "" : " AND ") + Session::Quote(here.parts[i].column) + " IS NOT NULL";
  }
  if (!differs) return "";
  const std::string example = Session::Quote(here.parts[0].column);
  return fmt::format(
      "SELECT MIN({}) AS example FROM {}.{} WHERE {} GROUP BY {} HAVING COUNT(*) > 1", example,
      Session::Quote(source.name.database), Session::Quote(source.name.table), not_null, groups);
}

}  // namespace

std::vector<UniqueClash> MysqlEndpoint::FindUniqueClashes(const TableSchemaPtr& source,
                                                          const TableSchemaPtr& destination) {
  std::vector<UniqueClash> out;
  std::unique_ptr<Session> session;
  for (const IndexSchema& here : source->indexes) {
    if (!here.is_unique()) continue;
    auto there = std::find_if(
        destination->indexes.begin(), destination->indexes.end(), [&](const IndexSchema& index) {
          return index.name == here.name && index.parts.size() == here.parts.size();
        });
    if (there == destination->indexes.end()) continue;
    const std::string groups = GroupsOf(*source, here, *there, *destination, server_);
    if (groups.empty()) continue;
    if (!session) session = std::make_unique<Session>(url_, side_, SessionRole::kCatalog);
    std::vector<Row> rows =
        session->Query("SELECT COUNT(*), MIN(example) FROM (" + groups + ") clashes");
    const uint64_t count = std::stoull(rows.at(0).at(0).value_or("0"));
    if (count != 0) out.push_back({here.name, count, rows[0].at(1).value_or("")});
  }
  return out;
}

}  // namespace godwit::mysql
