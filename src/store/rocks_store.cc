// SPDX-License-Identifier: Apache-2.0
#include "store/rocks_store.h"

#include <algorithm>

#include "base/byte_writer.h"
#include "model/change_codec.h"
#include "store/log_reader.h"
#include "store/store_errors.h"

namespace godwit {
namespace {

constexpr size_t kGroupBytes = 1 << 20;
constexpr size_t kSpillBytes = 256 << 10;
constexpr uint64_t kReservedSpools = 4096;
constexpr size_t kCachedSchemas = 4096;
// Above it a change is stored in pieces.
constexpr size_t kLargeChange = 4 << 20;
// Fewer parts are deleted one by one: ranges slow down every later read.
constexpr uint64_t kFewParts = 64;
constexpr int kAttemptsToRead = 50;

const std::string kFormatKey = "format";
const std::string kFormat = "2";
const std::string kFormatWithoutPieces = "1";  // else the same
const std::string kPlaceKey = "place";
const std::string kSpoolsKey = "spools";
const std::string kFirstKey = "first";
const std::string kReleasedKey = "released";
constexpr char kOpenPrefix = 'o';  // "o" and the id of a spool that has parts but no commit

std::string OpenKey(uint64_t spool) { return kOpenPrefix + Key(spool); }

}  // namespace

std::unique_ptr<Store> Store::Open(const std::string& path, const StoreOptions& options) {
  return std::make_unique<RocksStore>(path, options, Database::Access::kWrite);
}

std::unique_ptr<Store> Store::OpenToRead(const std::string& path) {
  // Between reading the list of files and opening them the writer may have replaced some.
  for (int attempt = 1;; ++attempt) {
    try {
      return std::make_unique<RocksStore>(path, StoreOptions{}, Database::Access::kRead);
    } catch (const Error&) {
      if (attempt == kAttemptsToRead) throw;
    }
  }
}

RocksStore::RocksStore(const std::string& path, const StoreOptions& options,
                       Database::Access access)
    : database_(path, options, access), access_(access), spool_budget_(options.memory_bytes / 4) {
  try {
    Load();
  } catch (const Error& error) {
    if (error.code() != "CORRUPT_BYTES") throw;
    throw StoreCorrupt(path, error.fields().message);
  }
}

void RocksStore::Load() {
  const auto format = database_.Get(Database::kMeta, kFormatKey);
  if (format && *format != kFormat && *format != kFormatWithoutPieces) {
    throw StoreCorrupt(database_.path(), "its format '" + *format + "' is unknown");
  }
  if (format != kFormat) group_.Put(database_.family(Database::kMeta), kFormatKey, kFormat);
  Position position;
  Position restart;
  if (auto place = database_.Get(Database::kMeta, kPlaceKey)) {
    DecodePlace(*place, position, restart);
  }
  Sequence first = 1;
  if (auto key = database_.Get(Database::kMeta, kFirstKey)) first = NumberOfKey(*key);
  if (auto key = database_.Get(Database::kMeta, kSpoolsKey)) next_spool_ = NumberOfKey(*key);
  reserved_spools_ = next_spool_;
  committed_ = first - 1;
  if (auto key = database_.LastKey(Database::kLog)) {
    committed_ = NumberOfKey(*key);
    highest_time_us_ = Entry(committed_).highest_time_us;
  }
  {
    MutexLock lock(mutex_);
    position_ = std::move(position);
    restart_ = std::move(restart);
    first_ = first;
    durable_ = committed_;
  }
  LoadSchemas();
  if (access_ == Database::Access::kRead) return;
  DiscardOrphans();
  WriteGroup(Database::Durability::kNow);
}

void RocksStore::DiscardOrphans() {
  auto scan = database_.Scan(Database::kMeta);
  const std::string prefix(1, kOpenPrefix);
  for (scan->Seek(prefix); scan->Valid() && scan->key().starts_with(prefix); scan->Next()) {
    const uint64_t spool = NumberOfKey(scan->key().ToStringView().substr(1));
    group_.DeleteRange(database_.family(Database::kParts), PartKey(spool, 0),
                       PartKey(spool + 1, 0));
    group_.Delete(database_.family(Database::kMeta), scan->key());
  }
  database_.Check(scan->status(), "reading");
}

uint64_t RocksStore::BeginTransaction() {
  if (next_spool_ == reserved_spools_) {
    reserved_spools_ += kReservedSpools;
    group_.Put(database_.family(Database::kMeta), kSpoolsKey, Key(reserved_spools_));
  }
  spools_.try_emplace(next_spool_);
  return next_spool_++;
}

Spool& RocksStore::Open(uint64_t id) {
  const auto spool = spools_.find(id);
  GODWIT_CHECK(spool != spools_.end(), "a spool is used from its begin to its commit or discard");
  return spool->second;
}

void RocksStore::AppendRows(uint64_t id, const RowsChange& rows) {
  Spool& spool = Open(id);
  if (rows.before.bytes() + rows.after.bytes() > kLargeChange) return AppendLarge(id, spool, rows);
  spool.buffer().push_back(static_cast<char>(PartKind::kRows));
  AppendEncoded(spool.buffer(), rows);
  EndPart(id, spool, &rows);
}

void RocksStore::AppendLarge(uint64_t id, Spool& spool, const RowsChange& rows) {
  uint64_t pieces = 0;
  for (const RowBatch* batch : {&rows.before, &rows.after}) {
    pieces += (batch->data().size() + kPieceBytes - 1) / kPieceBytes;
  }
  spool.buffer().push_back(static_cast<char>(PartKind::kLargeRows));
  AppendVarint(spool.buffer(), pieces);
  AppendFrame(spool.buffer(), rows);
  EndPart(id, spool, &rows);
  for (const RowBatch* batch : {&rows.before, &rows.after}) {
    for (std::string_view left = batch->data(); !left.empty();) {
      const std::string_view piece = left.substr(0, kPieceBytes);
      left.remove_prefix(piece.size());
      spool.buffer().push_back(static_cast<char>(PartKind::kPiece));
      spool.buffer().append(piece);
      EndPart(id, spool, nullptr);
    }
  }
}

void RocksStore::AppendDdl(uint64_t id, const SchemaChange& ddl) {
  Spool& spool = Open(id);
  spool.buffer().push_back(static_cast<char>(PartKind::kDdl));
  AppendEncoded(spool.buffer(), ddl);
  EndPart(id, spool, nullptr);
}

void RocksStore::EndPart(uint64_t id, Spool& spool, const RowsChange* rows) {
  const uint64_t before = spool.counts().bytes;
  const size_t pending = spool.pending_bytes();
  spool.EndPart(rows);
  pending_bytes_ += spool.counts().bytes - before;
  if (pending > kSpillBytes) {
    Spill(id, spool);
  } else if (pending_bytes_ > spool_budget_) {
    SpillAll();
  }
}

// Parts go to the database before their commit: the note of the spool goes before them.
void RocksStore::Spill(uint64_t id, Spool& spool) {
  if (spool.pending_bytes() == 0) return;
  group_.Put(database_.family(Database::kMeta), OpenKey(id), "");
  PutParts(id, spool);
  if (group_.GetDataSize() > kGroupBytes) WriteGroup(Database::Durability::kWithNextSync);
}

void RocksStore::SpillAll() {
  for (auto& [id, spool] : spools_) Spill(id, spool);
}

void RocksStore::PutParts(uint64_t id, Spool& spool) {
  pending_bytes_ -= spool.pending_bytes();
  spool.Spill([&](uint64_t part, std::string_view value) {
    group_.Put(database_.family(Database::kParts), PartKey(id, part),
               rocksdb::Slice(value.data(), value.size()));
  });
}

void RocksStore::DeleteParts(uint64_t id, uint64_t from, uint64_t through) {
  if (through - from > kFewParts) {
    group_.DeleteRange(database_.family(Database::kParts), PartKey(id, from), PartKey(id, through));
    return;
  }
  for (uint64_t part = from; part < through; ++part) {
    group_.Delete(database_.family(Database::kParts), PartKey(id, part));
  }
}

uint64_t RocksStore::Mark(uint64_t id) { return Open(id).Mark(); }

void RocksStore::RollbackTo(uint64_t id, uint64_t mark) {
  Spool& spool = Open(id);
  const size_t pending = spool.pending_bytes();
  const uint64_t surplus = spool.RollbackTo(mark);
  pending_bytes_ -= pending - spool.pending_bytes();
  const uint64_t kept = spool.counts().parts;
  if (surplus != 0) DeleteParts(id, kept, kept + surplus);
}

void RocksStore::Unmark(uint64_t id, uint64_t mark) { Open(id).Unmark(mark); }

void RocksStore::Discard(uint64_t id) {
  const auto found = spools_.find(id);
  if (found == spools_.end()) return;  // Reset has taken it
  const Spool& spool = found->second;
  pending_bytes_ -= spool.pending_bytes();
  if (spool.spilled() != 0) DeleteParts(id, 0, spool.spilled());
  if (spool.was_spilled()) group_.Delete(database_.family(Database::kMeta), OpenKey(id));
  spools_.erase(found);
}

Sequence RocksStore::Commit(uint64_t id, LoggedTransaction info,
                            const std::vector<SchemaVersion>& schemas) {
  Spool& spool = Open(id);
  if (spool.was_spilled()) group_.Delete(database_.family(Database::kMeta), OpenKey(id));
  PutParts(id, spool);
  highest_time_us_ = std::max(highest_time_us_, info.source_time_us);
  LogEntry entry;
  entry.info = std::move(info);
  entry.info.sequence = ++committed_;
  entry.info.rows = spool.counts().rows;
  entry.info.changes = spool.counts().changes;
  entry.info.bytes = spool.counts().bytes;
  entry.info.parts = spool.counts().parts;
  entry.spool = id;
  entry.oldest_open_spool = spools_.begin()->first;
  entry.highest_time_us = highest_time_us_;
  spools_.erase(id);
  group_.Put(database_.family(Database::kLog), Key(committed_), EncodeLogEntry(entry));
  PutSchemas(schemas);
  SetPlace(entry.info.position, entry.info.restart);
  if (group_.GetDataSize() > kGroupBytes) WriteGroup(Database::Durability::kWithNextSync);
  return committed_;
}

void RocksStore::PutSchemas(const std::vector<SchemaVersion>& schemas) {
  MutexLock lock(schemas_mutex_);
  for (const SchemaVersion& schema : schemas) {
    group_.Put(database_.family(Database::kSchemas), Key(schema.version),
               EncodeSchemaVersion(schema));
    if (schema.table) Cache(schema.version, schema.table);
    Remember(schema);
  }
}

void RocksStore::SetPlace(const Position& position, const Position& restart) {
  group_.Put(database_.family(Database::kMeta), kPlaceKey, EncodePlace(position, restart));
  MutexLock lock(mutex_);
  position_ = position;
  restart_ = restart;
}

void RocksStore::Sync(const Position& position, const Position& restart) {
  SetPlace(position, restart);
  WriteGroup(Database::Durability::kNow);
  MutexLock lock(mutex_);
  durable_ = committed_;
  moved_.notify_all();
}

// After a failed write nobody knows what of it is there, and later ones must not go ahead of it.
void RocksStore::WriteGroup(Database::Durability durability) {
  GODWIT_CHECK(access_ == Database::Access::kWrite, "a store opened to read is not written");
  if (failed_) throw *failed_;
  try {
    database_.Write(group_, durability);
  } catch (const Error& error) {
    failed_ = error;
    throw;
  }
  group_.Clear();
}

void RocksStore::Reset() {
  const std::string end(17, '\xff');  // above every key
  group_.Clear();
  for (auto family : {Database::kParts, Database::kLog, Database::kSchemas}) {
    group_.DeleteRange(database_.family(family), std::string(), end);
  }
  group_.DeleteRange(database_.family(Database::kMeta), std::string(1, kOpenPrefix),
                     std::string(1, kOpenPrefix + 1));
  group_.Delete(database_.family(Database::kMeta), kPlaceKey);
  group_.Delete(database_.family(Database::kMeta), kReleasedKey);
  group_.Put(database_.family(Database::kMeta), kFirstKey, Key(1));
  // Ids of spools go on rising: late discards of old ones then mean nothing.
  group_.Put(database_.family(Database::kMeta), kSpoolsKey, Key(reserved_spools_));
  WriteGroup(Database::Durability::kNow);
  spools_.clear();
  pending_bytes_ = 0;
  committed_ = 0;
  highest_time_us_ = 0;
  {
    MutexLock lock(schemas_mutex_);
    schemas_.clear();
    latest_.clear();
  }
  {
    MutexLock lock(mutex_);
    first_ = 1;
    durable_ = 0;
    position_ = {};
    restart_ = {};
  }
  database_.DropFilesBelow(Database::kParts, PartKey(next_spool_, 0));
}

Position RocksStore::position() {
  MutexLock lock(mutex_);
  return position_;
}

Position RocksStore::restart() {
  MutexLock lock(mutex_);
  return restart_;
}

void RocksStore::AddSchemas(const std::vector<SchemaVersion>& schemas) {
  PutSchemas(schemas);
  WriteGroup(Database::Durability::kNow);
}

TableSchemaPtr RocksStore::Schema(uint64_t version) {
  {
    MutexLock lock(schemas_mutex_);
    const auto cached = schemas_.find(version);
    if (cached != schemas_.end()) return cached->second;
  }
  const auto bytes = database_.Get(Database::kSchemas, Key(version));
  TableSchemaPtr table = bytes ? DecodeSchemaVersion(version, *bytes).table : nullptr;
  if (!table) {
    throw StoreCorrupt(database_.path(),
                       "the table definition " + std::to_string(version) + " is missing");
  }
  MutexLock lock(schemas_mutex_);
  Cache(version, table);
  return table;
}

void RocksStore::Cache(uint64_t version, const TableSchemaPtr& table) {
  if (schemas_.size() >= kCachedSchemas) schemas_.clear();
  schemas_[version] = table;
}

std::vector<SchemaVersion> RocksStore::LatestSchemas() {
  MutexLock lock(schemas_mutex_);
  std::vector<SchemaVersion> out;
  for (const auto& [name, schema] : latest_) out.push_back(schema);
  return out;
}

std::vector<SchemaVersion> RocksStore::SchemasBefore(uint64_t version) {
  auto scan = database_.Scan(Database::kSchemas);
  std::map<TableName, SchemaVersion> then;
  for (scan->SeekToFirst(); scan->Valid(); scan->Next()) {
    const uint64_t number = NumberOfKey(scan->key().ToStringView());
    if (number >= version) break;
    SchemaVersion schema = DecodeSchemaVersion(number, scan->value().ToStringView());
    then[schema.name] = std::move(schema);
  }
  database_.Check(scan->status(), "reading the schema history");
  std::vector<SchemaVersion> out;
  for (auto& [name, schema] : then) {
    if (schema.table) out.push_back(std::move(schema));
  }
  return out;
}

void RocksStore::LoadSchemas() {
  auto scan = database_.Scan(Database::kSchemas);
  MutexLock lock(schemas_mutex_);
  for (scan->SeekToFirst(); scan->Valid(); scan->Next()) {
    const uint64_t version = NumberOfKey(scan->key().ToStringView());
    Remember(DecodeSchemaVersion(version, scan->value().ToStringView()));
    next_schema_version_ = version + 1;
  }
  database_.Check(scan->status(), "reading the schema history");
}

void RocksStore::Remember(const SchemaVersion& schema) {
  if (schema.table) {
    SchemaVersion& latest = latest_[schema.name];
    const uint64_t since = latest.table ? latest.since : schema.version;
    latest = schema;
    latest.since = since;
  } else {
    latest_.erase(schema.name);
  }
}

std::unique_ptr<LogReader> RocksStore::Read(Sequence after) {
  return std::make_unique<RocksLogReader>(*this, after);
}

}  // namespace godwit
