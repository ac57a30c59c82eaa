// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/mutex.h"
#include "project/run_types.h"

namespace godwit {

// Why orders are refused.
Error ProjectPaused();
Error ProjectEnds();

// Verifications that other processes ask of a run. Its door puts them in; the runner carries them
// out one after another, between stages of its own and while it follows changes. Thread-safe.
class VerifyOrders {
 public:
  struct Status {
    std::string state;  // waiting, running, done
    std::optional<RunOutcome> outcome;
  };
  struct Taken {
    int64_t id = 0;
    VerifyOrder order;
    std::stop_source stop;  // requested when it is called off
  };

  // --- the door ---
  // Throws what Refuse was given, until Accept.
  int64_t Put(VerifyOrder order);
  // Throws REQUEST_INVALID for an order nobody gave.
  Status Look(int64_t id);
  void CallOff(int64_t id);

  // --- the runner ---
  void Accept();
  // Ends all that wait with this error, and all that come from now on.
  void Refuse(const Error& why);
  // nullopt: none came in time.
  std::optional<Taken> Next(Deadline deadline, std::stop_token stop);
  void Finish(int64_t id, RunOutcome outcome);
  // Gives those who asked the time to learn of the end.
  void WaitUntilTold(Deadline deadline);

 private:
  struct Entry {
    VerifyOrder order;
    std::string state = "waiting";
    std::stop_source stop;
    std::optional<RunOutcome> outcome;
    bool is_told = false;
  };

  Entry& Find(int64_t id) REQUIRES_LOCK(mutex_);
  void End(Entry& entry, RunOutcome outcome) REQUIRES_LOCK(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Entry> entries_ GUARDED_BY(mutex_);
  int64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::optional<ErrorFields> refusal_ GUARDED_BY(mutex_);
};

}  // namespace godwit
