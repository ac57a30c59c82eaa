// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/server.h"

#include <algorithm>

#include "base/byte_writer.h"
#include "connectors/memory/errors.h"

namespace godwit::memory {
namespace {

struct Servers {
  Mutex mutex;
  std::map<std::string, std::shared_ptr<MemoryServer>> by_name GUARDED_BY(mutex);
};

// The one global of the connector: it stands for the network, where servers are found by name.
Servers& AllServers() {
  static Servers servers;
  return servers;
}

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// What the locks of a keyless table's transactions are called: the whole table.
constexpr const char* kWholeTable = "*";

std::string LockOf(size_t index, const std::string& value) {
  return std::to_string(index) + ":" + value;
}

}  // namespace

std::shared_ptr<MemoryServer> MemoryServer::Get(const std::string& name) {
  Servers& servers = AllServers();
  MutexLock lock(servers.mutex);
  std::shared_ptr<MemoryServer>& server = servers.by_name[name];
  if (!server) server = std::make_shared<MemoryServer>(name);
  return server;
}

void MemoryServer::Remove(const std::string& name) {
  Servers& servers = AllServers();
  MutexLock lock(servers.mutex);
  servers.by_name.erase(name);
}

TransactionId MemoryServer::Begin() {
  MutexLock lock(mutex_);
  const TransactionId id = ++last_transaction_;
  open_[id];
  return id;
}

WriteOutcome MemoryServer::Insert(TransactionId by, const TableName& name, const Row& row) {
  MutexLock lock(mutex_);
  std::shared_ptr<TableStore> table = Store(name);
  LockRow(lock, by, *table, row);
  if (Clashes(by, *table, row, nullptr)) return WriteOutcome::kExists;
  Write(by, table, table->Place(row), row);
  return WriteOutcome::kDone;
}

WriteOutcome MemoryServer::Update(TransactionId by, const TableName& name, const RowLocator& old,
                                  const Row& row) {
  MutexLock lock(mutex_);
  std::shared_ptr<TableStore> table = Store(name);
  Slot* slot = FindLocked(lock, by, *table, old);
  if (slot == nullptr) return WriteOutcome::kMissing;
  LockRow(lock, by, *table, row);
  if (Clashes(by, *table, row, slot)) return WriteOutcome::kExists;
  const Row before = *slot->Seen(by);
  Slot* target = slot;
  if (table->KeyOf(row) != slot->key) {  // the row moves; the log has one update all the same
    Transaction& transaction = Open(by);
    transaction.undo.push_back({table, slot, slot->writer == by, slot->pending});
    table->SetPending(*slot, std::nullopt, by);
    target = &table->Place(row);
  }
  Transaction& transaction = Open(by);
  transaction.undo.push_back({table, target, target->writer == by, target->pending});
  table->SetPending(*target, row, by);
  transaction.tables.insert(table.get());
  LogEntry& entry = Append(by, Fragment::Kind::kRows);
  entry.op = ChangeOp::kUpdate;
  entry.table = table->schema();
  entry.before = before;
  entry.after = row;
  return WriteOutcome::kDone;
}

WriteOutcome MemoryServer::Delete(TransactionId by, const TableName& name, const RowLocator& old) {
  MutexLock lock(mutex_);
  std::shared_ptr<TableStore> table = Store(name);
  Slot* slot = FindLocked(lock, by, *table, old);
  if (slot == nullptr) return WriteOutcome::kMissing;
  Write(by, table, *slot, std::nullopt);
  return WriteOutcome::kDone;
}

std::optional<Row> MemoryServer::Lock(TransactionId by, const TableName& name,
                                      const RowLocator& which) {
  MutexLock lock(mutex_);
  std::shared_ptr<TableStore> table = Store(name);
  Slot* slot = FindLocked(lock, by, *table, which);
  if (slot == nullptr) return {};
  return slot->Seen(by);
}

void MemoryServer::Savepoint(TransactionId by, const std::string& name) {
  MutexLock lock(mutex_);
  Transaction& transaction = Open(by);
  transaction.savepoints[name] = transaction.undo.size();
  Append(by, Fragment::Kind::kSavepoint).savepoint = name;
}

void MemoryServer::RollbackTo(TransactionId by, const std::string& name) {
  MutexLock lock(mutex_);
  Transaction& transaction = Open(by);
  auto savepoint = transaction.savepoints.find(name);
  if (savepoint == transaction.savepoints.end()) {
    throw StatementInvalid("rollback to " + name, "there is no such savepoint");
  }
  UndoTo(transaction, savepoint->second);
  Append(by, Fragment::Kind::kRollbackTo).savepoint = name;
}

void MemoryServer::Commit(TransactionId by) {
  MutexLock lock(mutex_);
  End(by, Fragment::Kind::kCommit);
}

void MemoryServer::Rollback(TransactionId by) {
  MutexLock lock(mutex_);
  if (open_.contains(by)) End(by, Fragment::Kind::kRollback);
}

// The commit's log entry and the rows' becoming visible are one step under the lock: so the end of
// the log never lies before anything a finished read has seen. A real server has to be asked for
// that with care (MySQL writes its binlog first and shows the rows a little later).
void MemoryServer::End(TransactionId by, Fragment::Kind how) {
  Transaction& transaction = Open(by);
  if (how == Fragment::Kind::kCommit) {
    std::set<Slot*> slots;
    for (const Undo& undo : transaction.undo) {
      if (slots.insert(undo.slot).second) undo.table->Commit(*undo.slot);
    }
    transaction.undo.clear();
  } else {
    UndoTo(transaction, 0);
  }
  for (const std::string& name : transaction.locks) lock_holders_.erase(name);
  const bool is_logged = transaction.began.has_value();
  open_.erase(by);
  if (is_logged) {
    LogEntry entry;
    entry.kind = how;
    entry.transaction = by;
    entry.time_us = NowMicros();
    log_.push_back(std::move(entry));
    log_.back().restart = Restart();
  }
  changed_.notify_all();
}

void MemoryServer::UndoTo(Transaction& transaction, size_t length) {
  while (transaction.undo.size() > length) {
    Undo undo = std::move(transaction.undo.back());
    transaction.undo.pop_back();
    if (undo.was_written) {
      undo.table->SetPending(*undo.slot, std::move(undo.pending), undo.slot->writer);
    } else {
      undo.table->Forget(*undo.slot);
    }
  }
}

MemoryServer::Transaction& MemoryServer::Open(TransactionId by) {
  auto found = open_.find(by);
  if (found == open_.end()) throw ConnectionLost();  // rolled back when its connection was dropped
  return found->second;
}

std::shared_ptr<TableStore> MemoryServer::Store(const TableName& name) {
  auto found = tables_.find(name);
  if (found == tables_.end()) throw NoSuchTable(name.ToString());
  return found->second;
}

void MemoryServer::LockRow(MutexLock& lock, TransactionId by, TableStore& table, const Row& row) {
  for (size_t c = 0; c < row.size(); ++c) {
    const ColumnSchema& column = table.schema()->columns[c];
    if (!row[c] && !column.nullable) throw NotNull(table.schema()->name.ToString(), column.name);
  }
  if (table.is_keyless()) return LockValue(lock, by, table, kWholeTable);
  for (size_t i = 0; i < table.unique_columns().size(); ++i) {
    if (auto value = table.UniqueValue(i, row)) LockValue(lock, by, table, LockOf(i, *value));
  }
}

void MemoryServer::LockValue(MutexLock& lock, TransactionId by, const TableStore& table,
                             const std::string& value) {
  const std::string name = std::to_string(table.identity()) + "/" + value;
  const Deadline deadline = Deadline::In(lock_wait_);
  for (;;) {
    Transaction& transaction = Open(by);
    transaction.tables.insert(&table);  // no DDL may replace it from here on
    auto [holder, is_new] = lock_holders_.emplace(name, by);
    if (is_new) transaction.locks.insert(name);
    if (holder->second == by) return;
    if (WouldDeadlock(by, holder->second)) {
      End(by, Fragment::Kind::kRollback);
      throw Deadlock(table.schema()->name.ToString());
    }
    waits_for_[by] = holder->second;
    const bool is_late = changed_.wait_until(lock, deadline.at()) == std::cv_status::timeout;
    waits_for_.erase(by);
    if (is_late && deadline.has_passed()) throw LockTimeout(table.schema()->name.ToString());
  }
}

// Each transaction waits for one other at most, so the chain has one end, or leads back to us.
bool MemoryServer::WouldDeadlock(TransactionId by, TransactionId holder) {
  for (TransactionId at = holder;;) {
    if (at == by) return true;
    auto next = waits_for_.find(at);
    if (next == waits_for_.end()) return false;
    at = next->second;
  }
}

// Locks what is asked for before looking: only then is what it sees certain to stay.
Slot* MemoryServer::FindLocked(MutexLock& lock, TransactionId by, TableStore& table,
                               const RowLocator& which) {
  if (table.is_keyless()) {
    LockValue(lock, by, table, kWholeTable);
    return table.FindWhere(which.columns, which.cells, by);
  }
  for (size_t i = 0; i < table.unique_columns().size(); ++i) {
    if (table.unique_columns()[i] != which.columns) continue;
    std::string value;
    for (const Cell& cell : which.cells) {
      if (!cell) return nullptr;
      AppendLengthPrefixed(value, *cell);
    }
    LockValue(lock, by, table, LockOf(i, value));
    Slot* slot = table.FindUnique(i, value, by);
    if (slot != nullptr) LockRow(lock, by, table, Row(*slot->Seen(by)));
    return slot;
  }
  // Not a unique key: find it, lock it, and look whether it is still there.
  for (;;) {
    Slot* slot = table.FindWhere(which.columns, which.cells, by);
    if (slot == nullptr) return nullptr;
    const KeyTuple key = slot->key;
    LockRow(lock, by, table, Row(*slot->Seen(by)));
    slot = table.FindWhere(which.columns, which.cells, by);
    if (slot != nullptr && slot->key == key) return slot;
  }
}

bool MemoryServer::Clashes(TransactionId by, TableStore& table, const Row& row, const Slot* self) {
  for (size_t i = 0; i < table.unique_columns().size(); ++i) {
    auto value = table.UniqueValue(i, row);
    if (!value) continue;
    Slot* other = table.FindUnique(i, *value, by);
    if (other != nullptr && other != self) return true;
  }
  return false;
}

void MemoryServer::Write(TransactionId by, const std::shared_ptr<TableStore>& table, Slot& slot,
                         std::optional<Row> row) {
  Transaction& transaction = Open(by);
  std::optional<Row> before = slot.Seen(by);
  transaction.undo.push_back({table, &slot, slot.writer == by, slot.pending});
  transaction.tables.insert(table.get());
  table->SetPending(slot, row, by);
  LogEntry& entry = Append(by, Fragment::Kind::kRows);
  entry.op = row ? ChangeOp::kInsert : ChangeOp::kDelete;
  entry.table = table->schema();
  if (!row) entry.before = std::move(before);
  entry.after = std::move(row);
}

// Adds an entry, and before a transaction's first one its begin.
LogEntry& MemoryServer::Append(TransactionId by, Fragment::Kind kind) {
  Transaction& transaction = Open(by);
  const int64_t now = NowMicros();
  if (!transaction.began) {
    transaction.began = log_begin_ + log_.size();
    LogEntry begin;
    begin.transaction = by;
    begin.time_us = now;
    begin.restart = Restart();
    log_.push_back(std::move(begin));
  }
  LogEntry entry;
  entry.kind = kind;
  entry.transaction = by;
  entry.time_us = now;
  entry.restart = Restart();
  log_.push_back(std::move(entry));
  changed_.notify_all();
  return log_.back();
}

uint64_t MemoryServer::Restart() const {
  uint64_t restart = log_begin_ + log_.size();
  for (const auto& [id, transaction] : open_) {
    if (transaction.began) restart = std::min(restart, *transaction.began);
  }
  return restart;
}

std::vector<Row> MemoryServer::Read(const TableName& name, const std::vector<int>& key,
                                    const KeyRange& range, size_t limit) {
  MutexLock lock(mutex_);
  const std::shared_ptr<TableStore> table = Store(name);
  const KeyLess order(*table->schema(), key);
  auto is_within = [&](const KeyTuple& k) {
    return (!range.after || order.Compare(k, *range.after) > 0) &&
           (!range.through || order.Compare(k, *range.through) <= 0);
  };
  std::vector<Row> rows;
  if (key == table->identity_columns()) {
    auto it = range.after && !key.empty() ? table->slots().upper_bound(*range.after)
                                          : table->slots().begin();
    for (; it != table->slots().end() && rows.size() < limit; ++it) {
      if (!key.empty() && range.through && order.Compare(it->first, *range.through) > 0) break;
      if (it->second.committed) rows.push_back(*it->second.committed);
    }
    return rows;
  }
  std::multimap<KeyTuple, const Row*, KeyLess> sorted(order);
  for (const auto& [identity, slot] : table->slots()) {
    if (!slot.committed) continue;
    KeyTuple k;
    for (int c : key) k.push_back((*slot.committed)[static_cast<size_t>(c)].value_or(""));
    if (is_within(k)) sorted.emplace(std::move(k), &*slot.committed);
  }
  for (const auto& [k, row] : sorted) {
    if (rows.size() < limit) rows.push_back(*row);
  }
  return rows;
}

uint64_t MemoryServer::CountRows(const TableName& name) {
  MutexLock lock(mutex_);
  return Store(name)->committed_rows();
}

std::vector<Row> MemoryServer::CommittedRows(const TableStore& table) const {
  std::vector<Row> rows;
  for (const auto& [key, slot] : table.slots()) {
    if (slot.committed) rows.push_back(*slot.committed);
  }
  return rows;
}

MemoryServer::Snapshot MemoryServer::TakeSnapshot() {
  MutexLock lock(mutex_);
  Snapshot snapshot;
  snapshot.place = log_begin_ + log_.size();
  for (const auto& [name, table] : tables_) snapshot.rows[name] = CommittedRows(*table);
  return snapshot;
}

uint64_t MemoryServer::LogEnd() {
  MutexLock lock(mutex_);
  return log_begin_ + log_.size();
}

uint64_t MemoryServer::LogRestart() {
  MutexLock lock(mutex_);
  return Restart();
}

std::optional<LogEntry> MemoryServer::ReadLog(uint64_t place) {
  MutexLock lock(mutex_);
  if (place < log_begin_) {
    throw Error({.code = "LOG_PURGED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .message = "the log no longer reaches back to where reading must go on",
                 .cause = "the server has purged it",
                 .remedy = "release the project, empty its tables at the destination, and "
                           "migrate again"});
  }
  if (place - log_begin_ >= log_.size()) return {};
  return log_[place - log_begin_];
}

bool MemoryServer::WaitForLog(uint64_t place, Deadline deadline, std::stop_token stop) {
  MutexLock lock(mutex_);
  return changed_.wait_until(lock, stop, deadline.at(), [&]() REQUIRES_LOCK(mutex_) {
    return log_begin_ + log_.size() > place;
  });
}

void MemoryServer::Release(uint64_t place) {
  MutexLock lock(mutex_);
  released_ = std::max(released_, place);
}

void MemoryServer::PurgeReleased() {
  MutexLock lock(mutex_);
  while (log_begin_ < released_ && !log_.empty()) {
    log_.pop_front();
    ++log_begin_;
  }
}

void MemoryServer::FailNextCommit(CommitFailure failure) {
  MutexLock lock(mutex_);
  next_commit_ = failure;
}

CommitFailure MemoryServer::TakeCommitFailure() {
  MutexLock lock(mutex_);
  return std::exchange(next_commit_, CommitFailure::kNone);
}

void MemoryServer::FailNextCalls(int count) {
  MutexLock lock(mutex_);
  failing_calls_ = count;
}

void MemoryServer::DropConnections() {
  MutexLock lock(mutex_);
  ++generation_;
  std::vector<TransactionId> ids;
  for (const auto& [id, transaction] : open_) ids.push_back(id);
  for (TransactionId id : ids) End(id, Fragment::Kind::kRollback);
}

void MemoryServer::SetLockWait(std::chrono::milliseconds wait) {
  MutexLock lock(mutex_);
  lock_wait_ = wait;
}

void MemoryServer::SetPressure(double pressure) {
  MutexLock lock(mutex_);
  pressure_ = pressure;
}

double MemoryServer::Pressure() {
  MutexLock lock(mutex_);
  ++pressure_reads_;
  return pressure_;
}

int MemoryServer::pressure_reads() {
  MutexLock lock(mutex_);
  return pressure_reads_;
}

void MemoryServer::Admit() {
  MutexLock lock(mutex_);
  if (failing_calls_ == 0) return;
  --failing_calls_;
  throw Overloaded();
}

uint64_t MemoryServer::connection_generation() {
  MutexLock lock(mutex_);
  return generation_;
}

Row MakeRow(const TableSchema& table, const std::vector<int>& columns, const RowBatch& batch,
            size_t row, const Row* base) {
  Row out;
  if (base != nullptr) {
    out = *base;
  } else {
    for (const ColumnSchema& column : table.columns) {
      const auto& value = column.default_value;
      const bool is_literal = value && value->kind == ColumnSchema::Default::Kind::kLiteral;
      out.push_back(is_literal ? Cell(value->text) : Cell());
    }
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    Cell& cell = out[static_cast<size_t>(columns[i])];
    if (batch.has_value(row, i)) cell = std::string(batch.cell(row, i));
    if (batch.is_null(row, i)) cell.reset();
  }
  return out;
}

}  // namespace godwit::memory
