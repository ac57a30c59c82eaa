// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "connectors/memory/connection.h"
#include "endpoint/row_reader.h"

namespace godwit::memory {

// Reads take the committed rows of their range at one moment when they begin, as one statement of a
// real server does.
class MemoryRowReader : public RowReader {
 public:
  explicit MemoryRowReader(std::shared_ptr<MemoryServer> server) : connection_(std::move(server)) {}

  Position BeginSnapshot() override;
  void EndSnapshot() override;
  std::optional<KeyTuple> Boundary(const ScanPlan& plan, const KeyRange& within,
                                   uint64_t rows) override;
  void Open(const ScanPlan& plan, const KeyRange& range) override;
  bool Read(RowBatch& batch, size_t max_rows, size_t max_bytes) override;
  void ReadKeys(const ScanPlan& plan, const std::vector<KeyTuple>& keys, RowBatch& batch) override;
  bool CanDigest(const ScanPlan& plan) override;
  Digest DigestRange(const ScanPlan& plan, const KeyRange& range, DigestStrength strength) override;
  std::vector<Digest> DigestBuckets(const ScanPlan& plan, uint32_t buckets,
                                    DigestStrength strength) override;
  void OpenBucket(const ScanPlan& plan, uint32_t bucket, uint32_t buckets) override;
  void Cancel() override { is_cancelled_.store(true); }

 private:
  void Check();
  std::vector<Row> Rows(const ScanPlan& plan, const KeyRange& range, size_t limit);
  void Show(const ScanPlan& plan, std::vector<Row> rows);

  Connection connection_;
  std::atomic<bool> is_cancelled_{false};
  std::optional<MemoryServer::Snapshot> snapshot_;
  std::vector<int> columns_;  // of the open read
  std::vector<Row> rows_;
  size_t next_ = 0;
};

}  // namespace godwit::memory
