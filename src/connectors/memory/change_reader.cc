// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/change_reader.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "base/byte_writer.h"

namespace godwit::memory {
namespace {

constexpr uint64_t kEntryBytes = 32;  // what an entry counts for beside its cells

void AddImage(RowBatch& batch, size_t columns, const std::optional<Row>& row) {
  batch.Reset(columns);
  if (!row) return;
  for (const Cell& cell : *row) {
    if (cell) {
      batch.Add(*cell);
    } else {
      batch.AddNull();
    }
  }
}

}  // namespace

Position MakePosition(uint64_t place) {
  Position position;
  AppendBigEndian64(position.bytes, place);
  return position;
}

uint64_t PlaceOf(const Position& position) {
  ByteReader reader(position.bytes, "a position of a memory server");
  return reader.UIntBigEndian(8);
}

// A transaction open now shows none of its rows to a read that starts later, unless it commits
// first; so it must be in the log wholly from S on. Before the oldest one's begin that holds for
// all; and whatever ended earlier is visible.
Position MemoryChangeReader::ProveStart(const Mark&, std::stop_token) {
  connection_.Check();
  return MakePosition(connection_.server().LogRestart());
}

Position MemoryChangeReader::Current() {
  connection_.Check();
  return MakePosition(connection_.server().LogEnd());
}

int MemoryChangeReader::Compare(const Position& a, const Position& b) {
  const int order = a.bytes.compare(b.bytes);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

std::string MemoryChangeReader::Describe(const Position& position) {
  return "log entry " + std::to_string(PlaceOf(position));
}

void MemoryChangeReader::Start(const Position& from, const Position&, SchemaHistory& history) {
  connection_.Check();
  history_ = &history;
  next_ = PlaceOf(from);
  told_.reset();
  begun_.clear();
  connection_.server().ReadLog(next_);  // throws where it is purged
  if (next_ > connection_.server().LogEnd()) {
    throw Error({.code = "LOG_PURGED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .message = "the log ends before the place where reading must go on",
                 .cause = "this is another server than the one read so far",
                 .remedy = "release the project, empty its tables at the destination, and "
                           "migrate again"});
  }
}

std::optional<Fragment> MemoryChangeReader::Next(Deadline deadline, std::stop_token stop) {
  GODWIT_CHECK(history_ != nullptr, "a change reader is started before it reads");
  for (;;) {
    connection_.Check();
    if (stop.stop_requested()) return {};
    std::optional<LogEntry> entry = connection_.server().ReadLog(next_);
    if (entry) {
      ++next_;
      if (auto fragment = ToFragment(*entry)) return fragment;
      if (deadline.has_passed()) return Heartbeat();
      continue;
    }
    // All is told: say so once, that whoever waits for a position behind unfinished or unselected
    // transactions need not wait for the next commit.
    if (auto heartbeat = Heartbeat()) return heartbeat;
    if (!connection_.server().WaitForLog(next_, deadline, stop)) return {};
  }
}

// Its restart follows from the entries read so far, not from what is open at the server by now: a
// transaction may have ended since, in entries that are still to be read.
std::optional<Fragment> MemoryChangeReader::Heartbeat() {
  if (told_ && *told_ >= next_) return {};
  told_ = next_;
  uint64_t restart = next_;
  for (const auto& [id, begin] : begun_) restart = std::min(restart, begin);
  Fragment fragment;
  fragment.kind = Fragment::Kind::kHeartbeat;
  fragment.position = MakePosition(next_);
  fragment.restart = MakePosition(restart);
  return fragment;
}

std::optional<Fragment> MemoryChangeReader::ToFragment(const LogEntry& entry) {
  using Kind = Fragment::Kind;
  bytes_read_.fetch_add(kEntryBytes);
  if (entry.kind == Kind::kBegin) begun_[entry.transaction] = next_ - 1;
  // Begun before the place this reading started from: it ended before the position that belongs to
  // it, so the reader's user has it already.
  if (!begun_.contains(entry.transaction)) return {};
  Fragment fragment;
  fragment.kind = entry.kind;
  fragment.transaction = connection_.server().name() + ":" + std::to_string(entry.transaction);
  fragment.source_time_us = entry.time_us;
  switch (entry.kind) {
    case Kind::kRows:
      if (!AddRows(fragment, entry)) return {};
      break;
    case Kind::kDdl:
      fragment.ddl = entry.ddl;
      break;
    case Kind::kSavepoint:
    case Kind::kRollbackTo:
      fragment.savepoint = entry.savepoint;
      break;
    case Kind::kCommit:
      fragment.position = MakePosition(next_);
      fragment.restart = MakePosition(entry.restart);
      told_ = next_;
      begun_.erase(entry.transaction);
      break;
    case Kind::kRollback:
      begun_.erase(entry.transaction);
      break;
    case Kind::kBegin:
    case Kind::kHeartbeat:
      break;
  }
  return fragment;
}

// The definition comes from the history, never from the server's present catalogue, which may be
// ahead of the log.
bool MemoryChangeReader::AddRows(Fragment& fragment, const LogEntry& entry) {
  std::optional<SchemaHistory::Versioned> known = history_->Find(entry.table->name);
  if (!known) return false;
  const size_t columns = known->table->columns.size();
  const Row& some = entry.before ? *entry.before : *entry.after;
  if (some.size() != columns) {
    throw Error({.code = "LOG_SCHEMA_MISMATCH",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .object = entry.table->name.ToString(),
                 .message = "a row in the log does not have the columns of its table's definition",
                 .cause = "the definition changed without the log saying so",
                 .remedy = "release the project, empty its tables at the destination, and "
                           "migrate again"});
  }
  fragment.rows.op = entry.op;
  fragment.rows.table = known->table;
  fragment.rows.schema_version = known->version;
  AddImage(fragment.rows.before, columns, entry.before);
  AddImage(fragment.rows.after, columns, entry.after);
  bytes_read_.fetch_add(fragment.rows.before.bytes() + fragment.rows.after.bytes());
  return true;
}

void MemoryChangeReader::Release(const Position& position) {
  connection_.Check();
  connection_.server().Release(PlaceOf(position));
}

}  // namespace godwit::memory
