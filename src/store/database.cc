// SPDX-License-Identifier: Apache-2.0
#include "store/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "store/store_errors.h"

namespace godwit {
namespace {

constexpr const char* kFamilyNames[] = {"default", "parts", "log", "schemas"};

rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache, size_t block) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.block_size = block;
  table.format_version = 5;
  table.cache_index_and_filter_blocks = true;  // inside of the memory bound
  return table;
}

// In place of RocksDB's own log of events, which ends the program where the disk is full (an
// assertion), and which a reader beside the writer would rename.
class Silence : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

// The directory of a store that another process writes. RocksDB reads the list of data files (its
// manifest) and looks for logs then: a log whose rows went into a data file between the two would
// be in neither. So logs are listed only while the manifest is what it was at first; no log that it
// asks for is removed before it changes. What is removed later is missed when it is opened.
class BesideWriter : public rocksdb::EnvWrapper {
 public:
  BesideWriter(rocksdb::Env* env, std::string path)
      : EnvWrapper(env), path_(std::move(path)), manifest_(Manifest()) {}
  const char* Name() const override { return "BesideWriter"; }
  rocksdb::Status GetChildren(const std::string& path, std::vector<std::string>* names) override {
    const rocksdb::Status status = target()->GetChildren(path, names);
    if (!status.ok() || path != path_ || Manifest() == manifest_) return status;
    return rocksdb::Status::TryAgain("its owner has replaced files meanwhile");
  }

 private:
  // Its name and size: it is only ever appended to, or replaced.
  std::pair<std::string, uint64_t> Manifest() {
    std::string name;
    uint64_t size = 0;
    if (rocksdb::ReadFileToString(target(), path_ + "/CURRENT", &name).ok()) {
      while (!name.empty() && name.back() == '\n') name.pop_back();
      target()->GetFileSize(path_ + "/" + name, &size);
    }
    return {std::move(name), size};
  }

  const std::string path_;
  const std::pair<std::string, uint64_t> manifest_;
};

// Parts come in rising key order and go in the same order: files do not overlap, so compaction only
// moves them from level 0 to level 1 by name, where Release drops them whole.
rocksdb::ColumnFamilyOptions PartsOptions(uint64_t memory, std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions parts;
  parts.write_buffer_size = std::max<uint64_t>(memory / 4, 1 << 20);
  parts.max_write_buffer_number = 3;
  parts.compression = rocksdb::kLZ4Compression;
  parts.num_levels = 2;
  parts.level0_file_num_compaction_trigger = 2;
  parts.target_file_size_base = parts.write_buffer_size;
  parts.max_bytes_for_level_base = uint64_t{1} << 50;
  parts.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(cache, 64 << 10)));
  return parts;
}

rocksdb::ColumnFamilyOptions SmallOptions(uint64_t memory, std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::ColumnFamilyOptions small;
  small.write_buffer_size = std::max<uint64_t>(memory / 16, 256 << 10);
  small.max_write_buffer_number = 2;
  small.compression = rocksdb::kLZ4Compression;
  small.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(cache, 16 << 10)));
  return small;
}

}  // namespace

Database::Database(std::string path, const StoreOptions& options, Access access)
    : path_(std::move(path)), env_(options.env != nullptr ? options.env : rocksdb::Env::Default()) {
  if (access == Access::kWrite) {
    Lock();
  } else {
    beside_ = std::make_unique<BesideWriter>(env_, path_);
    env_ = beside_.get();
  }
  Open(options, access);
}

void Database::Lock() {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error) throw StoreError(rocksdb::Status::IOError(error.message()), path_, "creating it");
  // A lock of our own: RocksDB reports a taken one like any other I/O error.
  rocksdb::FileLock* lock = nullptr;
  if (!env_->LockFile(path_ + "/GODWIT_LOCK", &lock).ok()) throw StoreLocked(path_);
  lock_ = {lock, [env = env_](rocksdb::FileLock* held) { env->UnlockFile(held); }};
}

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  db_->Close();
}

void Database::Open(const StoreOptions& options, Access access) {
  const uint64_t memory = options.memory_bytes;
  rocksdb::DBOptions db;
  db.env = env_;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.max_background_jobs = 2;
  db.max_open_files = 512;
  db.db_write_buffer_size = memory / 2;
  db.max_total_wal_size = std::max<uint64_t>(memory * 4, 16 << 20);
  db.keep_log_file_num = 2;
  db.max_manifest_file_size = 16 << 20;
  // A torn end of the log is a crash; damage before it would silently lose what was durable.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  auto cache = rocksdb::NewLRUCache(memory / 4);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilyNames) {
    const bool is_parts = name == kFamilyNames[kParts];
    descriptors.emplace_back(name,
                             is_parts ? PartsOptions(memory, cache) : SmallOptions(memory, cache));
  }
  db.info_log = std::make_shared<Silence>();
  rocksdb::DB* opened = nullptr;
  if (access == Access::kRead) {
    db.create_if_missing = false;
    db.create_missing_column_families = false;
    Check(rocksdb::DB::OpenForReadOnly(db, path_, descriptors, &families_, &opened), "opening");
  } else {
    Check(rocksdb::DB::Open(db, path_, descriptors, &families_, &opened), "opening");
  }
  db_.reset(opened);
}

void Database::Check(const rocksdb::Status& status, const char* doing) const {
  if (!status.ok()) throw StoreError(status, path_, doing);
}

std::optional<std::string> Database::Get(Family which, const std::string& key) const {
  std::string value;
  const rocksdb::Status status = db_->Get(rocksdb::ReadOptions(), family(which), key, &value);
  if (status.IsNotFound()) return {};
  Check(status, "reading");
  return value;
}

void Database::Write(rocksdb::WriteBatch& batch, Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::kNow;
  Check(db_->Write(options, &batch), "writing");
}

std::unique_ptr<rocksdb::Iterator> Database::Scan(Family which) const {
  rocksdb::ReadOptions options;
  options.readahead_size = 1 << 20;
  options.fill_cache = false;
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family(which)));
}

std::optional<std::string> Database::LastKey(Family which) const {
  auto scan = Scan(which);
  scan->SeekToLast();
  Check(scan->status(), "reading");
  if (!scan->Valid()) return {};
  return scan->key().ToString();
}

void Database::DropFilesBelow(Family which, const std::string& end) {
  const rocksdb::Slice limit(end);
  Check(rocksdb::DeleteFilesInRange(db_.get(), family(which), nullptr, &limit, false), "releasing");
}

void Database::FreeLogs() {
  std::vector<rocksdb::ColumnFamilyHandle*> slow = families_;
  slow.erase(slow.begin() + kParts);
  Check(db_->Flush(rocksdb::FlushOptions(), slow), "releasing");
}

uint64_t Database::bytes_on_disk() const {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path_, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;  // files come and go meanwhile
    const uint64_t size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace godwit
