// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/mysql_family/cell_sql.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/row_reader.h"

namespace godwit::mysql {

// Reads rows over one connection, streamed: what is not asked for stays at the server.
class MysqlRowReader : public RowReader {
 public:
  MysqlRowReader(const EndpointUrl& url, Side side, const ServerInfo& server);
  ~MysqlRowReader() override;

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
  void Cancel() override { session_.Cancel(); }

 private:
  void Stream(const std::string& sql, const std::vector<CellForm>& forms);
  void AppendCells(RowBatch& batch);

  Session session_;
  const ServerInfo& server_;
  std::unique_ptr<StreamingResult> stream_;
  std::vector<CellForm> forms_;
};

}  // namespace godwit::mysql
