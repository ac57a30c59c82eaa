// SPDX-License-Identifier: Apache-2.0
// Any text is parsed without an exception and without end, for any server of the family; what was
// understood is written for OceanBase and for its own server, or refused as not convertible.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/dialect.h"

namespace {

using godwit::SchemaChange;
using godwit::TableSchema;
using godwit::mysql::Flavor;
using godwit::mysql::MysqlDialect;

MysqlDialect DialectOf(Flavor flavor, int version) {
  godwit::mysql::ServerInfo info;
  info.flavor = flavor;
  info.version_number = version;
  info.collations = {"utf8mb4_general_ci", "utf8mb4_bin", "binary"};
  return MysqlDialect(info);
}

void Render(const MysqlDialect& dialect, const SchemaChange& change) {
  static const TableSchema before = godwit::mysql::ParseCreateTable(
      "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20), KEY k (b)) PARTITION BY RANGE (a) "
      "(PARTITION p0 VALUES LESS THAN (10))",
      "d");
  try {
    dialect.Render(change, &before);
    if (change.view) {
      dialect.MapTableNames(change.view->select, "d", [](const auto& name) { return name; });
    }
  } catch (const godwit::Error& error) {
    if (error.code() != "DDL_NOT_CONVERTIBLE") std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const MysqlDialect kDialects[] = {
      DialectOf(Flavor::kMySql, 90700), DialectOf(Flavor::kMySql, 50624),
      DialectOf(Flavor::kMariaDb, 101119), DialectOf(Flavor::kOceanBase, 50725)};
  static constexpr std::string_view kModes[] = {"", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES",
                                                "1048581"};
  if (size < 1) return 0;
  const MysqlDialect& dialect = kDialects[data[0] & 3];
  const std::string_view sql(reinterpret_cast<const char*>(data) + 1, size - 1);
  SchemaChange change = dialect.ParseDdl(sql, "d", kModes[data[0] >> 2 & 3]);
  if (change.kind == SchemaChange::Kind::kUnknown) {
    if (change.problem.empty()) std::abort();
    return 0;
  }
  Render(kDialects[3], change);
  Render(dialect, change);
  return 0;
}
