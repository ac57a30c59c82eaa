// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <vector>

#include "base/mutex.h"
#include "endpoint/sink.h"
#include "model/position.h"

namespace godwit {

// Which transactions of the Log are in the destination: all up to a watermark and some above it.
// Thread-safe.
class ReplayProgress {
 public:
  // As the lane rows say: every lane's `low` holds for all, `done` adds up.
  explicit ReplayProgress(const std::vector<LaneState>& lanes);

  // The merged window that an earlier run left unfinished, if any, with the shares it applied.
  struct OpenWindow {
    Sequence first = 0;
    Sequence last = 0;
    uint32_t shares = 0;
    uint64_t cut = 0;
    std::set<uint32_t> applied;
  };
  const std::optional<OpenWindow>& open_window() const { return open_window_; }

  Sequence applied() const;
  bool IsDone(Sequence sequence) const;
  void Complete(std::span<const Sequence> sequences);
  void CompleteAll(Sequence first, Sequence last);
  // Waits until applied() is at least this. Throws Stopped.
  void WaitApplied(Sequence sequence, std::stop_token stop);

  // The highest watermark that a lane row is known to hold: nothing above may be forgotten.
  Sequence durable() const;
  void NoteDurable(Sequence low);

 private:
  std::optional<OpenWindow> open_window_;
  mutable Mutex mutex_;
  CondVar moved_;
  Sequence applied_ GUARDED_BY(mutex_) = 0;
  Sequence durable_ GUARDED_BY(mutex_) = 0;
  std::set<Sequence> above_ GUARDED_BY(mutex_);
};

}  // namespace godwit
