// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "pipeline/replay_transaction.h"

namespace godwit {

// Whole source transactions that one lane applies in one destination transaction.
struct LaneBatch {
  int lane = 0;
  std::vector<std::unique_ptr<ReplayTransaction>> transactions;

 private:
  friend class LaneScheduler;
  uint64_t id = 0;  // order of creation
  size_t rows = 0;
  size_t bytes = 0;
  bool is_sealed = false;  // taken by its lane, or waited for by another batch
  size_t waits_for = 0;    // batches of other lanes still to be committed
  std::vector<LaneBatch*> dependents;
  std::vector<uint64_t> values;
  std::vector<uint64_t> groups;
};

// Spreads transactions over lanes so that conflicting ones are applied in log order.
//
// A lane runs its batches first in, first out, and takes what its open batch has gathered as soon
// as it is free: a lone transaction goes out at once, under load batches fill up while lanes are
// busy. A transaction that conflicts with
//   nothing in flight       goes to the lane with the least to do;
//   batches of one lane     goes to the end of that lane;
//   batches of several      begins a batch that waits for those of the other lanes to be committed.
// Why conflicting changes keep their order: the later transaction lies in the same lane behind, in
// the same batch behind, or in a batch that waits. A batch begun to wait does so for every conflict
// of its first transaction; one added later conflicts only within its own lane.
// Why no deadlock: a batch waits for batches in front of it in its lane and for those it was begun
// to wait for. Both were begun earlier, so the oldest batch in flight waits for nothing.
// What is in flight is bounded in bytes and in transactions.
//
// Add, Drain and IsIdle belong to one thread, Next and Committed to the lane's.
class LaneScheduler {
 public:
  struct Limits {
    size_t batch_rows = 2000;
    size_t batch_bytes = 2 << 20;
    size_t bytes_in_flight = 48 << 20;
    size_t transactions_in_flight = 4096;
  };

  LaneScheduler(int lanes, const Limits& limits);

  // Waits while too much is in flight. Throws Stopped.
  void Add(std::unique_ptr<ReplayTransaction> transaction, std::stop_token stop);
  // Waits until everything is committed. Throws Stopped.
  void Drain(std::stop_token stop);
  // Nothing is in flight.
  bool IsIdle();

  // The lane's next batch, once it may run; nullptr on stop. It stays the scheduler's.
  LaneBatch* Next(int lane, std::stop_token stop);
  // The lane's batch is in the destination. Frees it.
  void Committed(LaneBatch* batch);

 private:
  struct Group {
    LaneBatch* exclusive = nullptr;
    std::vector<LaneBatch*> sharers;
  };
  using Lane = std::deque<std::unique_ptr<LaneBatch>>;

  std::vector<LaneBatch*> Conflicts(const ConflictKeys& keys) REQUIRES_LOCK(mutex_);
  LaneBatch& Place(const ReplayTransaction& transaction, const std::vector<LaneBatch*>& conflicts)
      REQUIRES_LOCK(mutex_);
  LaneBatch& EndOf(int lane, const ReplayTransaction& transaction) REQUIRES_LOCK(mutex_);
  LaneBatch& NewBatch(int lane) REQUIRES_LOCK(mutex_);
  int LeastBusy() const REQUIRES_LOCK(mutex_);
  void Register(const ConflictKeys& keys, LaneBatch& batch) REQUIRES_LOCK(mutex_);
  void Forget(const LaneBatch& batch) REQUIRES_LOCK(mutex_);

  const Limits limits_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<Lane> lanes_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, LaneBatch*> last_ GUARDED_BY(mutex_);  // to touch each value
  std::unordered_map<uint64_t, Group> groups_ GUARDED_BY(mutex_);
  uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  size_t transactions_ GUARDED_BY(mutex_) = 0;
};

}  // namespace godwit
