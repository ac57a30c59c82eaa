// SPDX-License-Identifier: Apache-2.0
#include "pipeline/lane_scheduler.h"

#include <algorithm>

#include "base/error.h"

namespace godwit {

LaneScheduler::LaneScheduler(int lanes, const Limits& limits)
    : limits_(limits), lanes_(static_cast<size_t>(lanes)) {}

void LaneScheduler::Add(std::unique_ptr<ReplayTransaction> transaction, std::stop_token stop) {
  MutexLock lock(mutex_);
  bool has_room = changed_.wait(lock, stop, [&]() REQUIRES_LOCK(mutex_) {
    return transactions_ == 0 || (transactions_ < limits_.transactions_in_flight &&
                                  bytes_ + transaction->bytes <= limits_.bytes_in_flight);
  });
  if (!has_room) throw Stopped();
  LaneBatch& batch = Place(*transaction, Conflicts(transaction->keys));
  Register(transaction->keys, batch);
  batch.rows += transaction->rows;
  batch.bytes += transaction->bytes;
  bytes_ += transaction->bytes;
  ++transactions_;
  transaction->keys = {};
  batch.transactions.push_back(std::move(transaction));
  changed_.notify_all();
}

void LaneScheduler::Drain(std::stop_token stop) {
  MutexLock lock(mutex_);
  if (!changed_.wait(lock, stop, [&]() REQUIRES_LOCK(mutex_) { return transactions_ == 0; }))
    throw Stopped();
}

bool LaneScheduler::IsIdle() {
  MutexLock lock(mutex_);
  return transactions_ == 0;
}

LaneBatch* LaneScheduler::Next(int lane, std::stop_token stop) {
  MutexLock lock(mutex_);
  Lane& queue = lanes_[static_cast<size_t>(lane)];
  bool has_work =
      changed_.wait(lock, stop, [&] { return !queue.empty() && queue.front()->waits_for == 0; });
  if (!has_work || stop.stop_requested()) return nullptr;
  queue.front()->is_sealed = true;
  return queue.front().get();
}

void LaneScheduler::Committed(LaneBatch* batch) {
  std::unique_ptr<LaneBatch> done;  // freed without the lock
  MutexLock lock(mutex_);
  Lane& queue = lanes_[static_cast<size_t>(batch->lane)];
  GODWIT_CHECK(!queue.empty() && queue.front().get() == batch, "a lane commits its front batch");
  done = std::move(queue.front());
  queue.pop_front();
  Forget(*batch);
  for (LaneBatch* dependent : batch->dependents) --dependent->waits_for;
  bytes_ -= batch->bytes;
  transactions_ -= batch->transactions.size();
  changed_.notify_all();
}

std::vector<LaneBatch*> LaneScheduler::Conflicts(const ConflictKeys& keys) {
  std::vector<LaneBatch*> found;
  auto add = [&](LaneBatch* batch) {
    if (batch == nullptr) return;
    if (std::find(found.begin(), found.end(), batch) == found.end()) found.push_back(batch);
  };
  for (uint64_t value : keys.values) {
    auto last = last_.find(value);
    if (last != last_.end()) add(last->second);
  }
  for (uint64_t group : keys.shared) {
    auto known = groups_.find(group);
    if (known != groups_.end()) add(known->second.exclusive);
  }
  for (uint64_t group : keys.exclusive) {
    auto known = groups_.find(group);
    if (known == groups_.end()) continue;
    add(known->second.exclusive);
    for (LaneBatch* sharer : known->second.sharers) add(sharer);
  }
  return found;
}

LaneBatch& LaneScheduler::Place(const ReplayTransaction& transaction,
                                const std::vector<LaneBatch*>& conflicts) {
  if (conflicts.empty()) return EndOf(LeastBusy(), transaction);
  const LaneBatch* newest =
      *std::max_element(conflicts.begin(), conflicts.end(),
                        [](const LaneBatch* a, const LaneBatch* b) { return a->id < b->id; });
  const int lane = newest->lane;
  bool is_one_lane = std::all_of(conflicts.begin(), conflicts.end(),
                                 [&](const LaneBatch* batch) { return batch->lane == lane; });
  if (is_one_lane) return EndOf(lane, transaction);
  LaneBatch& batch = NewBatch(lane);
  for (LaneBatch* earlier : conflicts) {
    if (earlier->lane == lane) continue;
    earlier->is_sealed = true;  // or what comes later would keep this one waiting
    earlier->dependents.push_back(&batch);
    ++batch.waits_for;
  }
  return batch;
}

LaneBatch& LaneScheduler::EndOf(int lane, const ReplayTransaction& transaction) {
  Lane& queue = lanes_[static_cast<size_t>(lane)];
  if (!queue.empty()) {
    LaneBatch& last = *queue.back();
    bool fits = !last.is_sealed && last.rows + transaction.rows <= limits_.batch_rows &&
                last.bytes + transaction.bytes <= limits_.batch_bytes;
    if (fits) return last;
    last.is_sealed = true;
  }
  return NewBatch(lane);
}

LaneBatch& LaneScheduler::NewBatch(int lane) {
  auto batch = std::make_unique<LaneBatch>();
  batch->id = ++last_id_;
  batch->lane = lane;
  Lane& queue = lanes_[static_cast<size_t>(lane)];
  queue.push_back(std::move(batch));
  return *queue.back();
}

int LaneScheduler::LeastBusy() const {
  size_t best = 0;
  size_t best_rows = SIZE_MAX;
  for (size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_[lane].empty()) return static_cast<int>(lane);
    size_t rows = 0;
    for (const auto& batch : lanes_[lane]) rows += batch->rows;
    if (rows >= best_rows) continue;
    best = lane;
    best_rows = rows;
  }
  return static_cast<int>(best);
}

void LaneScheduler::Register(const ConflictKeys& keys, LaneBatch& batch) {
  for (uint64_t value : keys.values) last_[value] = &batch;
  batch.values.insert(batch.values.end(), keys.values.begin(), keys.values.end());
  auto note = [&](uint64_t group) {
    auto& groups = batch.groups;
    if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(group);
  };
  for (uint64_t group : keys.shared) {
    std::vector<LaneBatch*>& sharers = groups_[group].sharers;
    if (std::find(sharers.begin(), sharers.end(), &batch) == sharers.end()) {
      sharers.push_back(&batch);
    }
    note(group);
  }
  for (uint64_t group : keys.exclusive) {
    groups_[group].exclusive = &batch;
    note(group);
  }
}

void LaneScheduler::Forget(const LaneBatch& batch) {
  for (uint64_t value : batch.values) {
    auto last = last_.find(value);
    if (last != last_.end() && last->second == &batch) last_.erase(last);
  }
  for (uint64_t id : batch.groups) {
    auto group = groups_.find(id);
    if (group == groups_.end()) continue;
    std::erase(group->second.sharers, &batch);
    if (group->second.exclusive == &batch) group->second.exclusive = nullptr;
    if (group->second.exclusive == nullptr && group->second.sharers.empty()) groups_.erase(group);
  }
}

}  // namespace godwit
