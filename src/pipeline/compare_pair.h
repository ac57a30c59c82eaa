// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/retry.h"
#include "endpoint/endpoint.h"

namespace godwit {

// One reader of each side. What is asked of both runs at once, on two threads. A transient error of
// either has both done again over fresh connections. One thread at a time.
class ComparePair {
 public:
  struct Options {
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
  };
  using Task = std::function<void(RowReader& reader, std::stop_token stop)>;

  ComparePair(Endpoint& source, Endpoint& destination, Options options)
      : source_end_(source), destination_end_(destination), options_(std::move(options)) {}

  // Each task begins from nothing whenever it is called. Throws Stopped.
  void Both(const Task& source, const Task& destination, std::stop_token stop);
  void Source(const Task& task, std::stop_token stop) { Both(task, {}, stop); }
  void Destination(const Task& task, std::stop_token stop) { Both({}, task, stop); }

 private:
  void Attempt(const Task& source, const Task& destination, std::stop_token stop);

  Endpoint& source_end_;
  Endpoint& destination_end_;
  const Options options_;
  std::unique_ptr<RowReader> source_;
  std::unique_ptr<RowReader> destination_;
};

}  // namespace godwit
