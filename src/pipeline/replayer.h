// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

#include "base/counter.h"
#include "base/retry.h"
#include "endpoint/catalog.h"
#include "pipeline/blocked.h"
#include "pipeline/capturer.h"
#include "pipeline/copy_job.h"
#include "pipeline/link.h"

namespace godwit {

struct ReplayCounters {
  Counter transactions;
  Counter rows;  // the source's row changes that are in the destination
  Counter bytes;
  Counter source_time_us;  // commit time at the source of the last applied transaction
  Counter latency_us;      // how far the destination is behind, at the last commit or idle moment
};

// LOG_GAP (kBlocked): the Log has lost transactions that the destination does not have.
Error LogGap(const std::string& link);

// The replay flow: reads the Log, maps changes, orders them by the unique values they share,
// applies them over several lanes; DDL is a barrier. Progress is in the lane rows, committed with
// the data. Run belongs to one thread; the other methods may be called from any.
class Replayer {
 public:
  struct Options {
    int lanes = 4;
    bool merge = false;
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
    AskUser ask;
    // Between two looks at what the Log is to forget.
    std::chrono::milliseconds release_interval{10'000};
  };

  // `lanes` is what RaiseEpoch found at the start of this run.
  Replayer(Link& link, Capturer& capturer, std::vector<LaneState> lanes, ReplayCounters& counters,
           Options options);
  ~Replayer();

  // Replays until stopped. The copies of all the link's tables are done; their bounds are in the
  // journal. Throws Stopped, or what cannot be retried.
  void Run(std::stop_token stop);

  // Everything up to here is in the destination.
  Sequence applied() const;
  // Waits until applied() is at least this. Throws Stopped.
  void WaitApplied(Sequence sequence, std::stop_token stop);

  // While it lives nothing is replayed and nothing is in flight. For correction. Made while Run
  // runs; waits for the lanes to drain.
  class Pause {
   public:
    Pause(Replayer& replayer, std::stop_token stop);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Replayer& replayer_;
  };
  // Changes of the table up to this sequence displace again what they clash with (durable on
  // return; under a Pause).
  void DisplaceUpTo(const TableName& source_table, Sequence exit);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace godwit
