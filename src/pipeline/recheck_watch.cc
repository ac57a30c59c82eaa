// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.h"
#include "base/mutex.h"
#include "base/retry.h"
#include "pipeline/recheck.h"

namespace godwit {

namespace {

bool Concerns(const SchemaChange& change, const TableName& table) {
  if (change.kind == SchemaChange::Kind::kIrrelevant) return false;
  if (change.kind == SchemaChange::Kind::kUnknown) return true;
  auto is_it = [&](const TableName& name) { return name == table; };
  bool concerns = is_it(change.table) ||
                  (change.table.table.empty() && change.table.database == table.database);
  for (const TableName& name : change.tables) concerns = concerns || is_it(name);
  for (const auto& [from, to] : change.renames) concerns = concerns || is_it(from) || is_it(to);
  return concerns;
}

class LinkWatch : public ChangeWatch {
 public:
  LinkWatch(Link& link, Capturer& capturer, Replayer& replayer)
      : link_(link), capturer_(capturer), replayer_(replayer) {}

  Sequence Last() override { return link_.store.last(); }

  std::optional<Sequence> Prove(std::stop_token stop) override {
    Position start;
    try {
      MutexLock lock(mutex_);
      start = RetryTransient({.give_up_after = std::chrono::minutes(1)}, stop, nullptr,
                             [&] { return Reader().ProveStart(stop); });
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBlocked) throw;
      return std::nullopt;  // the rights for it are missing: another rule decides
    }
    return capturer_.SequenceAt(start, stop);
  }

  Position Current() override {
    MutexLock lock(mutex_);
    return Reader().Current();
  }

  void CatchUp(std::stop_token stop) override {
    const Position position = Current();
    // Transactions up to the position are numbered below the first one certainly past it.
    replayer_.WaitApplied(capturer_.SequenceAt(position, stop), stop);
  }

  bool Visit(Sequence after, Sequence through, const TableName& table,
             const std::function<void(const RowsChange&)>& rows, std::stop_token stop) override {
    bool has_ddl = false;
    if (through <= after) return has_ddl;
    auto reader = link_.store.Read(after);
    LogPart part;
    for (Sequence at = after; at < through;) {
      auto transaction = reader->NextTransaction(Deadline::Never(), stop);
      if (!transaction) throw Stopped();
      at = transaction->sequence;
      while (reader->NextPart(part)) {
        if (part.kind == LogPart::Kind::kDdl) {
          has_ddl = has_ddl || Concerns(part.ddl, table);
        } else if (part.rows.table->name == table) {
          rows(part.rows);
        }
      }
    }
    return has_ddl;
  }

 private:
  ChangeReader& Reader() REQUIRES_LOCK(mutex_) {
    if (!reader_) reader_ = link_.source.OpenChangeReader();
    return *reader_;
  }

  Link& link_;
  Capturer& capturer_;
  Replayer& replayer_;
  Mutex mutex_;  // held while the reader is asked: it serves one thread at a time
  std::unique_ptr<ChangeReader> reader_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<ChangeWatch> WatchLink(Link& link, Capturer& capturer, Replayer& replayer) {
  return std::make_unique<LinkWatch>(link, capturer, replayer);
}

}  // namespace godwit
