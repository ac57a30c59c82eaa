// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/row_reader.h"

#include <fmt/format.h>
#include <sodium.h>
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "connectors/memory/change_reader.h"
#include "connectors/memory/errors.h"

namespace godwit::memory {
namespace {

KeyTuple KeyOf(const Row& row, const std::vector<int>& key) {
  KeyTuple out;
  for (int c : key) out.push_back(row[static_cast<size_t>(c)].value_or(""));
  return out;
}

// The text that all kinds that digest agree upon: every cell followed by a comma, NULL as N,
// numbers and times as their digits, text and bytes with their length before them. So no two
// different rows share a text: not NULL and '', and not ('ab','c') and ('a','bc').
void AppendCellText(std::string& text, const LogicalType& type, const std::string& cell) {
  switch (type.kind) {
    case TypeKind::kBit: {
      uint64_t bits = 0;
      for (char c : cell) bits = bits << 8 | static_cast<unsigned char>(c);
      text += fmt::format("{:X}", bits);
      return;
    }
    case TypeKind::kEnum:
      if (cell == std::string_view("\0", 1)) {
        text += 'E';
        return;
      }
      [[fallthrough]];
    case TypeKind::kChar:
    case TypeKind::kVarchar:
    case TypeKind::kText:
    case TypeKind::kSet:
    case TypeKind::kBinary:
    case TypeKind::kVarbinary:
    case TypeKind::kBlob:
      text += std::to_string(cell.size()) + ":" + cell;
      return;
    default:
      text += cell;
  }
}

std::string RowText(const ScanPlan& plan, const std::vector<int>& columns, const Row& row) {
  std::string text;
  for (int c : columns) {
    const Cell& cell = row[static_cast<size_t>(c)];
    if (cell) {
      AppendCellText(text, plan.table->columns[static_cast<size_t>(c)].type, *cell);
    } else {
      text += 'N';
    }
    text += ',';
  }
  return text;
}

uint64_t Crc(const std::string& text) {
  return crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
}

uint64_t Sha64(const std::string& text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(hash, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  uint64_t out = 0;
  for (int i = 0; i < 8; ++i) out = out << 8 | hash[i];
  return out;
}

void AddTo(Digest& digest, const ScanPlan& plan, const Row& row, DigestStrength strength) {
  const std::string text = RowText(plan, plan.columns, row);
  ++digest.rows;
  if (strength == DigestStrength::kCertain) {
    digest.sum += Sha64(text);
    return;
  }
  GODWIT_CHECK(!plan.key.empty(), "the quick sum tells rows apart by their key");
  std::string key = RowText(plan, plan.key, row);
  key.pop_back();
  digest.sum += Crc(text) * (Crc(key) + 1);
}

uint32_t BucketOf(const ScanPlan& plan, const Row& row, uint32_t buckets) {
  return static_cast<uint32_t>(Crc(RowText(plan, plan.key.empty() ? plan.columns : plan.key, row)) %
                               buckets);
}

}  // namespace

void MemoryRowReader::Check() {
  if (is_cancelled_.exchange(false)) throw Stopped();
  connection_.Check();
}

Position MemoryRowReader::BeginSnapshot() {
  Check();
  snapshot_ = connection_.server().TakeSnapshot();
  return MakePosition(snapshot_->place);
}

void MemoryRowReader::EndSnapshot() { snapshot_.reset(); }

std::vector<Row> MemoryRowReader::Rows(const ScanPlan& plan, const KeyRange& range, size_t limit) {
  const TableName& name = plan.table->name;
  if (!snapshot_) return connection_.server().Read(name, plan.key, range, limit);
  auto found = snapshot_->rows.find(name);
  if (found == snapshot_->rows.end()) throw NoSuchTable(name.ToString());
  const KeyLess order(*plan.table, plan.key);
  std::vector<Row> rows;
  for (const Row& row : found->second) {
    const KeyTuple key = KeyOf(row, plan.key);
    if (range.after && order.Compare(key, *range.after) <= 0) continue;
    if (range.through && order.Compare(key, *range.through) > 0) continue;
    rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return order(KeyOf(a, plan.key), KeyOf(b, plan.key));
  });
  if (rows.size() > limit) rows.resize(limit);
  return rows;
}

std::optional<KeyTuple> MemoryRowReader::Boundary(const ScanPlan& plan, const KeyRange& within,
                                                  uint64_t rows) {
  Check();
  const std::vector<Row> found = Rows(plan, within, rows);
  if (found.size() < rows || found.empty()) return {};
  return KeyOf(found.back(), plan.key);
}

void MemoryRowReader::Open(const ScanPlan& plan, const KeyRange& range) {
  Check();
  Show(plan, Rows(plan, range, std::numeric_limits<size_t>::max()));
}

void MemoryRowReader::Show(const ScanPlan& plan, std::vector<Row> rows) {
  columns_ = plan.columns;
  rows_ = std::move(rows);
  next_ = 0;
}

bool MemoryRowReader::Read(RowBatch& batch, size_t max_rows, size_t max_bytes) {
  Check();
  while (next_ < rows_.size() && batch.rows() < max_rows && batch.bytes() < max_bytes) {
    const Row& row = rows_[next_++];
    for (int c : columns_) {
      const Cell& cell = row[static_cast<size_t>(c)];
      if (cell) {
        batch.Add(*cell);
      } else {
        batch.AddNull();
      }
    }
  }
  return next_ < rows_.size();
}

void MemoryRowReader::ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys,
                               RowBatch& batch) {
  Check();
  const KeyLess order(*plan.table, plan.key);
  std::vector<KeyTuple> wanted = keys;
  std::sort(wanted.begin(), wanted.end(), order);
  std::vector<Row> rows = Rows(plan, {}, std::numeric_limits<size_t>::max());
  std::erase_if(rows, [&](const Row& row) {
    return !std::binary_search(wanted.begin(), wanted.end(), KeyOf(row, plan.key), order);
  });
  Show(plan, std::move(rows));
  Read(batch, std::numeric_limits<size_t>::max(), std::numeric_limits<size_t>::max());
}

// Floats and JSON have texts that differ from server to server.
bool MemoryRowReader::CanDigest(const ScanPlan& plan) {
  return std::none_of(plan.columns.begin(), plan.columns.end(), [&](int c) {
    const TypeKind kind = plan.table->columns[static_cast<size_t>(c)].type.kind;
    return kind == TypeKind::kFloat || kind == TypeKind::kJson || kind == TypeKind::kGeometry ||
           kind == TypeKind::kInterval || kind == TypeKind::kRowId || kind == TypeKind::kUnknown;
  });
}

Digest MemoryRowReader::DigestRange(const ScanPlan& plan, const KeyRange& range,
                                    DigestStrength strength) {
  Check();
  Digest digest;
  for (const Row& row : Rows(plan, range, std::numeric_limits<size_t>::max())) {
    AddTo(digest, plan, row, strength);
  }
  return digest;
}

std::vector<Digest> MemoryRowReader::DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                                   DigestStrength strength) {
  Check();
  std::vector<Digest> digests(buckets);
  for (const Row& row : Rows(plan, {}, std::numeric_limits<size_t>::max())) {
    AddTo(digests[BucketOf(plan, row, buckets)], plan, row, strength);
  }
  return digests;
}

void MemoryRowReader::OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) {
  Check();
  std::vector<Row> rows = Rows(plan, {}, std::numeric_limits<size_t>::max());
  std::erase_if(rows, [&](const Row& row) { return BucketOf(plan, row, buckets) != bucket; });
  Show(plan, std::move(rows));
}

}  // namespace godwit::memory
