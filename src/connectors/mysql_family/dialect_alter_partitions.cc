// SPDX-License-Identifier: Apache-2.0
// AlterRenderer's clauses about partitions.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/dialect_alter.h"
#include "connectors/mysql_family/token_cursor.h"
#include "model/names.h"

namespace godwit::mysql {

std::string AlterRenderer::PartitionClause(const AlterAction& action) {
  std::string names;
  for (const std::string& name : action.names) {
    names += (names.empty() ? "" : ", ") + dialect_.Quote(name);
  }
  switch (action.kind) {
    case Kind::kDropPartitions:
      return "DROP PARTITION " + names;
    case Kind::kTruncatePartitions: {
      if (!action.names.empty()) return "TRUNCATE PARTITION " + names;
      for (const Partitioning::Partition& partition : before_->partitioning->partitions) {
        names += (names.empty() ? "" : ", ") + dialect_.Quote(partition.name);
      }
      return "TRUNCATE PARTITION " + names;
    }
    case Kind::kAddPartitions: {
      if (action.partitions.empty()) {
        return traits_.has_partition_reorganization ? "ADD PARTITION PARTITIONS " + action.text
                                                    : Reorganized(action);
      }
      TableSchema added = *before_;
      added.partitioning->partitions = action.partitions;
      std::vector<DialectNote> notes;
      dialect_.AdaptPartitioning(*added.partitioning, notes);
      std::string list;
      for (const Partitioning::Partition& partition : added.partitioning->partitions) {
        list += list.empty() ? "" : ", ";
        list += dialect_.PartitionTree(partition, *added.partitioning);
      }
      return "ADD PARTITION (" + list + ")";
    }
    default:
      return Reorganized(action);
  }
}

// PARTITION BY as a log of an older version of Godwit holds it.
Partitioning AlterRenderer::Parsed(const std::string& text) const {
  const std::string sql = "ALTER TABLE t " + text;
  TokenCursor cursor(sql, {});
  cursor.Return(5);
  return DefinitionParser(cursor, traits_, "").Partitions();
}

// Moves rows between partitions and changes none. Partitions keep the source's names and bounds, so
// that a later DROP or TRUNCATE of one takes the same rows. Where the server cannot do it piecewise
// the whole table is partitioned anew.
std::string AlterRenderer::Reorganized(const AlterAction& action) {
  if (action.partitioning || action.text.starts_with("PARTITION BY")) {
    std::vector<DialectNote> notes;
    Partitioning partitioning = action.partitioning ? *action.partitioning : Parsed(action.text);
    dialect_.AdaptPartitioning(partitioning, notes);
    return dialect_.Partitions(partitioning);
  }
  if (before_ == nullptr || !before_->partitioning) return "";
  // Without a way to do it, rows stay in partitions that nothing will name again.
  if (action.text == "REMOVE PARTITIONING") {
    return traits_.has_partition_reorganization ? action.text : "";
  }
  if (traits_.has_partition_reorganization) return Native(action);
  Partitioning after = *before_->partitioning;
  auto& list = after.partitions;
  if (action.kind == Kind::kAddPartitions) {
    const uint64_t more = std::strtoull(action.text.c_str(), nullptr, 10);
    for (uint64_t i = 0; i < more; ++i) list.push_back({.name = "p" + std::to_string(list.size())});
  } else if (action.text == "COALESCE PARTITION") {
    if (action.number >= list.size()) Fail("the destination has fewer partitions");
    list.resize(list.size() - action.number);
  } else {
    if (action.names.empty()) return "";
    auto at = std::find_if(list.begin(), list.end(), [&](const auto& partition) {
      return EqualNames(partition.name, action.names[0]);
    });
    if (at == list.end()) Fail("the destination has no partition " + action.names[0]);
    const auto index = at - list.begin();
    std::erase_if(list, [&](const auto& partition) {
      return std::any_of(action.names.begin(), action.names.end(),
                         [&](const std::string& name) { return EqualNames(name, partition.name); });
    });
    list.insert(list.begin() + index, action.partitions.begin(), action.partitions.end());
  }
  std::vector<DialectNote> notes;
  dialect_.AdaptPartitioning(after, notes);
  return dialect_.Partitions(after);
}

std::string AlterRenderer::Native(const AlterAction& action) const {
  if (action.text == "COALESCE PARTITION")
    return fmt::format("COALESCE PARTITION {}", action.number);
  std::string out = "REORGANIZE PARTITION";
  for (size_t i = 0; i < action.names.size(); ++i) {
    out += (i == 0 ? " " : ", ") + dialect_.Quote(action.names[i]);
  }
  const char* separator = " INTO (";
  for (const Partitioning::Partition& partition : action.partitions) {
    out += separator + dialect_.PartitionTree(partition, *before_->partitioning);
    separator = ", ";
  }
  return action.partitions.empty() ? out : out + ")";
}

}  // namespace godwit::mysql
