// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "endpoint/dialect.h"
#include "model/change.h"
#include "model/position.h"
#include "model/row_batch.h"

namespace godwit {

// A lane's share of a merged window of transactions. Built again from (first, last, shares) the
// window is cut the same way, which `cut` proves: after a crash only the missing shares are
// applied.
struct AppliedShare {
  Sequence first = 0;
  Sequence last = 0;
  uint32_t shares = 0;  // into how many the window was cut
  uint32_t share = 0;   // which of them this is
  uint64_t cut = 0;     // a digest of which change went into which share

  bool operator==(const AppliedShare&) const = default;
};

// The exact progress of one lane, committed with the data it speaks of.
struct LaneProgress {
  Sequence low = 0;                  // everything up to here is in the destination, by any lane
  std::vector<Sequence> done;        // sequences above `low` that this lane has applied, rising
  std::vector<AppliedShare> shares;  // of windows that end above `low`
  std::vector<uint64_t> chunks;  // chunk ids this lane has loaded that the journal may not know yet

  // Compact text for the lane row: "low=7;done=9-12,15;shares=20-31/4:2#77;chunks=3"; empty text
  // is no progress yet. Decode throws CORRUPT_BYTES.
  std::string Encode() const;
  static LaneProgress Decode(std::string_view text);
  bool operator==(const LaneProgress&) const = default;
};

struct LaneState {
  int lane = 0;
  LaneProgress progress;
};

// How rows of one table are written: destination definition and the columns given, in the order of
// the batches' cells. `key` are ordinals within `columns` that identify a row (empty: keyless, the
// whole image does); `unique_keys` the same for every unique index, the identity included, that
// lies wholly within `columns` (used to displace, but for `own_uniques`).
struct WritePlan {
  TableSchemaPtr table;
  std::vector<int> columns;  // ordinals of table->columns, never generated ones
  std::vector<int> key;
  std::vector<std::vector<int>> unique_keys;
  // Places of texts that the two sides compare differently. What only the destination calls equal
  // is another row, which a write must neither displace nor change: in a key these are found by
  // their bytes, or, `case_texts`, also in other letters of ASCII, which the source too calls
  // equal.
  std::vector<int> byte_texts;
  std::vector<int> case_texts;
  // Ordinals of table->indexes: unique ones that the source does not have. Who shares a value with
  // another row in them is another row, which a write must not displace.
  std::vector<int> own_uniques = {};
};

// One row change, as references into batches that outlive the call.
struct RowChange {
  const WritePlan* plan = nullptr;
  ChangeOp op = ChangeOp::kInsert;
  const RowBatch* before = nullptr;
  size_t before_row = 0;
  const RowBatch* after = nullptr;
  size_t after_row = 0;
};

// kExact: a clash or a missing row is an error (CHANGE_ROW_MISSING, CHANGE_ROW_EXISTS, kData).
// kDisplace: the after-image displaces every row it clashes with on any unique key; a delete of a
// missing row does nothing. (Up to the exit point of the copy.)
enum class ApplyMode { kExact, kDisplace };

// Whether the destination's own foreign keys are live for changes: checked, and cascading. On only
// for tables whose cascades the source does not log, and for what it changed with its own checks
// on.
enum class ForeignKeys { kOff, kLive };

// One lane into a destination: one connection, one lane row. One thread at a time. Rows and changes
// are in the destination's terms.
class Sink {
 public:
  virtual ~Sink() = default;

  // Creates the lane table where missing, and rows for lanes 0..lanes-1 of `link`; raises the epoch
  // of all of the link's lanes (also those above `lanes`), which waits for their transactions and
  // statements in flight (a connector may end the latter), and returns the new epoch with every
  // lane's progress.
  struct Fence {
    uint64_t epoch = 0;
    std::vector<LaneState> lanes;
  };
  virtual Fence RaiseEpoch(const std::string& link, int lanes) = 0;
  // Which lane this sink is. Must precede Begin.
  virtual void Attach(const std::string& link, int lane, uint64_t epoch) = 0;

  // Opens a transaction whose first statement updates the lane row to `progress`, which holds once
  // Commit returns. Throws FENCED (kBlocked) if the epoch is no longer ours.
  virtual void Begin(const LaneProgress& progress) = 0;
  // Rows read by the copy; foreign keys are off. kDisplace on a clash. After an error some of them
  // may be there.
  virtual void Load(const WritePlan& plan, const RowBatch& rows) = 0;
  // Within the open transaction: RollbackToSavepoint undoes what came after the latest Savepoint,
  // also after a statement of it has failed.
  virtual void Savepoint() = 0;
  virtual void RollbackToSavepoint() = 0;
  // In this order as far as they touch the same unique values; the sink may regroup. Cells of an
  // after-image may be absent (update: the column keeps its value, and a missing row is
  // an error in either mode; insert: the column's default). Changes of keyless tables match the
  // whole before-image, one row each.
  virtual void Apply(std::span<const RowChange> changes, ApplyMode mode,
                     ForeignKeys foreign_keys) = 0;
  // After a lost connection during COMMIT: reconnects, locks the lane row, reads it, and returns
  // normally if it says `progress`, else throws the transient error; Stopped when stopped
  // meanwhile.
  virtual void Commit(std::stop_token stop) = 0;
  virtual void Rollback() = 0;

  // Outside of transactions; `sql` is one statement of the dialect. Checks the fence first. Throws
  // Stopped when stopped meanwhile, where the statement does not end within seconds: the server may
  // go on with it then. Callers that send many look for a stop themselves.
  virtual void Execute(const Statement& statement, std::stop_token stop) = 0;
  enum class Leftover {
    kStatements,  // by the link's name
    kTasksToo,    // what OceanBase goes on with after them, which does not say whose it is
  };
  // A server may go on with a statement whose connection is gone. Returns once none that any sink
  // of this link has sent can take effect any more; throws STATEMENT_RUNNING (kTransient) while one
  // can.
  virtual void AwaitStatements(Leftover what) = 0;

  // Removes the lane rows of a released link.
  virtual void Forget(const std::string& link) = 0;
  // The destination's own sign of overload, 0 (idle) to 1 (stop sending); cheap, cached.
  virtual double Pressure() = 0;
  virtual uint64_t bytes_written() const = 0;
};

}  // namespace godwit
