// SPDX-License-Identifier: Apache-2.0
#include "project/verify_orders.h"

#include <fmt/format.h>

#include <algorithm>

namespace godwit {
namespace {

constexpr size_t kRememberedOrders = 64;

}  // namespace

Error ProjectPaused() {
  return Error({.code = "PROJECT_PAUSED",
                .kind = ErrorKind::kBlocked,
                .message = "the project is paused; nothing is compared",
                .cause = "the changes that wait in its log would look like differences",
                .remedy = "'godwit project resume NAME', then compare again"});
}

Error ProjectEnds() {
  return Error({.code = "PROJECT_ENDED",
                .kind = ErrorKind::kTransient,
                .message = "the process that runs the project is about to end",
                .cause = "it is through, or was told to stop",
                .remedy = "ask again: the command then does the work itself"});
}

int64_t VerifyOrders::Put(VerifyOrder order) {
  MutexLock lock(mutex_);
  if (refusal_) throw Error(*refusal_);
  while (entries_.size() >= kRememberedOrders && entries_.begin()->second.state == "done") {
    entries_.erase(entries_.begin());
  }
  entries_[++last_id_].order = std::move(order);
  changed_.notify_all();
  return last_id_;
}

VerifyOrders::Entry& VerifyOrders::Find(int64_t id) {
  const auto found = entries_.find(id);
  if (found != entries_.end()) return found->second;
  throw Error({.code = "REQUEST_INVALID",
               .kind = ErrorKind::kBlocked,
               .message = fmt::format("this run was not asked for a verification {}", id),
               .cause = "another process has begun to run the project meanwhile",
               .remedy = "ask for the verification again"});
}

VerifyOrders::Status VerifyOrders::Look(int64_t id) {
  MutexLock lock(mutex_);
  Entry& entry = Find(id);
  if (entry.outcome) {
    entry.is_told = true;
    changed_.notify_all();
  }
  return {entry.state, entry.outcome};
}

void VerifyOrders::CallOff(int64_t id) {
  std::stop_source stop(std::nostopstate);
  {
    MutexLock lock(mutex_);
    Entry& entry = Find(id);
    if (entry.state == "waiting") End(entry, {.status = "interrupted"});
    entry.is_told = true;
    stop = entry.stop;
    changed_.notify_all();
  }
  stop.request_stop();  // its callbacks may come back here
}

void VerifyOrders::Accept() {
  MutexLock lock(mutex_);
  refusal_.reset();
}

void VerifyOrders::Refuse(const Error& why) {
  MutexLock lock(mutex_);
  refusal_ = why.fields();
  for (auto& [id, entry] : entries_) {
    if (entry.state == "waiting") End(entry, {.status = "failed", .error = why.fields()});
  }
}

std::optional<VerifyOrders::Taken> VerifyOrders::Next(Deadline deadline, std::stop_token stop) {
  MutexLock lock(mutex_);
  auto waiting = [&]() REQUIRES_LOCK(mutex_) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [](const auto& entry) { return entry.second.state == "waiting"; });
  };
  const bool is_there = changed_.wait_until(lock, stop, deadline.at(), [&]() REQUIRES_LOCK(mutex_) {
    return waiting() != entries_.end();
  });
  if (!is_there) return {};
  auto& [id, entry] = *waiting();
  entry.state = "running";
  return Taken{id, entry.order, entry.stop};
}

void VerifyOrders::End(Entry& entry, RunOutcome outcome) {
  entry.state = "done";
  entry.outcome = std::move(outcome);
}

void VerifyOrders::Finish(int64_t id, RunOutcome outcome) {
  MutexLock lock(mutex_);
  End(Find(id), std::move(outcome));
}

void VerifyOrders::WaitUntilTold(Deadline deadline) {
  MutexLock lock(mutex_);
  changed_.wait_until(lock, std::stop_token(), deadline.at(), [&]() REQUIRES_LOCK(mutex_) {
    return std::all_of(entries_.begin(), entries_.end(),
                       [](const auto& entry) { return entry.second.is_told; });
  });
}

}  // namespace godwit
