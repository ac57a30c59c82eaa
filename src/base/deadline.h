// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace godwit {

// A moment until which a wait may last. Monotonic clock.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline In(std::chrono::milliseconds time) { return Deadline(Clock::now() + time); }
  static Deadline Never() { return Deadline(Clock::time_point::max()); }

  bool has_passed() const { return Clock::now() >= at_; }
  Clock::time_point at() const { return at_; }

 private:
  explicit Deadline(Clock::time_point at) : at_(at) {}
  Clock::time_point at_;
};

// Waits until `deadline` or until a stop is asked for; true when it was the stop. For back-off and
// polling intervals, never in place of a condition.
inline bool WaitForStop(std::stop_token stop, Deadline deadline) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  return changed.wait_until(lock, stop, deadline.at(), [&] { return stop.stop_requested(); });
}

}  // namespace godwit
