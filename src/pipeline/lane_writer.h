// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/retry.h"
#include "pipeline/blocked.h"
#include "pipeline/lane_scheduler.h"
#include "pipeline/link.h"
#include "pipeline/replay_progress.h"
#include "pipeline/replay_transaction.h"

namespace godwit {

// One lane's hand on the destination: applies transactions together with the progress they make,
// again after transient errors, and down to the single row where one cannot go. A row of a table
// without a key is not tried against an answer of an earlier run: where it was written by hand,
// nothing would tell that it is there. One thread at a time. Owns its Sink.
class LaneWriter {
 public:
  struct Options {
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
    AskUser ask;
  };

  // `found`: what the lane row held when the epoch was raised.
  LaneWriter(Link& link, int lane, const LaneProgress& found, ReplayProgress& progress,
             const Options& options);

  // Throws Stopped, or an error that ends the run.
  void ApplyBatch(const LaneBatch& batch, std::stop_token stop);

  // Calls the visitor with the transaction's changes, run after run, the same each time it is
  // asked.
  using Runs = std::function<void(const RunVisitor&)>;
  // Applies one transaction of any length in one destination transaction, without holding it. A row
  // that cannot go is shown to the user, who says whether it is tried again or left out.
  void ApplyRuns(Sequence sequence, const Runs& runs, std::stop_token stop);
  // The same for a share of a merged window; the window's transactions are not complete by it.
  void ApplyShare(const AppliedShare& share, const Runs& runs, std::stop_token stop);
  // `write` fills the destination transaction that commits `done`.
  void Commit(const LaneProgress& done, const std::function<void(Sink&)>& write,
              std::stop_token stop);
  // Makes durable what all lanes have applied.
  void SaveProgress(std::stop_token stop);
  // Outside of transactions; transient errors are the caller's.
  void Execute(const Statement& statement, std::stop_token stop);
  // Sink::AwaitStatements, tasks too.
  void AwaitStatements();

  // Drops the connection: another sink was attached to the lane meanwhile.
  void Disconnect() { sink_.reset(); }

  // This lane's progress once these are in the destination too.
  LaneProgress With(std::span<const Sequence> sequences);

 private:
  struct Attempt;

  Sink& OpenSink();
  void Ask(const std::function<void(Sink&)>& call);
  void RollBack();
  void CommitOnce(const LaneProgress& done, const std::function<void(Sink&)>& write,
                  std::stop_token stop);
  void ApplyCarefully(LogSpan span, const std::function<LaneProgress()>& done, const Runs& runs,
                      std::stop_token stop);
  bool TryBatch(const LaneBatch& batch, std::stop_token stop);
  std::vector<AskedRow> AskedIn(LogSpan span) const;
  void ObeyGiven(const ChangeRun& run, Attempt& attempt) const;
  void ApplyRun(Sink& sink, const ChangeRun& run, Attempt& attempt);
  void AskAbout(Attempt& attempt, const Error& error, std::stop_token stop);

  Link& link_;
  const int lane_;
  ReplayProgress& progress_;
  const Options& options_;
  std::unique_ptr<Sink> sink_;
  std::set<Sequence> done_;            // this lane's, above the watermark
  std::vector<AppliedShare> shares_;   // this lane's, of windows that end above the watermark
  const std::vector<AskedRow> asked_;  // by earlier runs; nearly always empty
};

}  // namespace godwit
