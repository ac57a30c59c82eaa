// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/retry.h"
#include "pipeline/capturer.h"
#include "pipeline/compare_pair.h"
#include "pipeline/compare_plan.h"
#include "pipeline/link.h"
#include "pipeline/recheck.h"
#include "pipeline/replayer.h"

namespace godwit {

// Writes the source's rows over those of the destination that verification found missing or
// different. A row without counterpart in the source is left alone, and so is what the destination
// computes.
//
// While changes flow, some keys at a time:
// 1. The replayer is held: everything up to R is in the destination, nothing is in flight.
// 2. A start point is proved at the source: what is read from now on shows every change up to R, so
//    nothing that was replayed already is taken back. R stands still while the replayer is held, so
//    one proof does for all that is read under one hold; and one that was made earlier does, if
//    it is not below the Log's end, which is not below R.
// 3. The rows are read; E is a sequence past everything those reads can have seen. What was read
//    counts only if both definitions are then still those that it was read and will be written by.
// 4. Changes of the table up to E displace what they clash with, durably: those that the reads have
//    seen come once more, the others come for the first time, and the last one before E decides.
// 5. The rows are written in one transaction of a lane of its own. 3 and 4 follow for the next
// ones,
//    until the hold has lasted long enough; then replay goes on and catches up.
//
// Where the source does not log what foreign keys do to rows, nothing may be updated or deleted
// between R and E in any table that they join with this one: replay would find the corrected row
// changed already, and the destination would not cascade, or would cascade to a row that is newer.
// Then replay goes on first; rows that are changed so each time stay as they are.
//
// Writing takes rows out by their key alone, and only such as the source has too; then the source's
// rows are inserted exactly. A unique value that another row holds must be given up by that row:
// where the source has it, it is written in the same transaction, with what it needs in turn; where
// it does not, the first one is not corrected. What the destination refuses is taken apart to the
// single row, which stays as it is.
//
// In a table with columns that nothing is carried to, rows that are there are updated instead: what
// they hold in those columns is nowhere else. So rows that exchange unique values stay as they are.
class Corrector {
 public:
  struct Options {
    int lane = 0;  // not used by replay
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
  };
  // Told of a row that stays as it is, and why.
  using OnRefused = std::function<void(const KeyTuple& key, const Error& why)>;

  // `capturer` and `replayer` are null where nothing is followed.
  Corrector(Link& link, Capturer* capturer, Replayer* replayer, Options options);

  // Throws TABLE_CHANGED where a definition is not the plan's any more, GLOBAL_LOCK_TIMEOUT where a
  // statement at the source is in the proof's way; what is written then stays so.
  void Correct(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
               const OnRefused& on_refused, std::stop_token stop);
  // Rows so far, of all calls.
  uint64_t written() const { return written_; }

 private:
  void Prove(const ComparePlan& plan, std::stop_token stop);
  // As many as are written together, under a hold with a proof.
  void CorrectSome(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                   const OnRefused& on_refused, std::stop_token stop);
  void CheckDefinitions(const ComparePlan& plan, std::stop_token stop);
  RowBatch Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys, std::stop_token stop);
  // Why the rows cannot be written; nothing of them is then.
  std::optional<Error> Try(const ComparePlan& plan, const RowBatch& rows, std::stop_token stop);
  // Throws Disturbed.
  void RefuseCascadesUpTo(Sequence end, std::stop_token stop);
  // The source's rows that hold at the destination what these need, those that hold what those
  // need, and so on: they are written with them. Throws CORRECTION_CLASH (kData) where that cannot
  // be.
  RowBatch Gather(const ComparePlan& plan, const RowBatch& rows, std::stop_token stop);
  // The keys of the destination's rows that have a unique value of these.
  std::vector<KeyTuple> Holders(const ComparePlan& plan, const RowBatch& rows,
                                std::stop_token stop);
  // The same for some of its unique columns' values.
  std::vector<KeyTuple> KeysThere(const WritePlan& write, const std::vector<int>& places,
                                  const std::vector<KeyTuple>& values, std::stop_token stop);
  // Which of these rows, by their encoded keys, the destination has.
  std::set<std::string> FindThere(const ComparePlan& plan, const RowBatch& rows,
                                  std::stop_token stop);
  // One of the holders that the source lacks.
  std::optional<KeyTuple> FindLone(const ComparePlan& plan, const std::vector<KeyTuple>& holders,
                                   const RowBatch& found, std::stop_token stop);
  [[noreturn]] void Refuse(const ComparePlan& plan, const RowBatch& company, const KeyTuple& holder,
                           std::string cause);
  void Write(const ComparePlan& plan, const RowBatch& rows, const RowBatch& company,
             std::stop_token stop);
  void RollBack(const Error& error);

  Link& link_;
  Capturer* capturer_;
  Replayer* replayer_;
  const Options options_;
  ComparePair pair_;
  std::unique_ptr<ChangeWatch> watch_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Catalog> source_;
  std::unique_ptr<Catalog> destination_;
  uint64_t written_ = 0;
  std::set<std::string> hopeless_;  // keys of rows that were met and cannot be written
  std::set<TableName> joined_;      // by cascades that the source does not log
};

}  // namespace godwit
