// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_fake.h"

#include <xxhash.h>

#include <algorithm>

namespace godwit::testing {

namespace {

std::string Folded(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

int Order(const LogicalType& type, const std::string& a, const std::string& b) {
  if (type.kind == TypeKind::kInteger) {
    const long long x = std::stoll(a), y = std::stoll(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return type.is_text() ? Folded(a).compare(Folded(b)) : a.compare(b);
}

std::string Image(const ScanPlan& plan, const FakeRow& row, const std::vector<int>& columns) {
  std::string out;
  for (int column : columns.empty() ? plan.columns : columns) {
    const Cell& cell = row[column];
    out += cell ? std::to_string(cell->size()) + ":" + *cell : "N";
  }
  return out;
}

}  // namespace

std::unique_ptr<RowReader> FakeServer::OpenRowReader() {
  return std::make_unique<FakeReader>(*this);
}

void FakeReader::MayFail() {
  if (server_.transient_failures.fetch_sub(1) <= 0) {
    server_.transient_failures.fetch_add(1);
    return;
  }
  throw Error({.code = "LOST", .kind = ErrorKind::kTransient, .message = "connection lost"});
}

int FakeReader::Compare(const ScanPlan& plan, const FakeRow& row, const KeyTuple& key) const {
  for (size_t i = 0; i < plan.key.size(); ++i) {
    int order = Order(plan.table->columns[plan.key[i]].type, *row[plan.key[i]], key[i]);
    if (order != 0) return order;
  }
  return 0;
}

std::vector<const FakeRow*> FakeReader::InRange(const ScanPlan& plan, const KeyRange& range) const {
  std::vector<const FakeRow*> out;
  for (const FakeRow& row : server_.rows) {
    if (range.after && Compare(plan, row, *range.after) <= 0) continue;
    if (range.through && Compare(plan, row, *range.through) > 0) continue;
    out.push_back(&row);
  }
  std::sort(out.begin(), out.end(), [&](const FakeRow* a, const FakeRow* b) {
    KeyTuple key;
    for (int column : plan.key) key.push_back(*(*b)[column]);
    return !plan.key.empty() && Compare(plan, *a, key) < 0;
  });
  return out;
}

std::optional<KeyTuple> FakeReader::Boundary(const ScanPlan& plan, const KeyRange& within,
                                             uint64_t rows) {
  ++server_.boundaries;
  auto found = InRange(plan, within);
  if (found.size() < rows) return std::nullopt;
  KeyTuple key;
  for (int column : plan.key) key.push_back(*(*found[rows - 1])[column]);
  return key;
}

void FakeReader::Open(const ScanPlan& plan, const KeyRange& range) {
  MayFail();
  plan_ = plan;
  left_ = InRange(plan, range);
  at_ = 0;
}

bool FakeReader::Read(RowBatch& batch, size_t max_rows, size_t) {
  for (; at_ < left_.size() && batch.rows() < max_rows; ++at_, ++server_.rows_read) {
    for (int column : plan_.columns) {
      const Cell& cell = (*left_[at_])[column];
      cell ? batch.Add(*cell) : batch.AddNull();
    }
  }
  return at_ < left_.size();
}

void FakeReader::ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys,
                          RowBatch& batch) {
  MayFail();
  for (const FakeRow& row : server_.rows) {
    bool is_asked = std::any_of(keys.begin(), keys.end(),
                                [&](const KeyTuple& key) { return Compare(plan, row, key) == 0; });
    if (!is_asked) continue;
    for (int column : plan.columns) row[column] ? batch.Add(*row[column]) : batch.AddNull();
  }
  if (server_.after_keys) server_.after_keys();
}

void FakeReader::AddTo(Digest& digest, const ScanPlan& plan, const FakeRow& row) {
  std::string image = Image(plan, row, {});
  ++digest.rows;
  digest.sum += XXH64(image.data(), image.size(), 2);
}

uint32_t FakeReader::Bucket(const ScanPlan& plan, const FakeRow& row, uint32_t buckets) {
  std::string image = Image(plan, row, plan.key);
  return static_cast<uint32_t>(XXH64(image.data(), image.size(), 3) % buckets);
}

void FakeReader::Count(DigestStrength strength) {
  ++server_.digests;
  if (strength == DigestStrength::kQuick) ++server_.quick_digests;
  if (server_.in_digest) server_.in_digest();
}

Digest FakeReader::DigestRange(const ScanPlan& plan, const KeyRange& range,
                               DigestStrength strength) {
  MayFail();
  Count(strength);
  Digest digest;
  for (const FakeRow* row : InRange(plan, range)) AddTo(digest, plan, *row);
  return digest;
}

std::vector<Digest> FakeReader::DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                              DigestStrength strength) {
  Count(strength);
  std::vector<Digest> out(buckets);
  for (const FakeRow& row : server_.rows) AddTo(out[Bucket(plan, row, buckets)], plan, row);
  return out;
}

void FakeReader::OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) {
  plan_ = plan;
  left_.clear();
  at_ = 0;
  for (const FakeRow& row : server_.rows) {
    if (Bucket(plan, row, buckets) == bucket) left_.push_back(&row);
  }
}

}  // namespace godwit::testing
