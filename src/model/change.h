// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/position.h"
#include "model/row_batch.h"
#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit {

enum class ChangeOp : uint8_t { kInsert, kUpdate, kDelete };

// Rows of one table changed by one event. `before` has the old images (update, delete), `after` the
// new ones (insert, update), each with every column of `table`, absent cells where the log did not
// carry them. Row i of one belongs to row i of the other.
struct RowsChange {
  ChangeOp op = ChangeOp::kInsert;
  TableSchemaPtr table;         // the definition that was in force
  uint64_t schema_version = 0;  // its number in the SchemaHistory
  bool foreign_key_checks = true;
  bool is_cascade = false;  // child rows that a parent's change wrote
  RowBatch before;
  RowBatch after;

  size_t rows() const { return op == ChangeOp::kDelete ? before.rows() : after.rows(); }
  // Whether a new image leaves a column out that its old image does not have either, generated ones
  // aside. The same for all rows: they come from one event.
  bool has_partial_images() const;
};

inline bool RowsChange::has_partial_images() const {
  if (after.empty()) return false;
  for (size_t c = 0; c < after.columns(); ++c) {
    if (!after.is_absent(0, c) || table->columns[c].is_generated()) continue;
    if (op == ChangeOp::kInsert || before.is_absent(0, c)) return true;
  }
  return false;
}

// What a ChangeReader yields. Fragments of several transactions may interleave; after a reconnect
// some come again.
struct Fragment {
  enum class Kind : uint8_t {
    kBegin,
    kRows,
    kDdl,         // a transaction of its own: Begin and Commit surround it
    kSavepoint,   // name in `savepoint`
    kRollbackTo,  // drop what came since that savepoint
    kCommit,
    kRollback,
    kHeartbeat,  // nothing happened up to `position`
  };

  Kind kind = Kind::kHeartbeat;
  std::string transaction;     // identity at the source: GTID, or log position of its begin
  int64_t source_time_us = 0;  // when it happened there, µs since 1970 UTC; commit time on kCommit
  // kCommit, kHeartbeat: where the source's log stands behind this fragment.
  Position position;
  // kCommit, kHeartbeat: where a reader must start again to miss nothing (before the oldest
  // transaction still open).
  Position restart;
  RowsChange rows;
  std::optional<SchemaChange> ddl;  // of kDdl; large, and seldom there
  std::string savepoint;
};

}  // namespace godwit
