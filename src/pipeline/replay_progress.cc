// SPDX-License-Identifier: Apache-2.0
#include "pipeline/replay_progress.h"

#include <algorithm>

#include "base/error.h"

namespace godwit {

ReplayProgress::ReplayProgress(const std::vector<LaneState>& lanes) {
  for (const LaneState& lane : lanes) applied_ = std::max(applied_, lane.progress.low);
  durable_ = applied_;
  for (const LaneState& lane : lanes) Complete(lane.progress.done);
  // Windows follow one another: only the last one can be unfinished.
  std::map<Sequence, OpenWindow> windows;
  for (const LaneState& lane : lanes) {
    for (const AppliedShare& share : lane.progress.shares) {
      OpenWindow& window = windows[share.first];
      window.first = share.first;
      window.last = share.last;
      window.shares = share.shares;
      window.cut = share.cut;
      window.applied.insert(share.share);
    }
  }
  for (auto& [first, window] : windows) {
    if (window.last <= applied_) continue;
    if (window.applied.size() == window.shares) {
      CompleteAll(window.first, window.last);
    } else {
      GODWIT_CHECK(!open_window_, "one merged window is applied at a time");
      open_window_ = std::move(window);
    }
  }
}

Sequence ReplayProgress::applied() const {
  MutexLock lock(mutex_);
  return applied_;
}

bool ReplayProgress::IsDone(Sequence sequence) const {
  MutexLock lock(mutex_);
  return sequence <= applied_ || above_.contains(sequence);
}

void ReplayProgress::Complete(std::span<const Sequence> sequences) {
  MutexLock lock(mutex_);
  for (Sequence sequence : sequences) {
    if (sequence > applied_) above_.insert(sequence);
  }
  const Sequence before = applied_;
  while (!above_.empty() && *above_.begin() == applied_ + 1) {
    ++applied_;
    above_.erase(above_.begin());
  }
  if (applied_ != before) moved_.notify_all();
}

void ReplayProgress::WaitApplied(Sequence sequence, std::stop_token stop) {
  MutexLock lock(mutex_);
  if (!moved_.wait(lock, stop, [&]() REQUIRES_LOCK(mutex_) { return applied_ >= sequence; }))
    throw Stopped();
}

void ReplayProgress::CompleteAll(Sequence first, Sequence last) {
  std::vector<Sequence> all;
  for (Sequence sequence = first; sequence <= last; ++sequence) all.push_back(sequence);
  Complete(all);
}

Sequence ReplayProgress::durable() const {
  MutexLock lock(mutex_);
  return durable_;
}

void ReplayProgress::NoteDurable(Sequence low) {
  MutexLock lock(mutex_);
  durable_ = std::max(durable_, low);
}

}  // namespace godwit
