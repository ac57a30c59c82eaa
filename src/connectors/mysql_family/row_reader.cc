// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/row_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/digest.h"
#include "connectors/mysql_family/select_list.h"

namespace godwit::mysql {
namespace {

constexpr size_t kKeysPerStatement = 200;

[[noreturn]] void FailUnproved(const Session& session, std::string message, std::string cause,
                               std::string remedy) {
  throw Error({.code = "START_POINT_UNPROVED",
               .kind = ErrorKind::kBlocked,
               .side = session.side(),
               .object = session.url(),
               .message = std::move(message),
               .cause = std::move(cause),
               .remedy = std::move(remedy)});
}

bool HasRoom(const RowBatch& batch, size_t max_rows, size_t max_bytes) {
  return batch.rows() < max_rows && (batch.empty() || batch.bytes() < max_bytes);
}

}  // namespace

// Text comes in its column's own character set and is decoded here, by the same tables as in the
// log: the server would put a question mark in the place of what Unicode does not have, in silence.
MysqlRowReader::MysqlRowReader(const EndpointUrl& url, Side side, const ServerInfo& server,
                               std::shared_ptr<Charsets> charsets)
    : session_(url, side, SessionRole::kReader), server_(server), texts_(std::move(charsets)) {
  session_.Execute("SET character_set_results=NULL");
}

MysqlRowReader::~MysqlRowReader() {
  // What was not read would be read away; the rest of a large table is not worth waiting for.
  if (stream_) session_.Cancel();
}

// Under the global read lock no commit is between the log and the engine, so the position and the
// snapshot are of the same moment. The lock is held for three short statements. MariaDB's snapshots
// know their own position.
Position MysqlRowReader::BeginSnapshot() {
  stream_.reset();
  if (server_.flavor == Flavor::kOceanBase) {
    FailUnproved(session_, "a snapshot of a known log position cannot be taken",
                 "OceanBase has neither a global read lock nor a binary log here",
                 "give the table a primary key, or leave it out");
  }
  try {
    LockForPosition(session_);
  } catch (const Error& error) {
    if (error.code() != "ACCESS_DENIED") throw;
    if (server_.flavor == Flavor::kMariaDb) {
      session_.Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT");
      if (auto position = ReadSnapshotPosition(session_)) return position->Encode();
    }
    FailUnproved(session_, "the global read lock was refused: " + error.fields().message,
                 "the account lacks RELOAD", "GRANT RELOAD ON *.* to the account");
  }
  try {
    session_.Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT");
    Position position = ReadLogPosition(session_).Encode();
    UnlockPosition(session_);
    return position;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kTransient) {
      UnlockPosition(session_);
      session_.Execute("ROLLBACK");
    }
    throw;
  }
}

void MysqlRowReader::EndSnapshot() {
  stream_.reset();
  session_.Execute("COMMIT");
}

std::optional<KeyTuple> MysqlRowReader::Boundary(const ScanPlan& plan, const KeyRange& within,
                                                 uint64_t rows) {
  GODWIT_CHECK(rows > 0 && !plan.key.empty(), "a boundary lies some rows up a key");
  stream_.reset();
  const SelectList list(plan);
  const std::vector<Wire> wires = WiresOf(plan.table, plan.key);
  for (;; ++rows) {
    auto found = session_.Query(fmt::format("SELECT {}{}{}{} LIMIT {},1", list.key(), list.from(),
                                            list.Where(within), list.order(), rows - 1));
    if (found.empty()) return {};
    KeyTuple key;
    bool has_text = true;  // else no condition could name it
    for (size_t i = 0; i < found[0].size(); ++i) {
      AppendCell(key.emplace_back(), wires[i], found[0][i].value_or(""));
      has_text = has_text &&
                 (wires[i].text == nullptr || key.back().find(kUndecodable) == std::string::npos);
    }
    if (has_text) return key;
  }
}

std::vector<MysqlRowReader::Wire> MysqlRowReader::WiresOf(const TableSchemaPtr& table,
                                                          const std::vector<int>& ordinals) {
  std::vector<Wire> wires;
  for (int ordinal : ordinals) {
    const ColumnSchema& column = table->columns[static_cast<size_t>(ordinal)];
    Wire wire{FormOf(column.type), nullptr};
    const std::string& charset = column.charset.empty() ? table->charset : column.charset;
    const bool is_text = column.type.is_text() || column.type.kind == TypeKind::kSet;
    if (is_text && !charset.empty() && !IsUtf8(charset)) wire.text = &texts_.Of(charset);
    wires.push_back(wire);
  }
  return wires;
}

void MysqlRowReader::Stream(const std::string& sql, const ScanPlan& plan) {
  stream_.reset();
  wires_ = WiresOf(plan.table, plan.columns);
  stream_ = session_.Stream(sql);
}

void MysqlRowReader::AppendCell(std::string& out, const Wire& wire, std::string_view bytes) {
  if (wire.text == nullptr) return AppendWireCell(out, wire.form, bytes);
  wire.text->Append(out, bytes);
}

void MysqlRowReader::Open(const ScanPlan& plan, const KeyRange& range) {
  const SelectList list(plan);
  Stream(
      fmt::format("SELECT {}{}{}{}", list.columns(), list.from(), list.Where(range), list.order()),
      plan);
}

void MysqlRowReader::OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) {
  const SelectList list(plan);
  Stream(fmt::format("SELECT {}{} WHERE {}={}", list.columns(), list.from(),
                     BucketExpression(plan, buckets), bucket),
         plan);
}

void MysqlRowReader::AppendCells(RowBatch& batch) {
  for (unsigned c = 0; c < wires_.size(); ++c) {
    const Wire& wire = wires_[c];
    if (stream_->is_null(c)) {
      batch.AddNull();
    } else if (wire.text != nullptr || wire.form == CellForm::kFloat ||
               wire.form == CellForm::kDouble) {
      AppendCell(batch.buffer(), wire, stream_->cell(c));
      batch.EndCell();
    } else {
      batch.Add(stream_->cell(c));
    }
  }
  session_.GiveBackPacket();
}

bool MysqlRowReader::Read(RowBatch& batch, size_t max_rows, size_t max_bytes) {
  if (!stream_) return false;
  while (HasRoom(batch, max_rows, max_bytes)) {
    if (!stream_->Next()) {
      stream_.reset();
      return false;
    }
    AppendCells(batch);
  }
  return true;
}

void MysqlRowReader::ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys,
                              RowBatch& batch) {
  const SelectList list(plan);
  for (size_t from = 0; from < keys.size(); from += kKeysPerStatement) {
    const size_t end = std::min(keys.size(), from + kKeysPerStatement);
    std::vector<KeyTuple> part(keys.begin() + from, keys.begin() + end);
    Stream(fmt::format("SELECT {}{}{}", list.columns(), list.from(), list.WhereKeys(part)), plan);
    while (stream_->Next()) AppendCells(batch);
    stream_.reset();
  }
}

bool MysqlRowReader::CanDigest(const ScanPlan& plan) { return mysql::CanDigest(plan, server_); }

Digest MysqlRowReader::DigestRange(const ScanPlan& plan, const KeyRange& range,
                                   DigestStrength strength) {
  stream_.reset();
  const SelectList list(plan);
  auto rows = session_.Query(
      DigestStatement(plan, {.from = list.from() + list.Where(range), .strength = strength}));
  return ParseDigest(rows.at(0), 0);
}

std::vector<Digest> MysqlRowReader::DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                                  DigestStrength strength) {
  stream_.reset();
  const SelectList list(plan);
  std::vector<Digest> out(buckets);
  const DigestQuery query{.from = list.from(), .strength = strength, .buckets = buckets};
  for (const Row& row : session_.Query(DigestStatement(plan, query))) {
    out.at(std::strtoul(row.at(0).value_or("0").c_str(), nullptr, 10)) = ParseDigest(row, 1);
  }
  return out;
}

}  // namespace godwit::mysql
