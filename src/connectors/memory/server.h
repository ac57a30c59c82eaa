// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/mutex.h"
#include "connectors/memory/table_store.h"
#include "endpoint/catalog.h"
#include "model/change.h"
#include "model/chunk.h"

namespace godwit::memory {

// One line of the server's log, written when the thing happens, not when it commits: transactions
// interleave, as in the logs of Oracle or OceanBase. Its place is its number from 0.
struct LogEntry {
  Fragment::Kind kind = Fragment::Kind::kBegin;
  TransactionId transaction = 0;
  int64_t time_us = 0;
  ChangeOp op = ChangeOp::kInsert;
  TableSchemaPtr table;  // of a row
  std::optional<Row> before;
  std::optional<Row> after;
  SchemaChange ddl;
  std::string savepoint;
  // Where the oldest transaction still open behind this entry began; the next place if none is.
  uint64_t restart = 0;
};

enum class WriteOutcome {
  kDone,
  kExists,   // another row has one of its unique values
  kMissing,  // no such row
};

// How a row to be changed is found: by cells in these columns.
struct RowLocator {
  std::vector<int> columns;
  std::vector<Cell> cells;
};

// What goes wrong next, for tests.
enum class CommitFailure { kNone, kCommittedUnheard, kLostUnheard };

// The database itself. Each call is atomic under one mutex, except that a write waits for rows
// another transaction has locked. Transactions see the latest committed rows and their own; locks
// on written unique values last until the end of the transaction. Any thread.
class MemoryServer {
 public:
  // The server of this name in this process, made at first use.
  static std::shared_ptr<MemoryServer> Get(const std::string& name);
  // Forgets it: the next Get makes a new, empty one.
  static void Remove(const std::string& name);

  explicit MemoryServer(std::string name) : name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  // Definitions.
  std::vector<std::string> Databases();
  std::vector<CatalogObject> Objects(const std::string& database);
  TableSchemaPtr Table(const TableName& name);  // nullptr: none
  std::optional<ViewSchema> View(const TableName& name);
  std::vector<TableSchemaPtr> Tables();
  std::string Fingerprint(const TableName& name);
  // One DDL statement, a transaction of its own in the log. Waits for transactions that wrote the
  // table.
  void Execute(const SchemaChange& change);
  void CreateDatabase(const std::string& name);
  void CreateTable(const TableSchema& table);  // and its database

  // Transactions. An exception of a write has rolled nothing back but its own change, except for
  // a deadlock's.
  TransactionId Begin();
  WriteOutcome Insert(TransactionId by, const TableName& table, const Row& row);
  WriteOutcome Update(TransactionId by, const TableName& table, const RowLocator& old,
                      const Row& row);
  WriteOutcome Delete(TransactionId by, const TableName& table, const RowLocator& old);
  // Locks the row until the transaction ends and returns it as the transaction sees it.
  std::optional<Row> Lock(TransactionId by, const TableName& table, const RowLocator& which);
  void Savepoint(TransactionId by, const std::string& name);
  void RollbackTo(TransactionId by, const std::string& name);
  void Commit(TransactionId by);
  void Rollback(TransactionId by);

  // Committed rows with after < key ≤ through in the order of these key columns, at most `limit`.
  std::vector<Row> Read(const TableName& table, const std::vector<int>& key, const KeyRange& range,
                        size_t limit);
  uint64_t CountRows(const TableName& table);
  // Every table's committed rows in identity order at one moment, and that moment's place.
  struct Snapshot {
    uint64_t place = 0;
    std::map<TableName, std::vector<Row>> rows;
  };
  Snapshot TakeSnapshot();

  // The log. Places count entries: a place lies before the entry with its number.
  uint64_t LogEnd();
  // The begin of the oldest open transaction, or the end.
  uint64_t LogRestart();
  // The entry at `place`; nullopt at the end of the log. Throws LOG_PURGED.
  std::optional<LogEntry> ReadLog(uint64_t place);
  // Waits until the log reaches beyond `place`; false at the deadline or on stop.
  bool WaitForLog(uint64_t place, Deadline deadline, std::stop_token stop);
  void Release(uint64_t place);  // a reader needs nothing before it
  void PurgeReleased();

  // For tests: what real servers do at the worst moment.
  void FailNextCommit(CommitFailure failure);
  CommitFailure TakeCommitFailure();
  void FailNextCalls(int count);
  void DropConnections();
  void SetLockWait(std::chrono::milliseconds wait);
  void SetPressure(double pressure);
  double Pressure();
  int pressure_reads();
  // What a connection asks before each call: throws an injected failure.
  void Admit();
  uint64_t connection_generation();

 private:
  struct Undo {
    std::shared_ptr<TableStore> table;
    Slot* slot = nullptr;
    bool was_written = false;  // by this transaction, before
    std::optional<Row> pending;
  };
  struct Transaction {
    std::optional<uint64_t> began;  // place of its begin in the log; none before its first write
    std::vector<Undo> undo;
    std::map<std::string, size_t> savepoints;  // length of `undo` then
    std::set<std::string> locks;
    std::set<const TableStore*> tables;
  };

  Transaction& Open(TransactionId by) REQUIRES_LOCK(mutex_);
  std::shared_ptr<TableStore> Store(const TableName& name) REQUIRES_LOCK(mutex_);
  void LockValue(MutexLock& lock, TransactionId by, const TableStore& table,
                 const std::string& value) REQUIRES_LOCK(mutex_);
  void LockRow(MutexLock& lock, TransactionId by, TableStore& table, const Row& row)
      REQUIRES_LOCK(mutex_);
  bool WouldDeadlock(TransactionId by, TransactionId holder) REQUIRES_LOCK(mutex_);
  Slot* FindLocked(MutexLock& lock, TransactionId by, TableStore& table, const RowLocator& which)
      REQUIRES_LOCK(mutex_);
  bool Clashes(TransactionId by, TableStore& table, const Row& row, const Slot* self)
      REQUIRES_LOCK(mutex_);
  void Write(TransactionId by, const std::shared_ptr<TableStore>& table, Slot& slot,
             std::optional<Row> row) REQUIRES_LOCK(mutex_);
  void UndoTo(Transaction& transaction, size_t length) REQUIRES_LOCK(mutex_);
  void End(TransactionId by, Fragment::Kind how) REQUIRES_LOCK(mutex_);
  LogEntry& Append(TransactionId by, Fragment::Kind kind) REQUIRES_LOCK(mutex_);
  uint64_t Restart() const REQUIRES_LOCK(mutex_);

  // DDL (server_ddl.cc).
  void ApplyDdl(const SchemaChange& change) REQUIRES_LOCK(mutex_);
  void WaitUnused(MutexLock& lock, const SchemaChange& change) REQUIRES_LOCK(mutex_);
  void CreateTableLocked(const SchemaChange& change) REQUIRES_LOCK(mutex_);
  void AlterTable(const SchemaChange& change) REQUIRES_LOCK(mutex_);
  void RenameTable(const TableName& from, const TableName& to) REQUIRES_LOCK(mutex_);
  void Fill(TableStore& table, std::vector<Row> rows) REQUIRES_LOCK(mutex_);
  std::vector<Row> CommittedRows(const TableStore& table) const REQUIRES_LOCK(mutex_);

  const std::string name_;
  Mutex mutex_;
  CondVar changed_;  // locks released, log grown
  std::set<std::string> databases_ GUARDED_BY(mutex_);
  std::map<TableName, std::shared_ptr<TableStore>> tables_ GUARDED_BY(mutex_);
  std::map<TableName, ViewSchema> views_ GUARDED_BY(mutex_);
  uint64_t last_identity_ GUARDED_BY(mutex_) = 0;

  TransactionId last_transaction_ GUARDED_BY(mutex_) = 0;
  std::map<TransactionId, Transaction> open_ GUARDED_BY(mutex_);
  std::map<std::string, TransactionId> lock_holders_ GUARDED_BY(mutex_);
  std::map<TransactionId, TransactionId> waits_for_ GUARDED_BY(mutex_);
  std::chrono::milliseconds lock_wait_ GUARDED_BY(mutex_){10'000};

  std::deque<LogEntry> log_ GUARDED_BY(mutex_);
  uint64_t log_begin_ GUARDED_BY(mutex_) = 0;  // place of log_.front()
  uint64_t released_ GUARDED_BY(mutex_) = 0;

  CommitFailure next_commit_ GUARDED_BY(mutex_) = CommitFailure::kNone;
  int failing_calls_ GUARDED_BY(mutex_) = 0;
  double pressure_ GUARDED_BY(mutex_) = 0;
  int pressure_reads_ GUARDED_BY(mutex_) = 0;
  uint64_t generation_ GUARDED_BY(mutex_) = 1;
};

// One row as a cell per column from a batch's cells; absent cells become what `base` has.
Row MakeRow(const TableSchema& table, const std::vector<int>& columns, const RowBatch& batch,
            size_t row, const Row* base);

}  // namespace godwit::memory
