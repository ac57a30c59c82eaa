// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "pipeline/capturer.h"
#include "pipeline/replayer.h"
#include "project/runner.h"
#include "stage/stage.h"

namespace godwit {

// What a run shows of itself. The runner's thread writes, any thread reads.
class RunState {
 public:
  enum class Flow { kCapturing, kReplaying };

  // Lists the stages of the chosen types as pending.
  void Choose(const ProjectSpec& spec);
  void SetState(const std::string& state);
  void SetTransient(const Error* error);
  // `stage` lives until End; null for a flow's way to its readiness.
  void Begin(const std::string& name, const Stage* stage);
  void End(const std::string& name, const std::string& status);
  void Skip(const std::string& name, const std::string& status);
  // Of a stage that is through: what all runs have done.
  void SetRows(const std::string& name, uint64_t rows);
  void SetFlow(Flow flow);
  // These outlive the next Unwatch.
  void Watch(const CaptureCounters* capture, const ReplayCounters* replay, Store* store);
  void SetReplayer(const Replayer* replayer);
  void Unwatch();
  // Called about once a second while something flows: its speed is told from it.
  void Sample();
  ProjectView View() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Entry {
    StageView view;
    const Stage* stage = nullptr;
    Clock::time_point begin;
  };

  Entry& Find(const std::string& name) REQUIRES_LOCK(mutex_);
  static void Refresh(Entry& entry);
  FlowView ReadFlow() const REQUIRES_LOCK(mutex_);

  mutable Mutex mutex_;
  std::string state_ GUARDED_BY(mutex_) = "not_started";
  std::vector<Entry> stages_ GUARDED_BY(mutex_);
  std::optional<ErrorFields> transient_ GUARDED_BY(mutex_);
  const CaptureCounters* capture_ GUARDED_BY(mutex_) = nullptr;
  const ReplayCounters* replay_ GUARDED_BY(mutex_) = nullptr;
  const Replayer* replayer_ GUARDED_BY(mutex_) = nullptr;
  Store* store_ GUARDED_BY(mutex_) = nullptr;
  FlowView last_flow_ GUARDED_BY(mutex_);
  struct Moment {
    Clock::time_point at;
    FlowView flow;
  };
  std::deque<Moment> samples_ GUARDED_BY(mutex_);
  bool capturing_ GUARDED_BY(mutex_) = false;
  bool replaying_ GUARDED_BY(mutex_) = false;
};

// The word and the cause (JSON) that a project is stored with after a run. What only checks or
// compares says nothing of how far a migration is that has begun.
std::pair<std::string, std::string> StateAfter(const ProjectRecord& before, bool has_begun,
                                               const RunOptions& options, const RunOutcome& ended);

}  // namespace godwit
