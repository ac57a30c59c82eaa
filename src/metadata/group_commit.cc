// SPDX-License-Identifier: Apache-2.0
#include "metadata/group_commit.h"

#include "base/error.h"

namespace godwit {

void GroupCommit::Run(const std::function<void(Sqlite&)>& write) {
  Waiting mine{.write = &write};
  std::vector<Waiting*> group;
  {
    MutexLock lock(mutex_);
    waiting_.push_back(&mine);
    changed_.wait(lock, [&]() REQUIRES_LOCK(mutex_) { return mine.is_done || !has_leader_; });
    if (!mine.is_done) {
      has_leader_ = true;
      group.swap(waiting_);
    }
  }
  if (!group.empty()) {
    CommitAll(group);
    MutexLock lock(mutex_);
    for (Waiting* waiting : group) waiting->is_done = true;
    has_leader_ = false;
    changed_.notify_all();
  }
  if (mine.error) std::rethrow_exception(mine.error);
}

// One that fails must not take the others with it: then each gets a transaction of its own.
void GroupCommit::CommitAll(const std::vector<Waiting*>& group) {
  if (group.size() > 1) {
    try {
      return Transaction(group);
    } catch (...) {  // who caused it comes out below
    }
  }
  for (Waiting* waiting : group) CommitOne(*waiting);
}

void GroupCommit::CommitOne(Waiting& waiting) {
  try {
    Transaction({&waiting});
  } catch (...) {  // handed to the thread that waits
    waiting.error = std::current_exception();
  }
}

void GroupCommit::Transaction(const std::vector<Waiting*>& group) {
  db_.Query("BEGIN IMMEDIATE").Run();
  try {
    for (Waiting* waiting : group) (*waiting->write)(db_);
    db_.Query("COMMIT").Run();
  } catch (...) {
    try {
      db_.Execute("ROLLBACK");
    } catch (const Error&) {  // SQLite has rolled back by itself, as after a full disk
    }
    throw;
  }
}

}  // namespace godwit
