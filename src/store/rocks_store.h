// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rocksdb/write_batch.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "store/database.h"
#include "store/log_entry.h"
#include "store/spool.h"
#include "store/store.h"

namespace godwit {

// The Store. What the capture side writes is gathered in one batch, `group_`, which goes to the
// database when it is large, and with a sync at Sync: parts of small transactions and their index
// entry are then one atomic write. The parts of a large transaction go ahead of its entry; a note
// of its spool goes before them, by which Open finds what never was committed. A large change is
// cut into parts of its own: a batch, the log on disk and the memtables hold a value each.
class RocksStore : public Store {
 public:
  RocksStore(const std::string& path, const StoreOptions& options, Database::Access access);

  uint64_t BeginTransaction() override;
  void AppendRows(uint64_t spool, const RowsChange& rows) override;
  void AppendDdl(uint64_t spool, const SchemaChange& ddl) override;
  uint64_t Mark(uint64_t spool) override;
  void RollbackTo(uint64_t spool, uint64_t mark) override;
  void Unmark(uint64_t spool, uint64_t mark) override;
  void Discard(uint64_t spool) override;
  Sequence Commit(uint64_t spool, LoggedTransaction info,
                  const std::vector<SchemaVersion>& schemas) override;
  void Sync(const Position& position, const Position& restart) override;
  void Reset() override;
  Position position() override;
  Position restart() override;
  uint64_t NextSchemaVersion() override { return next_schema_version_++; }
  void AddSchemas(const std::vector<SchemaVersion>& schemas) override;
  TableSchemaPtr Schema(uint64_t version) override;
  std::vector<SchemaVersion> LatestSchemas() override;
  std::vector<SchemaVersion> SchemasBefore(uint64_t version) override;
  std::unique_ptr<LogReader> Read(Sequence after) override;
  Sequence last() override;
  std::optional<LoggedTransaction> Find(Sequence sequence) override;
  std::string LastTransaction() override;
  Sequence FindTime(int64_t source_time_us) override;
  void Release(Sequence up_to) override;
  StoreStatus status() override;

  // For readers. WaitFor is true once the transaction is durable, false at deadline or stop; throws
  // STORE_RELEASED.
  bool WaitFor(Sequence sequence, Deadline deadline, std::stop_token stop);
  LogEntry Entry(Sequence sequence);
  const Database& database() const { return database_; }

 private:
  void Load();
  void DiscardOrphans();
  void LoadSchemas();
  void Remember(const SchemaVersion& schema) REQUIRES_LOCK(schemas_mutex_);
  void Cache(uint64_t version, const TableSchemaPtr& table) REQUIRES_LOCK(schemas_mutex_);
  Spool& Open(uint64_t spool);
  void AppendLarge(uint64_t id, Spool& spool, const RowsChange& rows);
  void EndPart(uint64_t id, Spool& spool, const RowsChange* rows);
  void Spill(uint64_t id, Spool& spool);
  void SpillAll();
  void PutParts(uint64_t id, Spool& spool);
  void DeleteParts(uint64_t id, uint64_t from, uint64_t through);
  void PutSchemas(const std::vector<SchemaVersion>& schemas);
  void WriteGroup(Database::Durability durability);
  void SetPlace(const Position& position, const Position& restart);

  Database database_;
  const Database::Access access_;
  const uint64_t spool_budget_;

  // Capture thread.
  rocksdb::WriteBatch group_;
  std::optional<godwit::Error> failed_;
  std::map<uint64_t, Spool> spools_;
  uint64_t pending_bytes_ = 0;
  uint64_t next_spool_ = 1;
  uint64_t reserved_spools_ = 1;  // ids below it are never given out again after a restart
  Sequence committed_ = 0;
  int64_t highest_time_us_ = 0;
  uint64_t next_schema_version_ = 1;

  Mutex mutex_;
  CondVar moved_;
  Sequence first_ GUARDED_BY(mutex_) = 1;
  Sequence durable_ GUARDED_BY(mutex_) = 0;
  Position position_ GUARDED_BY(mutex_);
  Position restart_ GUARDED_BY(mutex_);

  Mutex schemas_mutex_;
  std::unordered_map<uint64_t, TableSchemaPtr> schemas_ GUARDED_BY(schemas_mutex_);
  std::map<TableName, SchemaVersion> latest_ GUARDED_BY(schemas_mutex_);

  Mutex release_mutex_;
  uint64_t released_bytes_ GUARDED_BY(release_mutex_) = 0;
  std::string dropped_below_ GUARDED_BY(release_mutex_);
};

}  // namespace godwit
