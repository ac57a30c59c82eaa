// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "model/change.h"
#include "model/position.h"

namespace rocksdb {
class Env;
}

namespace godwit {

// Row changes of one table by kind, under one of its definitions.
struct TableChanges {
  uint64_t schema_version = 0;
  uint64_t inserts = 0;
  uint64_t updates = 0;
  uint64_t deletes = 0;

  bool operator==(const TableChanges&) const = default;
};

// What the Log knows of one transaction.
struct LoggedTransaction {
  Sequence sequence = 0;
  std::string transaction;     // identity at the source
  int64_t source_time_us = 0;  // commit time there, µs since 1970 UTC
  Position position;           // of the source's log behind its commit
  Position restart;            // where capture starts again to miss nothing after it
  uint64_t rows = 0;           // row changes
  uint64_t bytes = 0;          // as stored
  uint64_t parts = 0;          // as stored: a large change is several
  bool is_ddl = false;
  bool has_partial_images = false;         // new images that do not say the whole row
  uint64_t first_schema_version = 0;       // of those its DDL made; 0: none, or not known
  std::vector<TableChanges> changes = {};  // add up to `rows`; empty: not known
};

// One part of a logged transaction.
struct LogPart {
  enum class Kind : uint8_t { kRows, kDdl };
  Kind kind = Kind::kRows;
  RowsChange rows;
  SchemaChange ddl;
};

// Reads the Log in sequence order, whole transactions only. One thread; ends before its Store.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // The next transaction; waits until there is one, the deadline or a stop (then nullopt).
  virtual std::optional<LoggedTransaction> NextTransaction(Deadline deadline,
                                                           std::stop_token stop) = 0;
  // Its parts, one after another; false after the last. A transaction may be left unread.
  virtual bool NextPart(LogPart& part) = 0;
};

// A definition that holds from a place in the log on.
struct SchemaVersion {
  uint64_t version = 0;  // unique in the Store, rising
  TableName name;
  TableSchemaPtr table;  // null: the table does not exist from here on
  // Of the latest ones: by which a table has come under this name. As long as it is altered, and
  // not dropped or renamed, that is the same. Not stored.
  uint64_t since = 0;
};

struct StoreOptions {
  uint64_t memory_bytes = 64 << 20;  // write buffers, spool buffers and block cache together
  rocksdb::Env* env = nullptr;       // the files' world, for tests that make it fail; not owned
};

struct StoreStatus {
  Sequence first = 0;  // oldest still held, 0 if none
  Sequence last = 0;
  uint64_t bytes = 0;  // on disk
  int64_t first_time_us = 0;
  int64_t last_time_us = 0;
};

// A link's Log, the spool of its open transactions and its schema history, in one RocksDB
// (layout: docs/formats.md). Parts of a transaction are written once, under the spool id it got at
// its begin; the commit writes only an index entry that names them, so nothing is copied and no
// transaction has to fit into memory. The capture methods belong to one thread; LogReaders and
// the status have their own.
class Store {
 public:
  // Creates or opens; what was open without a commit is discarded. STORE_LOCKED when another
  // process has it, STORE_CORRUPT when it cannot be read, STORE_DISK_FULL and STORE_IO when the
  // disk refuses; after a failed write every later one fails alike, until it is opened again.
  static std::unique_ptr<Store> Open(const std::string& path, const StoreOptions& options);
  // What is there now, for reading only, also beside the process that writes: the Log up to its
  // last transaction at this moment. Later ones do not come; files that the writer's retention has
  // removed make reading fail with STORE_IO (open it anew) or STORE_RELEASED.
  static std::unique_ptr<Store> OpenToRead(const std::string& path);
  virtual ~Store() = default;

  // --- capture side ---
  virtual uint64_t BeginTransaction() = 0;  // a spool id
  virtual void AppendRows(uint64_t spool, const RowsChange& rows) = 0;
  virtual void AppendDdl(uint64_t spool, const SchemaChange& ddl) = 0;
  // For savepoints; a rollback to one undoes those set after it. Each is held until then, or until
  // the caller gives it up.
  virtual uint64_t Mark(uint64_t spool) = 0;
  virtual void RollbackTo(uint64_t spool, uint64_t mark) = 0;
  virtual void Unmark(uint64_t /*spool*/, uint64_t /*mark*/) {}
  virtual void Discard(uint64_t spool) = 0;
  // Appends it to the Log under the next sequence, together with the schema versions its DDL made.
  // `info.sequence`, `rows`, `changes`, `bytes` and `parts` are filled in here. Durable with the
  // next Sync; readers see only what is durable.
  virtual Sequence Commit(uint64_t spool, LoggedTransaction info,
                          const std::vector<SchemaVersion>& schemas) = 0;
  // Makes everything committed durable, and remembers how far the source's log was read
  // (`restart` may lie behind the last transaction's: heartbeats).
  virtual void Sync(const Position& position, const Position& restart) = 0;

  // Forgets everything, as if newly made. No reader may be open.
  virtual void Reset() = 0;

  // The place of the last Sync or Commit, whichever came last; empty before the first. Any thread.
  virtual Position position() = 0;
  virtual Position restart() = 0;

  // --- schema history ---
  virtual uint64_t NextSchemaVersion() = 0;
  // Adds definitions outside of any transaction (the start of capture), durably.
  virtual void AddSchemas(const std::vector<SchemaVersion>& schemas) = 0;
  virtual TableSchemaPtr Schema(uint64_t version) = 0;  // any thread; cached
  // The newest definition of every table that exists, for capture to go on with. Any thread.
  virtual std::vector<SchemaVersion> LatestSchemas() = 0;
  // The same as of before this version.
  virtual std::vector<SchemaVersion> SchemasBefore(uint64_t version) = 0;

  // --- replay side, any thread ---
  // From after + 1 on. The reader throws STORE_RELEASED where that is no longer held.
  virtual std::unique_ptr<LogReader> Read(Sequence after) = 0;
  virtual Sequence last() = 0;  // durable
  virtual std::optional<LoggedTransaction> Find(Sequence sequence) = 0;
  // The id of the last durable one, also where it is no longer held; empty: there was none.
  virtual std::string LastTransaction() = 0;
  // The last transaction before the first one whose source time is above the given one; 0 if that
  // is none held.
  virtual Sequence FindTime(int64_t source_time_us) = 0;
  // Forgets transactions up to here (retention). Their space comes back in the background; another
  // call, also for none, frees what the last one could not yet.
  virtual void Release(Sequence up_to) = 0;
  virtual StoreStatus status() = 0;
};

}  // namespace godwit
