// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "endpoint/sink.h"

namespace godwit {

// Tests only: a destination that checks what replay must never get wrong. Every unique value that a
// transaction touches is its own until it ends; another lane that touches it meanwhile is noted as
// a violation. Cells compare as a case-insensitive collation that ignores accents does.
class TestDatabase {
 public:
  using Cell = std::optional<std::string>;
  using Row = std::vector<Cell>;

  void Create(TableSchemaPtr table);
  void Redefine(TableSchemaPtr table);  // with its rows
  void Drop(const TableName& name);
  void Truncate(const TableName& name);
  void Rename(const TableName& from, const TableName& to);
  TableSchemaPtr Find(const TableName& name);
  std::string Fingerprint(const TableName& name);
  std::vector<Row> Rows(const TableName& name);  // sorted
  std::vector<std::string> violations();
  std::vector<std::string> statements();

  // How many runs of changes the sinks were given.
  std::atomic<int> runs{0};
  // Called before each commit (with its number) and each statement; may throw.
  std::function<void(int)> before_commit;
  std::function<void(const std::string&)> on_statement;

  std::unique_ptr<Sink> OpenSink();
  std::vector<LaneState> Lanes();

  // One change under the mutex; `by` owns the values it touches. Throws CHANGE_ROW_*.
  void Apply(const void* by, const RowChange& change, ApplyMode mode);
  void End(const void* by, const std::optional<std::pair<int, LaneProgress>>& commit);
  void Execute(const std::string& sql);
  int NextCommit();

 private:
  struct Table {
    TableSchemaPtr schema;
    uint64_t created = 0;
    std::vector<Row> rows;
  };
  struct Undo {
    TableName table;
    std::optional<Row> added;
    std::optional<Row> removed;
  };

  std::string KeyOf(const TableSchema& table, const IndexSchema& index, const Row& row) const;
  void Own(const void* by, const TableSchema& table, const Row& row) REQUIRES_LOCK(mutex_);
  void Add(const void* by, Table& table, const Row& row) REQUIRES_LOCK(mutex_);
  void Remove(const void* by, Table& table, size_t row) REQUIRES_LOCK(mutex_);
  std::optional<size_t> FindClash(const Table& table, const Row& row, const Row* self) const
      REQUIRES_LOCK(mutex_);

  Mutex mutex_;
  std::map<TableName, Table> tables_ GUARDED_BY(mutex_);
  std::map<std::string, const void*> owners_ GUARDED_BY(mutex_);
  std::map<const void*, std::vector<Undo>> open_ GUARDED_BY(mutex_);
  std::map<int, LaneProgress> lanes_ GUARDED_BY(mutex_);
  std::vector<std::string> violations_ GUARDED_BY(mutex_);
  std::vector<std::string> statements_ GUARDED_BY(mutex_);
  uint64_t created_ GUARDED_BY(mutex_) = 0;
  int commits_ GUARDED_BY(mutex_) = 0;
};

}  // namespace godwit
