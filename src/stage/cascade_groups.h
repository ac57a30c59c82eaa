// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit {

// How each table is to be copied.
struct CopyPlan {
  std::vector<TableSchemaPtr> keyed;                     // in chunks over its key
  std::vector<std::vector<TableSchemaPtr>> at_snapshot;  // each group from one snapshot
};

// Tables without a key, where changes are followed, go alone from a snapshot: their copy must be
// exact. Tables that cascading foreign keys join, where the source does not log what cascades
// write, go together: from the snapshot on the destination's own live keys write the same. Tables
// whose changes may have partial row images go alone from a snapshot too: from there on every row
// that a change completes is there.
struct CopyTraits {
  bool follows_changes = false;
  bool logs_cascades = false;
  bool logs_full_images = true;
  std::set<TableName> with_partial_images;  // seen in the log, whatever it is set to
};
CopyPlan PlanCopies(const std::vector<TableSchemaPtr>& tables, const CopyTraits& traits);

// The table and those that cascading foreign keys join with it, in either direction; empty where
// none does.
std::set<TableName> JoinedByCascades(const std::vector<TableSchemaPtr>& tables,
                                     const TableName& table);

// Every table a change names, old and new names alike.
std::vector<TableName> TablesOf(const SchemaChange& change);
// Between which names it moves rows: renames, and the tables that exchange a partition.
std::vector<std::pair<TableName, TableName>> MovesOf(const SchemaChange& change);

}  // namespace godwit
