// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "endpoint/sink.h"
#include "model/position.h"
#include "pipeline/conflict_keys.h"
#include "pipeline/replay_tables.h"
#include "pipeline/table_plan.h"
#include "store/store.h"

namespace godwit {

// Rows of one table that one event changed, in the destination's terms.
struct ReplayRows {
  std::shared_ptr<const ReplayTable> table;
  ApplyMode mode = ApplyMode::kExact;
  ForeignKeys foreign_keys = ForeignKeys::kOff;
  MappedChange change;
};

// Whether a transaction is small enough to be held; larger ones are streamed through one lane.
inline bool IsHeld(const LoggedTransaction& transaction) {
  constexpr uint64_t kBytes = 16 << 20;
  constexpr uint64_t kRows = 50'000;
  return transaction.bytes <= kBytes && transaction.rows <= kRows;
}

// One source transaction, mapped; small enough to be held in memory.
struct ReplayTransaction {
  Sequence sequence = 0;
  int64_t source_time_us = 0;
  std::vector<ReplayRows> parts;
  size_t rows = 0;
  size_t bytes = 0;
  bool has_live_foreign_keys = false;  // for some of its changes
  ConflictKeys keys;
};

// Changes of one or more transactions in log order, cut where the way they are applied changes.
struct ChangeRun {
  std::span<const RowChange> changes;
  ApplyMode mode = ApplyMode::kExact;
  ForeignKeys foreign_keys = ForeignKeys::kOff;
};
using RunVisitor = std::function<void(const ChangeRun&)>;

// Gathers references to rows and hands them on as runs of at most `max_rows`.
class RunBuilder {
 public:
  RunBuilder(size_t max_rows, const RunVisitor& visit) : max_rows_(max_rows), visit_(visit) {}

  void Add(const ReplayRows& rows) {
    if (rows.mode != mode_ || rows.foreign_keys != foreign_keys_) Flush();
    mode_ = rows.mode;
    foreign_keys_ = rows.foreign_keys;
    for (size_t i = 0; i < rows.change.ops.size(); ++i) {
      changes_.push_back({.plan = &rows.table->plan->write(),
                          .op = rows.change.ops[i],
                          .before = &rows.change.before,
                          .before_row = i,
                          .after = &rows.change.after,
                          .after_row = i});
      if (changes_.size() >= max_rows_) Flush();
    }
  }
  void Flush() {
    if (!changes_.empty()) visit_({changes_, mode_, foreign_keys_});
    changes_.clear();
  }

 private:
  const size_t max_rows_;
  const RunVisitor& visit_;
  ApplyMode mode_ = ApplyMode::kExact;
  ForeignKeys foreign_keys_ = ForeignKeys::kOff;
  std::vector<RowChange> changes_;
};

}  // namespace godwit
