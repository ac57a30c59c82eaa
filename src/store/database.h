// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace godwit {

// The RocksDB under a Store: its column families, options, lock, and errors as the user sees them.
// Any thread.
class Database {
 public:
  enum Family { kMeta, kParts, kLog, kSchemas };

  // kRead takes no lock and writes nothing: what another process has written so far, also while it
  // goes on. A file that it has removed since is missing, sooner or later.
  enum class Access { kWrite, kRead };

  Database(std::string path, const StoreOptions& options, Access access);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& path() const { return path_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const { return families_[family]; }

  std::optional<std::string> Get(Family family, const std::string& key) const;
  enum class Durability { kWithNextSync, kNow };
  void Write(rocksdb::WriteBatch& batch, Durability durability);
  // Reads ahead, without filling the cache.
  std::unique_ptr<rocksdb::Iterator> Scan(Family family) const;
  std::optional<std::string> LastKey(Family family) const;
  // Drops files that hold nothing but keys below `end`. Only for keys nobody asks for any more.
  void DropFilesBelow(Family family, const std::string& end);
  // RocksDB's own log goes file by file, once no family holds in memory alone what is in it: writes
  // out those that fill slowly.
  void FreeLogs();
  uint64_t bytes_on_disk() const;
  void Check(const rocksdb::Status& status, const char* doing) const;

 private:
  void Lock();
  void Open(const StoreOptions& options, Access access);

  const std::string path_;
  std::unique_ptr<rocksdb::Env> beside_;  // of a reader
  rocksdb::Env* env_;
  std::unique_ptr<rocksdb::FileLock, std::function<void(rocksdb::FileLock*)>> lock_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace godwit
