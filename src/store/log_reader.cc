// SPDX-License-Identifier: Apache-2.0
#include "store/log_reader.h"

#include "model/change_codec.h"
#include "store/rocks_store.h"
#include "store/store_errors.h"

namespace godwit {
namespace {

// An iterator holds memory and files that are released meanwhile.
constexpr uint64_t kRefreshBytes = 32 << 20;

}  // namespace

std::optional<LoggedTransaction> RocksLogReader::NextTransaction(Deadline deadline,
                                                                 std::stop_token stop) {
  if (!store_.WaitFor(at_ + 1, deadline, stop)) {
    parts_.reset();  // what is released while nothing comes goes from the disk
    return {};
  }
  entry_ = store_.Entry(at_ + 1);
  ++at_;
  next_part_ = 0;
  return entry_.info;
}

bool RocksLogReader::NextPart(LogPart& part) {
  if (next_part_ == entry_.info.parts) return false;
  try {
    Decode(Value(), part);
  } catch (const Error& error) {
    if (error.code() != "CORRUPT_BYTES") throw;
    throw StoreCorrupt(store_.database().path(), "transaction " + std::to_string(at_) + ", part " +
                                                     std::to_string(next_part_) + ": " +
                                                     error.fields().message);
  }
  Advance();
  return true;
}

std::string_view RocksLogReader::Value() {
  Stand(PartKey(entry_.spool, next_part_));
  const std::string_view value = parts_->value().ToStringView();
  read_since_refresh_ += value.size();
  return value;
}

void RocksLogReader::Advance() {
  parts_->Next();
  ++next_part_;
}

// Leaves parts_ at the key.
void RocksLogReader::Stand(const std::string& key) {
  const bool is_stale = shown_ < at_ || read_since_refresh_ > kRefreshBytes;
  if (!parts_ || is_stale) {
    shown_ = store_.last();
    read_since_refresh_ = 0;
    // A database opened to read cannot refresh its iterators.
    const rocksdb::Status refreshed = parts_ ? parts_->Refresh() : rocksdb::Status::NotSupported();
    if (refreshed.IsNotSupported()) {
      parts_ = store_.database().Scan(Database::kParts);
    } else {
      store_.database().Check(refreshed, "reading the log");
    }
    parts_->Seek(key);
  } else if (!parts_->Valid() || parts_->key() != key) {
    parts_->Seek(key);
  }
  store_.database().Check(parts_->status(), "reading the log");
  if (!parts_->Valid() || parts_->key() != key) FailMissing();
}

void RocksLogReader::FailMissing() {
  store_.WaitFor(at_, Deadline::In(std::chrono::milliseconds(0)), {});  // throws if released
  throw StoreCorrupt(store_.database().path(), "part " + std::to_string(next_part_) +
                                                   " of transaction " + std::to_string(at_) +
                                                   " is missing in the log");
}

// Who replays a row takes its cells by the table's columns.
void RocksLogReader::CheckWidth(const RowsChange& change) {
  for (const RowBatch* batch : {&change.before, &change.after}) {
    if (batch->empty() || batch->columns() == change.table->columns.size()) continue;
    throw StoreCorrupt(store_.database().path(), "rows in the log do not have the columns of " +
                                                     change.table->name.ToString());
  }
}

void RocksLogReader::Decode(std::string_view value, LogPart& part) {
  ByteReader in(value, "part of the log");
  switch (static_cast<PartKind>(in.U8())) {
    case PartKind::kDdl:
      part.kind = LogPart::Kind::kDdl;
      part.ddl = DecodeSchemaChange(in.Rest());
      return;
    case PartKind::kRows:
      part.rows = DecodeRowsChange(in.Rest());
      break;
    case PartKind::kLargeRows:
      part.rows = RowsChange();  // the last one may be as large
      part.rows = PutTogether(in);
      break;
    default:
      throw StoreCorrupt(store_.database().path(), "a part of the log is of an unknown kind");
  }
  part.kind = LogPart::Kind::kRows;
  part.rows.table = store_.Schema(part.rows.schema_version);
  CheckWidth(part.rows);
}

// Leaves the reader at the last piece.
RowsChange RocksLogReader::PutTogether(ByteReader& head) {
  const uint64_t pieces = head.Varint();
  if (pieces >= entry_.info.parts - next_part_) FailMissing();
  FramedChange change(head.Rest(), pieces * kPieceBytes);
  for (uint64_t i = 0; i < pieces; ++i) {
    Advance();
    ByteReader piece(Value(), "piece of a change");
    if (piece.U8() != static_cast<uint8_t>(PartKind::kPiece)) FailMissing();
    change.Append(piece.Rest());
  }
  return change.Take();
}

}  // namespace godwit
