// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/memory/lane_table.h"
#include "endpoint/sink.h"

namespace godwit::memory {

// Foreign keys are never live here: the server has none that act.
class MemorySink : public Sink {
 public:
  explicit MemorySink(std::shared_ptr<MemoryServer> server) : connection_(std::move(server)) {}

  Fence RaiseEpoch(const std::string& link, int lanes) override;
  void Attach(const std::string& link, int lane, uint64_t epoch) override;
  void Begin(const LaneProgress& progress) override;
  void Load(const WritePlan& plan, const RowBatch& rows) override;
  void Savepoint() override { connection_.Savepoint("load"); }
  void RollbackToSavepoint() override { connection_.RollbackTo("load"); }
  void Apply(std::span<const RowChange> changes, ApplyMode mode, ForeignKeys foreign_keys) override;
  void Commit(std::stop_token stop) override;
  void Rollback() override { connection_.Rollback(); }
  void Execute(const Statement& statement, std::stop_token stop) override;
  void AwaitStatements(Leftover) override {}  // a statement ends before anybody else is served
  void Forget(const std::string& link) override;
  double Pressure() override { return connection_.server().Pressure(); }
  uint64_t bytes_written() const override { return bytes_written_; }

 private:
  void ApplyExactly(const RowChange& change);
  void Displace(const RowChange& change);
  std::optional<Row> Find(const RowChange& change);
  void DeleteClashing(const WritePlan& plan, const Row& row, const Row* but);
  LaneTable::RowState LockOwnRow();
  void ResolveUnknownCommit();

  Connection connection_;
  std::string link_;
  int lane_ = -1;
  uint64_t epoch_ = 0;
  uint64_t ticks_ = 0;  // what the lane row says once the open transaction is committed
  uint64_t bytes_written_ = 0;
};

}  // namespace godwit::memory
