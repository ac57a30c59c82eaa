// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>

#include "pipeline/lane_writer.h"
#include "pipeline/link.h"
#include "pipeline/replay_tables.h"
#include "pipeline/replay_transaction.h"
#include "store/store.h"

namespace godwit {

// Turns logged transactions into changes of the destination: drops what the copies hold, maps the
// rest by the tables' plans. One thread at a time.
class ReplayMapper {
 public:
  ReplayMapper(Link& link, ReplayTables& tables, const LaneWriter::Options& options);

  // The whole transaction, for the scheduler; its parts may be empty.
  std::unique_ptr<ReplayTransaction> Map(const LoggedTransaction& transaction, LogReader& reader,
                                         std::stop_token stop);
  // Its changes run after run, each read from the Log when it is its turn.
  void Stream(Sequence sequence, const RunVisitor& visit, std::stop_token stop);
  // The definitions it changes, in order.
  std::vector<SchemaChange> SchemaChanges(Sequence sequence, std::stop_token stop);

  // Whether the user gave up a table's changes: the same transactions may then map otherwise when
  // they are read again.
  bool has_left_out() const { return !left_out_.empty(); }
  // Whether an earlier run asked about changes in this transaction: they are left out from the
  // moment of the answer, which may come at any time.
  bool MayLeaveOut(Sequence sequence) const;

 private:
  void ForEachPart(Sequence sequence, const std::function<void(LogPart&)>& visit,
                   std::stop_token stop);
  // False: nothing of this change is for the destination. Its images are taken over.
  bool MapPart(Sequence sequence, RowsChange change, ReplayRows& out, std::stop_token stop);
  std::shared_ptr<const ReplayTable> FindTable(Sequence sequence, const RowsChange& change,
                                               std::stop_token stop);
  bool WasGivenUp(Sequence sequence, const TableName& name);
  // Calls until it returns or the user gives the table's changes up (false).
  bool AskWhileBlocked(Sequence sequence, const TableName& name, const std::function<void()>& call,
                       std::stop_token stop);

  Link& link_;
  ReplayTables& tables_;
  const LaneWriter::Options& options_;
  const std::set<Sequence> asked_;                      // by earlier runs
  std::set<std::pair<Sequence, TableName>> looked_at_;  // of these
  std::set<std::pair<Sequence, TableName>> left_out_;   // the user gave up
};

}  // namespace godwit
