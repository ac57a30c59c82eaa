// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connectors/mysql_family/lane_table.h"
#include "connectors/mysql_family/session.h"
#include "connectors/mysql_family/sink_groups.h"
#include "connectors/mysql_family/sink_pressure.h"
#include "connectors/mysql_family/sink_statements.h"
#include "endpoint/endpoint_url.h"
#include "endpoint/sink.h"

namespace godwit::mysql {

// How much one statement may hold. What is best was measured: docs/benchmarks-notes.md.
struct StatementLimits {
  size_t bytes = 512 << 10;
  size_t rows = 2000;
  size_t upserts = 500;     // INSERT … ON DUPLICATE KEY UPDATE
  size_t keys = 200;        // of a DELETE by keys
  size_t statements = 100;  // sent together

  // Whether one more of `size` bytes may go together with those that wait: each of them keeps to
  // max_allowed_packet, all of them together might not.
  bool TakesAnother(size_t waiting, size_t waiting_bytes, size_t size) const {
    return waiting == 0 || (waiting < statements && waiting_bytes + 1 + size <= bytes);
  }
};

class MysqlSink : public Sink {
 public:
  MysqlSink(const EndpointUrl& url, Side side, const ServerInfo& server,
            StatementLimits limits = {});

  Fence RaiseEpoch(const std::string& link, int lanes) override;
  void Attach(const std::string& link, int lane, uint64_t epoch) override;
  void Begin(const LaneProgress& progress) override;
  void Load(const WritePlan& plan, const RowBatch& rows) override;
  void Savepoint() override { session_->Execute("SAVEPOINT godwit_load"); }
  void RollbackToSavepoint() override { session_->Execute("ROLLBACK TO SAVEPOINT godwit_load"); }
  void Apply(std::span<const RowChange> changes, ApplyMode mode, ForeignKeys foreign_keys) override;
  void Commit(std::stop_token stop) override;
  void Rollback() override;
  void Execute(const Statement& statement, std::stop_token stop) override;
  void AwaitStatements(Leftover what) override;
  void Forget(const std::string& link) override;
  double Pressure() override;
  uint64_t bytes_written() const override { return bytes_written_.load(); }

 private:
  // A row of one of a change's images.
  struct Image {
    const RowBatch* rows;
    size_t row;
  };

  void Connect();
  void SetForeignKeys(ForeignKeys foreign_keys);
  const TableStatements& StatementsFor(const WritePlan& plan);
  [[noreturn]] void Fenced() const;
  void ResolveCommit(const Error& error, std::stop_token stop);
  std::optional<LaneTable::RowState> ReadLaneAfterLoss(const Error& error, std::stop_token stop);

  struct Outcome {
    uint64_t affected = 0;
    std::string info;  // the server's words
  };
  // Runs one statement; `enum_errors` says that it stores that many and so needs a lenient mode.
  Outcome Run(const TableStatements& table, const std::string& sql, int enum_errors);
  void TryStrictly(std::string sql);
  void CheckWarnings(const TableStatements& table, int enum_errors);
  // Throws PACKET_TOO_LARGE for a row that no statement can hold.
  void CheckPacket(const TableStatements& table, const RowBatch& rows, size_t row, size_t bytes);

  struct Inserted {
    uint64_t rows = 0;
    uint64_t affected = 0;
    uint64_t changed = 0;
  };
  enum class InsertForm { kInsert, kUpsert };
  Inserted Insert(const TableStatements& table, std::span<const Image> images, InsertForm form);
  // kDisplaced: the source has not deleted them, they are in the way.
  enum class Gone { kDeleted, kDisplaced };
  // What stands before, between and behind the conditions of a DELETE.
  struct DeleteParts {
    std::string head;
    const char* separator = " OR ";
    std::string tail = "";
  };
  // Appends the condition of one of the rows to a statement; false where it has none.
  using AppendCondition = std::function<bool(std::string& sql, size_t row)>;
  // How many rows there were; not told of kDisplaced.
  uint64_t Delete(const TableStatements& table, const DeleteParts& parts, size_t rows,
                  const AppendCondition& append, Gone gone);
  uint64_t DeleteByKey(const TableStatements& table, const TableStatements::Key& key,
                       std::span<const Image> images, Gone gone);
  void RunDisplacing(const TableStatements& table, const std::string& sql);
  void Displace(const TableStatements& table, std::span<const Image> images);
  // Others than the updated rows themselves.
  void DisplaceOthers(const TableStatements& table, const ChangeGroup& group,
                      std::span<const RowChange> changes);

  void ApplyGroup(const ChangeGroup& group, std::span<const RowChange> changes, ApplyMode mode);
  void InsertGroup(const TableStatements& table, std::span<const Image> after);
  void DeleteGroup(const TableStatements& table, std::span<const Image> before, ApplyMode mode);
  void UpdateGroup(const TableStatements& table, const ChangeGroup& group,
                   std::span<const RowChange> changes);
  // Of kUpdate returns the new images of rows that are not there; of kEach that is an error.
  std::vector<Image> ApplyEach(const TableStatements& table, const ChangeGroup& group,
                               std::span<const RowChange> changes, ApplyMode mode);
  // Returns those whose row is not there.
  std::vector<const RowChange*> SendEach(const TableStatements& table,
                                         std::span<const RowChange* const> sent,
                                         const std::string& sql, int enum_errors);
  [[noreturn]] void RowMissing(const TableStatements& table, std::span<const Image> images) const;
  [[noreturn]] void RowExists(const TableStatements& table, std::span<const Image> images,
                              const Error& error) const;

  const EndpointUrl url_;
  const Side side_;
  const ServerInfo& server_;
  const StatementLimits limits_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> definer_;
  std::optional<ForeignKeys> foreign_keys_ = ForeignKeys::kOff;  // nullopt: not known

  std::string link_;
  int lane_ = -1;
  LaneTable::RowState lane_state_;
  bool in_transaction_ = false;

  std::map<const WritePlan*, std::unique_ptr<TableStatements>> statements_;
  ChangeGrouper grouper_;
  std::string sql_;
  std::vector<Image> before_;
  std::vector<Image> after_;
  std::atomic<uint64_t> bytes_written_{0};

  PressureReading pressure_;
};

}  // namespace godwit::mysql
