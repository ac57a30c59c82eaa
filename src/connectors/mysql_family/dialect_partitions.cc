// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql_family/dialect.h"

namespace godwit::mysql {
namespace {

using Method = Partitioning::Method;

bool IsRange(Method method) { return method == Method::kRange || method == Method::kRangeColumns; }
bool IsList(Method method) { return method == Method::kList || method == Method::kListColumns; }

std::string LevelText(const Partitioning::Level& level) {
  std::string out = level.linear ? "LINEAR " : "";
  switch (level.method) {
    case Method::kRange:
      out += "RANGE";
      break;
    case Method::kRangeColumns:
      out += "RANGE COLUMNS";
      break;
    case Method::kList:
      out += "LIST";
      break;
    case Method::kListColumns:
      out += "LIST COLUMNS";
      break;
    case Method::kHash:
      out += "HASH";
      break;
    case Method::kKey:
      out += "KEY";
      break;
  }
  return out + " (" + level.expression + ")";
}

// p0, p1, …: what the server calls them by itself, so that a number says enough.
bool HasGivenNames(const Partitioning& partitioning) {
  for (size_t i = 0; i < partitioning.partitions.size(); ++i) {
    const Partitioning::Partition& partition = partitioning.partitions[i];
    if (partition.name != "p" + std::to_string(i) || !partition.comment.empty() ||
        !partition.subpartitions.empty()) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string MysqlDialect::Partition(const Partitioning::Partition& partition,
                                    const Partitioning::Level& level) const {
  std::string out = "PARTITION " + Quote(partition.name);
  if (IsRange(level.method)) {
    const bool is_bare = partition.values == "MAXVALUE" && level.method == Method::kRange;
    out += is_bare ? " VALUES LESS THAN MAXVALUE" : " VALUES LESS THAN (" + partition.values + ")";
  } else if (IsList(level.method)) {
    const bool is_default = partition.values == "DEFAULT";
    out += is_default && traits_.flavor == Flavor::kMariaDb
               ? " DEFAULT"
               : " VALUES IN (" + partition.values + ")";
  }
  if (!partition.comment.empty()) out += " COMMENT = " + Literal(partition.comment);
  return out;
}

std::string MysqlDialect::PartitionTree(const Partitioning::Partition& partition,
                                        const Partitioning& whole) const {
  std::string out = Partition(partition, whole.level);
  if (!whole.sub_level || partition.subpartitions.empty()) return out;
  const char* separator = " (";
  for (const Partitioning::Partition& sub : partition.subpartitions) {
    out += separator;
    out += "SUB" + Partition(sub, *whole.sub_level);
    separator = ", ";
  }
  return out + ")";
}

std::string MysqlDialect::Partitions(const Partitioning& partitioning) const {
  std::string out = "PARTITION BY " + LevelText(partitioning.level);
  if (partitioning.sub_level) out += " SUBPARTITION BY " + LevelText(*partitioning.sub_level);
  const Method method = partitioning.level.method;
  if (!IsRange(method) && !IsList(method) && !HasGivenNames(partitioning)) {
    return out + fmt::format(" PARTITIONS {}", std::max<size_t>(partitioning.partitions.size(), 1));
  }
  const char* separator = " (";
  for (const Partitioning::Partition& partition : partitioning.partitions) {
    out += separator + PartitionTree(partition, partitioning);
    separator = ", ";
  }
  return out + ")";
}

}  // namespace godwit::mysql
