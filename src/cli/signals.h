// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

namespace godwit {

// Blocks the signals that SignalWatch waits for, in this thread and those it starts.
void BlockSignals();

// Lets them end the process again, at once: for what needs no SignalWatch. Before it starts a
// thread.
void UnblockSignals();

// Turns the first SIGINT or SIGTERM into a stop; a second one ends the process at once, which is as
// safe as a crash is. Waits in a thread of its own: no code runs inside a handler.
class SignalWatch {
 public:
  // `before_exit` runs before a second signal ends the process.
  explicit SignalWatch(std::function<void()> before_exit);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  std::stop_token stop_token() const { return stop_.get_token(); }
  int signal() const { return signal_; }  // the first one, 0 for none

 private:
  void Wait();

  const std::function<void()> before_exit_;
  std::stop_source stop_;
  std::atomic<int> signal_{0};
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

}  // namespace godwit
