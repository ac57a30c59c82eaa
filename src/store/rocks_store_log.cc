// SPDX-License-Identifier: Apache-2.0
// The side of the Store that looks at the Log: finding, waiting, releasing.
#include <algorithm>

#include "base/crash_point.h"
#include "store/rocks_store.h"
#include "store/store_errors.h"

namespace godwit {
namespace {

const std::string kFirstKey = "first";
const std::string kReleasedKey = "released";  // the id of the last transaction, once released
// What is released comes back in whole files; looking for them more often finds none.
constexpr uint64_t kReleaseBytes = 16 << 20;
// Released on its own although an older transaction is still open.
constexpr uint64_t kLargeTransaction = 1 << 20;
constexpr Sequence kReleaseStep = 10'000;

}  // namespace

Sequence RocksStore::last() {
  MutexLock lock(mutex_);
  return durable_;
}

bool RocksStore::WaitFor(Sequence sequence, Deadline deadline, std::stop_token stop) {
  MutexLock lock(mutex_);
  if (sequence < first_) throw StoreReleased(database_.path(), sequence, first_);
  return moved_.wait_until(lock, stop, deadline.at(),
                           [&]() REQUIRES_LOCK(mutex_) { return durable_ >= sequence; });
}

LogEntry RocksStore::Entry(Sequence sequence) {
  const auto bytes = database_.Get(Database::kLog, Key(sequence));
  if (bytes) return DecodeLogEntry(sequence, *bytes);
  Sequence first = 0;
  {
    MutexLock lock(mutex_);
    first = first_;
  }
  if (sequence < first) throw StoreReleased(database_.path(), sequence, first);
  throw StoreCorrupt(database_.path(),
                     "transaction " + std::to_string(sequence) + " is missing in the log");
}

std::optional<LoggedTransaction> RocksStore::Find(Sequence sequence) {
  {
    MutexLock lock(mutex_);
    if (sequence < first_ || sequence > durable_) return {};
  }
  const auto bytes = database_.Get(Database::kLog, Key(sequence));
  if (!bytes) return {};
  return DecodeLogEntry(sequence, *bytes).info;
}

std::string RocksStore::LastTransaction() {
  if (auto held = Find(last())) return held->transaction;
  return database_.Get(Database::kMeta, kReleasedKey).value_or("");
}

Sequence RocksStore::FindTime(int64_t source_time_us) {
  Sequence low = 0;
  Sequence high = 0;
  {
    MutexLock lock(mutex_);
    low = first_;
    high = durable_ + 1;
  }
  const Sequence first = low;
  // The highest times rise with the sequence: the first one above the given time is searched.
  while (low < high) {
    const Sequence middle = low + (high - low) / 2;
    if (Entry(middle).highest_time_us <= source_time_us) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == first ? 0 : low - 1;
}

void RocksStore::Release(Sequence up_to) {
  MutexLock releasing(release_mutex_);
  Sequence next = 0;
  {
    MutexLock lock(mutex_);
    next = first_;
    up_to = std::min(up_to, durable_);
  }
  while (next <= up_to) {
    const Sequence last = std::min(up_to, next + kReleaseStep - 1);
    // Spools below it have all ended before the last of these was committed.
    const uint64_t oldest_open = Entry(last).oldest_open_spool;
    rocksdb::WriteBatch batch;
    for (; next <= last; ++next) {
      const LogEntry entry = Entry(next);
      batch.Delete(database_.family(Database::kLog), Key(next));
      if (next == up_to) {
        batch.Put(database_.family(Database::kMeta), kReleasedKey, entry.info.transaction);
      }
      released_bytes_ += entry.info.bytes;
      if (entry.spool >= oldest_open && entry.info.bytes > kLargeTransaction) {
        batch.DeleteRange(database_.family(Database::kParts), PartKey(entry.spool, 0),
                          PartKey(entry.spool + 1, 0));
      }
    }
    batch.Put(database_.family(Database::kMeta), kFirstKey, Key(next));
    const bool drops = released_bytes_ >= kReleaseBytes;
    {
      // Before the entries go: a reader that misses one then knows why.
      MutexLock lock(mutex_);
      first_ = next;
    }
    // Files must not go before the entries that speak of them are gone for good.
    database_.Write(batch,
                    drops ? Database::Durability::kNow : Database::Durability::kWithNextSync);
    CrashPoint("store-after-release");
    if (!drops) continue;
    dropped_below_ = PartKey(oldest_open, 0);
    database_.DropFilesBelow(Database::kParts, dropped_below_);
    database_.FreeLogs();
    released_bytes_ = 0;
  }
  // What was on its way to the level whose files can be dropped has come there since.
  if (!dropped_below_.empty()) database_.DropFilesBelow(Database::kParts, dropped_below_);
}

StoreStatus RocksStore::status() {
  StoreStatus status;
  Sequence first = 0;
  {
    MutexLock lock(mutex_);
    first = first_;
    status.last = durable_;
  }
  if (first <= status.last) {
    status.first = first;
    if (auto found = Find(first)) status.first_time_us = found->source_time_us;
    if (auto found = Find(status.last)) status.last_time_us = found->source_time_us;
  }
  status.bytes = database_.bytes_on_disk();
  return status;
}

}  // namespace godwit
