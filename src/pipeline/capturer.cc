// SPDX-License-Identifier: Apache-2.0
#include "pipeline/capturer.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/crash_point.h"
#include "base/error.h"

namespace godwit {
namespace {

constexpr auto kIdleWait = std::chrono::milliseconds(200);
// While something waits for its durable write, the reader may keep it waiting only this long.
constexpr auto kDirtyWait = std::chrono::milliseconds(1);

// So many starts are overtaken before anybody is told.
constexpr int kSilentStarts = 2;

// Thrown inside: the definitions changed while they were being read.
struct StartAgain {
  std::string statement;
};

Error SchemaChanging(const std::string& statement) {
  return Error({.code = "SCHEMA_CHANGING",
                .kind = ErrorKind::kTransient,
                .side = Side::kSource,
                .message = "capture cannot begin: tables change each time while their definitions "
                           "are read; the last statement was " +
                           statement.substr(0, 300),
                .cause = "DDL on selected objects comes faster than the definitions are read",
                .remedy =
                    "nothing: it is tried again; if it lasts, hold the DDL back until capture "
                    "runs, or exclude the objects"});
}

// Definitions, and the defaults that complete them, are the same behind it.
bool KeepsDefinitions(const SchemaChange& change) {
  return change.kind == SchemaChange::Kind::kTruncateTable ||
         change.kind == SchemaChange::Kind::kCreateView ||
         change.kind == SchemaChange::Kind::kDropView;
}

}  // namespace

Capturer::Capturer(Endpoint& source, Store& store, const ObjectRules& rules,
                   CaptureCounters& counters, Options options)
    : source_(source),
      store_(store),
      counters_(counters),
      options_(std::move(options)),
      catalog_(source.OpenCatalog()),
      reader_(source.OpenChangeReader()),
      comparer_(source.OpenChangeReader()),
      tracker_(store, *catalog_, rules) {}

void Capturer::Run(std::stop_token stop) {
  auto wait = options_.retry.first_wait;
  for (int overtaken = 1;; ++overtaken) {
    const bool has_begun = !store_.restart().empty();
    if (has_begun) {
      tracker_.Load();
    } else {
      RetryTransient(options_.retry, stop, options_.on_transient, [&] { Begin(stop); });
    }
    Advance(store_.position(), store_.restart());
    if (has_begun) {  // and not before: who waits for it goes by these places
      MutexLock lock(mutex_);
      ready_.store(true);
      moved_.notify_all();
    }
    try {
      RetryTransient(options_.retry, stop, options_.on_transient,
                     [&](const std::function<void()>& works) { Follow(stop, works); });
      return;
    } catch (const StartAgain& again) {
      store_.Reset();  // the start point too; nothing was copied under it
      CrashPoint("capture-after-reset");
      if (overtaken <= kSilentStarts) continue;
      const Error error = SchemaChanging(again.statement);
      if (options_.on_transient) options_.on_transient(&error);
      told_of_changes_ = true;
    }
    if (WaitForStop(stop, Deadline::In(wait))) throw Stopped();
    wait = std::min(wait * 2, options_.retry.longest_wait);
  }
}

// The start point comes first, the definitions after it, then the position they were read at. A DDL
// between the two would make rows before it be decoded with the definition behind it.
void Capturer::Begin(std::stop_token stop) {
  RenewCatalog();
  Position start = reader_->ProveStart(options_.mark, stop);
  tracker_.ReadAll();
  schemas_read_at_ = reader_->Current();
  store_.Sync(start, start);
  CrashPoint("capture-after-start-point");
}

// Its connection may have been idle for long, or have gone with the last attempt's.
void Capturer::RenewCatalog() {
  auto renewed = source_.OpenCatalog();
  tracker_.Use(*renewed);
  catalog_ = std::move(renewed);
}

void Capturer::Follow(std::stop_token stop, const std::function<void()>& works) {
  RenewCatalog();
  for (auto& [id, open] : std::exchange(open_, {})) store_.Discard(open.spool);
  tracker_.Load();
  position_ = store_.position();
  restart_ = store_.restart();
  // What is delivered again is decoded as it was the first time.
  store_.Sync(position_, restart_);  // only what is durable can be looked up, and goes by
  if (comparer_->Compare(restart_, position_) < 0) LoadDefinitionsAt(restart_);
  reader_->Start(restart_, position_, tracker_);
  Advance(position_, restart_);
  while (!stop.stop_requested()) {
    auto fragment = reader_->Next(Deadline::In(dirty_ ? kDirtyWait : kIdleWait), stop);
    counters_.bytes.Set(static_cast<int64_t>(reader_->bytes_read()));
    if (fragment) works();
    if (fragment) Handle(*fragment);
    SyncIfDue(!fragment.has_value());
  }
  SyncIfDue(true);
  throw Stopped();
}

void Capturer::Handle(Fragment& f) {
  switch (f.kind) {
    case Fragment::Kind::kBegin:
      Drop(f.transaction);  // it may have been delivered before a reconnect
      open_[f.transaction].spool = store_.BeginTransaction();
      return;
    case Fragment::Kind::kRows: {
      Open& open = OpenTransaction(f.transaction);
      counters_.rows.Add(static_cast<int64_t>(f.rows.rows()));
      store_.AppendRows(open.spool, f.rows);
      open.has_partial_images = open.has_partial_images || f.rows.has_partial_images();
      open.is_empty = false;
      return;
    }
    case Fragment::Kind::kDdl:
      return HandleDdl(OpenTransaction(f.transaction), f);
    case Fragment::Kind::kSavepoint: {
      Open& open = OpenTransaction(f.transaction);
      const uint64_t mark = store_.Mark(open.spool);
      auto [savepoint, is_new] = open.savepoints.try_emplace(f.savepoint, mark);
      // One of the same name takes the place of the earlier one.
      if (!is_new) store_.Unmark(open.spool, std::exchange(savepoint->second, mark));
      return;
    }
    case Fragment::Kind::kRollbackTo: {
      Open& open = OpenTransaction(f.transaction);
      auto savepoint = open.savepoints.find(f.savepoint);
      GODWIT_CHECK(savepoint != open.savepoints.end(), "a rollback names a savepoint set before");
      store_.RollbackTo(open.spool, savepoint->second);
      return;
    }
    case Fragment::Kind::kCommit:
      return Commit(f);
    case Fragment::Kind::kRollback:
      return Drop(f.transaction);
    case Fragment::Kind::kHeartbeat:
      // Without a time: the source says that nothing happened until now.
      if (f.source_time_us == 0) {
        counters_.source_time_us.Set(NowUs());
      } else if (const int64_t known = counters_.source_time_us.Get(); known != 0) {
        counters_.source_time_us.Set(std::max(f.source_time_us, known));
      }
      // The place where it stands already may be told with more that it is known by.
      if (f.position.empty() || f.position == position_) return;
      if (comparer_->Compare(f.position, position_) < 0) return;
      position_ = f.position;
      restart_ = f.restart;
      dirty_ = true;
      return;
  }
}

void Capturer::HandleDdl(Open& open, Fragment& f) {
  if (!tracker_.Concerns(*f.ddl)) return;
  const bool is_known = f.ddl->kind != SchemaChange::Kind::kUnknown;
  if (!ready_ && is_known && !KeepsDefinitions(*f.ddl)) throw StartAgain{f.ddl->statement};
  if (!tracker_.Complete(*f.ddl)) return;
  store_.AppendDdl(open.spool, *f.ddl);
  open.has_ddl = true;
  open.is_empty = false;
  open.ddl.push_back(std::move(*f.ddl));
}

// Whether the Log has the transaction, or the start point hides it.
bool Capturer::IsKnown(const Fragment& commit, const Open& open) {
  const int order = comparer_->Compare(commit.position, position_);
  if (order != 0) return order < 0;
  if (!open.has_ddl || commit.position == position_) return true;
  // On a server that took the place of another: a definition within a transaction ends at a place
  // that the new one names by nothing but what came before.
  store_.Sync(position_, restart_);  // only what is durable can be looked up
  return store_.LastTransaction() == commit.transaction;
}

void Capturer::Commit(Fragment& f) {
  const auto found = open_.find(f.transaction);
  if (found == open_.end()) return;
  const Open& open = found->second;
  if (IsKnown(f, open)) {
    const bool has_ddl = open.has_ddl;
    Drop(f.transaction);
    if (has_ddl) LoadDefinitionsAt(f.position);
    return;
  }
  position_ = f.position;
  restart_ = f.restart;
  dirty_ = true;
  counters_.source_time_us.Set(f.source_time_us);
  if (open.is_empty) return Drop(f.transaction);  // nothing of it is selected
  std::vector<SchemaVersion> schemas;
  for (const SchemaChange& change : open.ddl) {
    for (SchemaVersion& version : tracker_.Apply(change)) schemas.push_back(std::move(version));
  }
  CrashPoint("capture-before-append");
  LoggedTransaction info;
  info.transaction = f.transaction;
  info.source_time_us = f.source_time_us;
  info.position = f.position;
  info.restart = f.restart;
  info.is_ddl = open.has_ddl;
  info.has_partial_images = open.has_partial_images;
  if (!schemas.empty()) info.first_schema_version = schemas.front().version;
  store_.Commit(open.spool, std::move(info), schemas);
  CrashPoint("capture-after-append");
  if (open.has_ddl) CrashPoint("capture-after-ddl-append");
  open_.erase(found);  // not before: what fails up to here leaves a spool to be discarded
  counters_.transactions.Add(1);
}

void Capturer::Drop(const std::string& transaction) {
  const auto found = open_.find(transaction);
  if (found == open_.end()) return;
  store_.Discard(found->second.spool);
  open_.erase(found);
}

void Capturer::SyncIfDue(bool idle) {
  if (!dirty_) return;
  auto now = std::chrono::steady_clock::now();
  // A slow disk must not take most of the time under load.
  auto interval =
      std::max<std::chrono::steady_clock::duration>(options_.sync_interval, 4 * last_sync_time_);
  if (!idle && now - last_sync_ < interval) return;
  store_.Sync(position_, restart_);
  last_sync_ = std::chrono::steady_clock::now();
  last_sync_time_ = last_sync_ - now;
  dirty_ = false;
  Advance(position_, restart_);
}

void Capturer::Advance(const Position& position, const Position& restart) {
  position_ = position;
  restart_ = restart;
  if (!ready_ && !schemas_read_at_.empty() && comparer_->Compare(position, schemas_read_at_) >= 0) {
    ready_.store(true);
    if (std::exchange(told_of_changes_, false) && options_.on_transient) {
      options_.on_transient(nullptr);
    }
  }
  MutexLock lock(mutex_);
  durable_ = position;
  durable_restart_ = restart;
  moved_.notify_all();
}

Capturer::Open& Capturer::OpenTransaction(const std::string& id) {
  auto open = open_.find(id);
  GODWIT_CHECK(open != open_.end(), "a fragment belongs to a transaction that has begun");
  return open->second;
}

int Capturer::Compare(const Position& a, const Position& b) { return comparer_->Compare(a, b); }

void Capturer::WaitReady(std::stop_token stop) {
  MutexLock lock(mutex_);
  if (!moved_.wait(lock, stop, [&] { return ready_.load(); })) throw Stopped();
}

Sequence Capturer::SequencePast(const Position& position, std::stop_token stop) {
  MutexLock lock(mutex_);
  bool reached = moved_.wait(lock, stop, [&]() REQUIRES_LOCK(mutex_) {
    return !durable_.empty() && comparer_->Compare(durable_, position) >= 0;
  });
  if (!reached) throw Stopped();
  return store_.last();
}

Sequence Capturer::SequenceAt(const Position& position, std::stop_token stop) {
  SequencePast(position, stop);
  return LastAt(position);
}

Sequence Capturer::BeforeRestart() {
  Position restart;
  {
    MutexLock lock(mutex_);
    restart = durable_restart_;
  }
  return restart.empty() ? store_.last() : LastAt(restart);
}

// The definitions as they were behind this place of the log.
void Capturer::LoadDefinitionsAt(const Position& position) {
  for (Sequence next = LastAt(position) + 1; next <= store_.last(); ++next) {
    auto transaction = store_.Find(next);
    if (transaction && transaction->first_schema_version != 0) {
      return tracker_.LoadBefore(transaction->first_schema_version);
    }
  }
  tracker_.Load();
}

// The last transaction in the Log that the source committed up to this place.
Sequence Capturer::LastAt(const Position& position) {
  Sequence high = store_.last();
  // Binary search: positions rise with the sequence.
  Sequence low = 0;
  while (low < high) {
    Sequence middle = low + (high - low + 1) / 2;
    auto transaction = store_.Find(middle);
    bool is_at_or_before = !transaction || comparer_->Compare(transaction->position, position) <= 0;
    if (is_at_or_before) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

}  // namespace godwit
