// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace godwit {

// Threads that live and die together: the first error stops the others; Join waits for all and
// throws that error. The destructor stops and joins. A stop of the parent token stops the group.
// Start and Join belong to the owning thread.
class TaskGroup {
 public:
  explicit TaskGroup(std::stop_token parent = {});
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // `task` ends by returning, by throwing, or with Stopped after its token was stopped.
  void Start(std::string name, std::function<void(std::stop_token)> task);
  void RequestStop() { stop_.request_stop(); }
  std::stop_token stop_token() const { return stop_.get_token(); }
  // Waits for every task; throws the first error. After it the group is empty and reusable only
  // if nothing was stopped.
  void Join();

 private:
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> on_parent_stop_;
  std::vector<std::jthread> threads_;
  Mutex mutex_;
  std::exception_ptr first_error_ GUARDED_BY(mutex_);
};

}  // namespace godwit
