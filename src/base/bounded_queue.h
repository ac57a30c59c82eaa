// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace godwit {

// Passes work between threads with back-pressure: Push waits while the queued weight (bytes, rows,
// whatever the caller counts) is at its limit; one item always fits. Safe for any number of
// producers and consumers. Every wait ends on stop.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t max_weight) : max_weight_(max_weight) {}

  // False when stopped or closed; the item is then dropped.
  bool Push(T item, size_t weight, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop,
                       [&] { return closed_ || weight_ == 0 || weight_ < max_weight_; }))
      return false;
    if (closed_) return false;
    items_.emplace_back(std::move(item), weight);
    weight_ += weight;
    changed_.notify_all();
    return true;
  }

  // Empty when stopped, or when closed and drained.
  std::optional<T> Pop(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return closed_ || !items_.empty(); })) return {};
    if (items_.empty()) return {};
    T item = std::move(items_.front().first);
    weight_ -= items_.front().second;
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

  // No more pushes; what is queued can still be popped.
  void Close() {
    std::unique_lock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  size_t weight() const {
    std::unique_lock lock(mutex_);
    return weight_;
  }

 private:
  const size_t max_weight_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::pair<T, size_t>> items_;
  size_t weight_ = 0;
  bool closed_ = false;
};

}  // namespace godwit
