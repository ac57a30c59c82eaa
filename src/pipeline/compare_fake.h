// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/endpoint.h"

namespace godwit::testing {

using Cell = std::optional<std::string>;
using FakeRow = std::vector<Cell>;

// One table on a server that orders and compares text without case, as many do. For tests of what
// compares two of them.
class FakeServer : public Endpoint {
 public:
  explicit FakeServer(TableSchemaPtr table) : table_(std::move(table)) {}

  std::vector<FakeRow> rows;
  bool can_digest = true;
  std::atomic<int> digests{0};        // asked for
  std::atomic<int> quick_digests{0};  // of those
  std::atomic<int> boundaries{0};     // asked for
  std::atomic<uint64_t> rows_read{0};
  std::function<void()> in_digest;         // called within each digest
  std::function<void()> after_keys;        // called behind each ReadKeys
  std::atomic<int> transient_failures{0};  // so many of the next reads fail

  const EndpointInfo& info() const override { return info_; }
  const Dialect& dialect() const override { std::abort(); }
  std::unique_ptr<Catalog> OpenCatalog() override { return nullptr; }
  std::unique_ptr<RowReader> OpenRowReader() override;
  std::unique_ptr<ChangeReader> OpenChangeReader() override { return nullptr; }
  std::unique_ptr<Sink> OpenSink() override { return nullptr; }
  std::vector<CheckResult> Check(const CheckRequest&) override { return {}; }

  const TableSchema& table() const { return *table_; }

 private:
  TableSchemaPtr table_;
  EndpointInfo info_;
};

class FakeReader : public RowReader {
 public:
  explicit FakeReader(FakeServer& server) : server_(server) {}

  Position BeginSnapshot() override { return {}; }
  void EndSnapshot() override {}
  std::optional<KeyTuple> Boundary(const ScanPlan& plan, const KeyRange& within,
                                   uint64_t rows) override;
  void Open(const ScanPlan& plan, const KeyRange& range) override;
  bool Read(RowBatch& batch, size_t max_rows, size_t max_bytes) override;
  void ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys, RowBatch& batch) override;
  bool CanDigest(const ScanPlan&) override { return server_.can_digest; }
  Digest DigestRange(const ScanPlan& plan, const KeyRange& range, DigestStrength strength) override;
  std::vector<Digest> DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                    DigestStrength strength) override;
  void OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) override;
  void Cancel() override {}

 private:
  int Compare(const ScanPlan& plan, const FakeRow& row, const KeyTuple& key) const;
  std::vector<const FakeRow*> InRange(const ScanPlan& plan, const KeyRange& range) const;
  void MayFail();
  void Count(DigestStrength strength);
  static uint32_t Bucket(const ScanPlan& plan, const FakeRow& row, uint32_t buckets);
  static void AddTo(Digest& digest, const ScanPlan& plan, const FakeRow& row);

  FakeServer& server_;
  ScanPlan plan_;
  std::vector<const FakeRow*> left_;
  size_t at_ = 0;
};

}  // namespace godwit::testing
