// SPDX-License-Identifier: Apache-2.0
#include "base/task_group.h"

#include <pthread.h>

#include <utility>

#include "base/error.h"

namespace godwit {

TaskGroup::TaskGroup(std::stop_token parent)
    : on_parent_stop_(std::move(parent), [this] { stop_.request_stop(); }) {}

TaskGroup::~TaskGroup() {
  stop_.request_stop();
  threads_.clear();
}

void TaskGroup::Start(std::string name, std::function<void(std::stop_token)> task) {
  threads_.emplace_back([this, name = std::move(name), task = std::move(task)] {
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
    try {
      task(stop_.get_token());
    } catch (const Stopped&) {
    } catch (...) {
      MutexLock lock(mutex_);
      if (!first_error_) first_error_ = std::current_exception();
      stop_.request_stop();
    }
  });
}

void TaskGroup::Join() {
  threads_.clear();
  MutexLock lock(mutex_);
  if (first_error_) std::rethrow_exception(std::exchange(first_error_, nullptr));
}

}  // namespace godwit
