// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "endpoint/catalog.h"
#include "endpoint/sink.h"
#include "pipeline/conflict_keys.h"
#include "pipeline/copy_job.h"
#include "pipeline/link.h"
#include "pipeline/table_plan.h"

namespace godwit {

// How replay treats the changes of one source table under one of its definitions. Immutable.
struct ReplayTable {
  std::shared_ptr<const TablePlan> plan;
  std::unique_ptr<const ConflictPlan> conflicts;
  // What the source changed with its checks on is applied with foreign keys live: the destination
  // cascades what the source's log does not say.
  bool has_live_foreign_keys = false;
};

// A source table, of those there are, whose rows go where those of one of `names` do, and which is
// none of them.
std::optional<TableName> OtherOfTheirDestinations(const Link& link,
                                                  const std::vector<TableName>& names);

// In the schema journal's detail of a table that was skipped because another's rows are where its
// own would go: it is left out, although there is a table.
inline constexpr const char* kSharedDestination = "shared";
bool IsLeftOutOfShared(const JournalEntry& entry);

// Finds how to treat a table's changes: its plan against the destination's present definition, and
// where in the log its copy lies. One thread at a time.
class ReplayTables {
 public:
  explicit ReplayTables(Link& link);

  // Reads the copy bounds again and forgets plans: after a DDL, or when the bounds were changed.
  void Refresh();

  // Whether the copy of this source table holds what happened at `sequence`.
  bool IsCopied(const TableName& source, Sequence sequence) const;
  // The same for a database: whether one of its tables was copied at or after `sequence`.
  bool HoldsCopy(const std::string& database, Sequence sequence) const;
  ApplyMode Mode(const TableName& source, Sequence sequence) const;
  // Null for tables that are not selected, or that the user left out of the schema.
  // Throws PLAN_TABLE_MISSING, PLAN_COLUMN_* (kBlocked).
  std::shared_ptr<const ReplayTable> Find(const RowsChange& change);

  // Durable on return.
  void DisplaceUpTo(const TableName& source, Sequence exit);

 private:
  struct LiveKeys {
    uint64_t component = 0;
    std::vector<LiveForeignKey> keys;
  };

  std::shared_ptr<const ReplayTable> Make(const RowsChange& change, const TableMapping& mapping);
  LiveKeys FindLiveKeys(const TableSchema& table);

  Link& link_;
  std::unique_ptr<Catalog> catalog_;
  std::map<TableName, CopyBounds> bounds_;
  std::map<std::pair<TableName, uint64_t>, std::shared_ptr<const ReplayTable>> tables_;
};

}  // namespace godwit
