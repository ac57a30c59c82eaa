// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "base/deadline.h"
#include "base/mutex.h"
#include "base/retry.h"
#include "pipeline/recheck.h"
#include "pipeline/recheck_proof.h"
#include "pipeline/source_load.h"

namespace godwit {

namespace {

// The source's global lock was not to be had in time.
struct Locked {
  Error error;
};

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
  LinkWatch(Link& link, Capturer& capturer, Replayer& replayer, WithoutProof without_proof)
      : link_(link),
        capturer_(capturer),
        replayer_(replayer),
        without_proof_(without_proof),
        proof_([this](std::stop_token stop) { return MakeProof(stop); }, {}) {}

  Sequence Last() override { return link_.store.last(); }

  std::optional<Sequence> Prove(Sequence at_least, std::stop_token stop) override {
    return proof_.Get(at_least, stop);
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
    try {
      return VisitLog(after, through, table, rows, stop);
    } catch (const Error& error) {
      if (error.code() != "STORE_RELEASED") throw;
      return true;  // a change that is not kept may have been anything
    }
  }

 private:
  bool VisitLog(Sequence after, Sequence through, const TableName& table,
                const std::function<void(const RowsChange&)>& rows, std::stop_token stop) {
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

  ChangeReader& Reader() REQUIRES_LOCK(mutex_) {
    if (!reader_) reader_ = link_.source.OpenChangeReader();
    return *reader_;
  }

  // SharedProof calls it for one thread at a time.
  std::optional<Sequence> MakeProof(std::stop_token stop) {
    Position start;
    try {
      start = LockAndProve(stop);
    } catch (const Locked& locked) {
      if (without_proof_ == WithoutProof::kFails) throw locked.error;
      return std::nullopt;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBlocked) throw;
      return std::nullopt;  // the rights for it are missing: another rule decides
    }
    return capturer_.SequenceAt(start, stop);
  }

  // Each attempt at the lock holds up the source's writers: they are not made one after another
  // like those at a lost connection.
  Position LockAndProve(std::stop_token stop) {
    return RetryTransient({.give_up_after = std::chrono::minutes(1)}, stop, nullptr, [&] {
      try {
        if (!prover_) prover_ = link_.source.OpenChangeReader();
        return prover_->ProveStart(MarkOf(link_.source, link_.name, link_.spec), stop);
      } catch (const Error& error) {
        if (error.code() == "GLOBAL_LOCK_TIMEOUT") throw Locked{error};
        throw;
      }
    });
  }

  Link& link_;
  Capturer& capturer_;
  Replayer& replayer_;
  const WithoutProof without_proof_;
  Mutex mutex_;  // held while the reader is asked: it serves one thread at a time
  std::unique_ptr<ChangeReader> reader_ GUARDED_BY(mutex_);
  std::unique_ptr<ChangeReader> prover_;  // another one: nobody waits for a lock with it
  SharedProof proof_;
};

}  // namespace

std::unique_ptr<ChangeWatch> WatchLink(Link& link, Capturer& capturer, Replayer& replayer,
                                       WithoutProof without_proof) {
  return std::make_unique<LinkWatch>(link, capturer, replayer, without_proof);
}

}  // namespace godwit
