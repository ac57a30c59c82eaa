// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <vector>

#include "base/mutex.h"
#include "metadata/sqlite.h"

namespace godwit {

// Makes writes of many threads durable with few syncs: who comes first writes its own and what
// waits meanwhile in one transaction. Thread-safe.
class GroupCommit {
 public:
  explicit GroupCommit(const std::string& path) : db_(path) {}

  // Runs `write` within a transaction; it is durable on return. May run twice, the first time
  // rolled back. Throws what `write` throws; then nothing of it is stored.
  void Run(const std::function<void(Sqlite&)>& write);

 private:
  struct Waiting {
    const std::function<void(Sqlite&)>* write = nullptr;
    std::exception_ptr error;
    bool is_done = false;
  };

  void CommitAll(const std::vector<Waiting*>& group);
  void CommitOne(Waiting& waiting);
  void Transaction(const std::vector<Waiting*>& group);

  Sqlite db_;  // belongs to the thread that leads
  Mutex mutex_;
  CondVar changed_;
  std::vector<Waiting*> waiting_ GUARDED_BY(mutex_);
  bool has_leader_ GUARDED_BY(mutex_) = false;
};

}  // namespace godwit
