// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/counter.h"
#include "base/mutex.h"
#include "base/retry.h"
#include "endpoint/endpoint.h"
#include "model/object_rules.h"
#include "pipeline/schema_tracker.h"
#include "store/store.h"

namespace godwit {

struct CaptureCounters {
  Counter transactions;
  Counter rows;
  Counter bytes;           // of the source's log
  Counter source_time_us;  // how far the log was read, in the source's time
};

// The capture flow: reads the source's log, assembles transactions in the Store's spool, drops what
// the Log has already, appends whole transactions. Turns positions into sequences for the rest of
// the link. Run belongs to one thread; the other methods may be called from any.
class Capturer {
 public:
  struct Options {
    // Longest time a committed transaction waits for its durable write.
    std::chrono::milliseconds sync_interval{10};
    RetryPolicy retry;
    // Told of a transient error while it lasts, nullptr when it is over.
    std::function<void(const Error*)> on_transient;
    ChangeReader::Mark mark;
  };

  Capturer(Endpoint& source, Store& store, const ObjectRules& rules, CaptureCounters& counters,
           Options options);

  // Proves a start point, reads the definitions and records both, unless the Store has them.
  // Returns when the log has been read past the reading of the definitions; a DDL in between that
  // changes some makes it begin again: as often as it takes, told to `on_transient` when that goes
  // on (SCHEMA_CHANGING). Only then does Run go on from there. Throws Stopped.
  void Run(std::stop_token stop);

  // The first sequence certainly past a position read at the source: waits until the log has been
  // read beyond it. Throws Stopped.
  Sequence SequencePast(const Position& position, std::stop_token stop);
  // The last transaction in the Log that ends at or before the position; waits like SequencePast.
  Sequence SequenceAt(const Position& position, std::stop_token stop);
  // The last transaction before all that a restart reads again. What comes after it must stay in
  // the Log: its DDL tells by which definitions that is decoded.
  Sequence BeforeRestart();
  // True once the definitions are read and the log has been read past them.
  bool is_ready() const { return ready_.load(); }
  // Waits for is_ready.
  void WaitReady(std::stop_token stop);
  // The source's definition of each followed table at the place of the start.
  int Compare(const Position& a, const Position& b);
  const CaptureCounters& counters() const { return counters_; }

 private:
  struct Open {
    uint64_t spool = 0;
    bool has_ddl = false;
    bool has_partial_images = false;
    bool is_empty = true;
    std::map<std::string, uint64_t> savepoints;
    std::vector<SchemaChange> ddl;
  };

  void Begin(std::stop_token stop);
  void RenewCatalog();
  void Follow(std::stop_token stop, const std::function<void()>& works);
  void Handle(Fragment& fragment);
  bool IsKnown(const Fragment& commit, const Open& open);
  void Commit(Fragment& fragment);
  // Does nothing where there is none.
  void Drop(const std::string& transaction);
  void LoadDefinitionsAt(const Position& position);
  Sequence LastAt(const Position& position);
  void HandleDdl(Open& open, Fragment& fragment);
  void SyncIfDue(bool idle);
  void Advance(const Position& position, const Position& restart);
  Open& OpenTransaction(const std::string& id);

  Endpoint& source_;
  Store& store_;
  CaptureCounters& counters_;
  const Options options_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<ChangeReader> reader_;
  std::unique_ptr<ChangeReader> comparer_;  // only compares positions, from any thread
  SchemaTracker tracker_;
  Position schemas_read_at_;  // set until the log has been read past it
  std::map<std::string, Open> open_;
  Position position_;
  Position restart_;
  bool dirty_ = false;
  bool told_of_changes_ = false;  // that its start is overtaken
  std::chrono::steady_clock::time_point last_sync_;
  std::chrono::steady_clock::duration last_sync_time_{};  // what it took
  std::atomic<bool> ready_{false};

  Mutex mutex_;
  CondVar moved_;
  Position durable_ GUARDED_BY(mutex_);
  Position durable_restart_ GUARDED_BY(mutex_);  // where the next process would begin to read
};

}  // namespace godwit
