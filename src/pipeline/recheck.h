// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "pipeline/capturer.h"
#include "pipeline/compare_pair.h"
#include "pipeline/compare_plan.h"
#include "pipeline/compare_rows.h"
#include "pipeline/link.h"
#include "pipeline/replayer.h"

namespace godwit {

// What the comparer must know of a replay that runs meanwhile. Thread-safe.
class ChangeWatch {
 public:
  virtual ~ChangeWatch() = default;
  // The last sequence of the Log now.
  virtual Sequence Last() = 0;
  // A sequence not below `at_least`, which is in the Log already, such that every read of the
  // source that begins after the return sees all transactions up to it; it may have been proved a
  // while ago. nullopt where the source cannot prove one.
  virtual std::optional<Sequence> Prove(Sequence at_least, std::stop_token stop) = 0;
  // Behind everything that finished reads of the source have seen.
  virtual Position Current() = 0;
  // Waits until everything that finished reads of the source have seen is in the destination.
  virtual void CatchUp(std::stop_token stop) = 0;
  // Calls `rows` for each change of the table with after < sequence ≤ through; true where a change
  // of its definition lies there too.
  virtual bool Visit(Sequence after, Sequence through, const TableName& table,
                     const std::function<void(const RowsChange&)>& rows, std::stop_token stop) = 0;
};

// While a statement of the source runs long, its lock cannot be had, and those who wait for the
// lock hold up its writers: who can do without a proof asks once and gets none (nullopt), who
// cannot asks some times and then throws GLOBAL_LOCK_TIMEOUT.
enum class WithoutProof { kGoesOn, kFails };

// The watch over a link whose flows run. Owns nothing of it.
std::unique_ptr<ChangeWatch> WatchLink(Link& link, Capturer& capturer, Replayer& replayer,
                                       WithoutProof without_proof);

struct Difference {
  enum class Kind { kOnlySource, kOnlyDestination, kDifferent };
  Kind kind = Kind::kDifferent;
  KeyTuple key;                  // empty for a table without key
  std::vector<int> cells;        // kDifferent: which cells differ
  RowBatch source = RowBatch();  // the row there, or no row; both in compared cells
  RowBatch destination = RowBatch();

  // Only what the destination computes differs: no row that is written can change it.
  bool is_computed(const ComparePlan& plan) const {
    return kind == Kind::kDifferent && plan.is_computed(static_cast<size_t>(cells.front()));
  }
};

struct SettleOptions {
  int rounds = 6;
  std::chrono::milliseconds first_wait{100};  // doubled after each round
};

// Judges suspect keys of one table.
//
// With a watch, a round is: mark = the last sequence known; read the source's rows; CatchUp; read
// the destination's rows; last = the last sequence now. A key that is equal now is no difference. A
// key of which the Log holds a change in (mark, last] is looked at again after a wait. Otherwise
// the source's row is that of the mark or older, since a transaction may be in a source's log a
// moment before its reads see it; so the verdict is left to a round with a proved mark, where the
// row is exactly that of the mark, the destination's too, and they differ: a difference. The mark
// may be an older one, which others have had proved: then the key had no change for so much longer.
// If it had one, the next round's mark is not below that. Where the source cannot prove a mark, the
// key must have differed in two rounds without a change since the mark of the first. What no round
// settles is unsettled. Without a watch nothing moves and one round decides.
class Rechecker {
 public:
  struct Outcome {
    std::vector<Difference> differences;
    std::vector<KeyTuple> unsettled;
    uint64_t bytes = 0;
  };

  Rechecker(ComparePair& pair, ChangeWatch* watch, SettleOptions options)
      : pair_(pair), watch_(watch), options_(options) {}

  Outcome Settle(const ComparePlan& plan, std::vector<Suspect> suspects, std::stop_token stop);

 private:
  struct Rows;
  Rows Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys, std::stop_token stop);

  ComparePair& pair_;
  ChangeWatch* watch_;
  const SettleOptions options_;
};

}  // namespace godwit
