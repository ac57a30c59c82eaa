// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/mysql_family/cell_sql.h"
#include "connectors/mysql_family/session.h"
#include "connectors/mysql_family/text_decoder.h"
#include "endpoint/row_reader.h"

namespace godwit::mysql {

// Reads rows over one connection, streamed: what is not asked for stays at the server.
class MysqlRowReader : public RowReader {
 public:
  MysqlRowReader(const EndpointUrl& url, Side side, const ServerInfo& server,
                 std::shared_ptr<Charsets> charsets);
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
  // What a column's cells are on the wire.
  struct Wire {
    CellForm form;
    TextDecoder* text;  // nullptr: in UTF-8, or no text
  };

  std::vector<Wire> WiresOf(const TableSchemaPtr& table, const std::vector<int>& ordinals);
  void Stream(const std::string& sql, const ScanPlan& plan);
  static void AppendCell(std::string& out, const Wire& wire, std::string_view bytes);
  void AppendCells(RowBatch& batch);

  Session session_;
  const ServerInfo& server_;
  TextDecoders texts_;
  std::unique_ptr<StreamingResult> stream_;
  std::vector<Wire> wires_;
};

}  // namespace godwit::mysql
