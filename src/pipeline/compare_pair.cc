// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_pair.h"

#include "base/task_group.h"

namespace godwit {

void ComparePair::Both(const Task& source, const Task& destination, std::stop_token stop) {
  RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      Attempt(source, destination, stop);
    } catch (const Error&) {
      source_.reset();
      destination_.reset();
      throw;
    }
  });
  if (stop.stop_requested()) throw Stopped();
}

void ComparePair::Attempt(const Task& source, const Task& destination, std::stop_token stop) {
  if (source && !source_) source_ = source_end_.OpenRowReader();
  if (destination && !destination_) destination_ = destination_end_.OpenRowReader();
  TaskGroup group(stop);
  // When one side fails the other's running statement is of no use any more.
  std::stop_callback cancel(group.stop_token(), [&] {
    if (source) source_->Cancel();
    if (destination) destination_->Cancel();
  });
  if (source) group.Start("compare-source", [&](auto token) { source(*source_, token); });
  if (destination) {
    group.Start("compare-dest", [&](auto token) { destination(*destination_, token); });
  }
  group.Join();
}

}  // namespace godwit
