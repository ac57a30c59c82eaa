// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "connectors/mysql_family/binlog_decoder.h"
#include "connectors/mysql_family/binlog_stream.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/change_reader.h"

namespace godwit::mysql {

// Reads the binary log of MySQL or MariaDB over the replication protocol. Connects when it first
// has to; Compare and Describe need no connection and may be called from any thread. URL option
// server_id= sets the replica's id, else it is random.
class BinlogChangeReader : public ChangeReader {
 public:
  BinlogChangeReader(EndpointUrl url, Side side, ServerInfo server,
                     std::shared_ptr<Charsets> charsets);

  using ChangeReader::ProveStart;
  Position ProveStart(const Mark& mark, std::stop_token stop) override;
  Position Current() override;
  int Compare(const Position& a, const Position& b) override;
  std::string Describe(const Position& position) override;
  using ChangeReader::Start;
  void Start(const Position& from, const Position& known, SchemaHistory& history) override;
  std::optional<Fragment> Next(Deadline deadline, std::stop_token stop) override;
  void Release(const Position& position) override;
  uint64_t bytes_read() const override { return bytes_.load(std::memory_order_relaxed); }

 private:
  Session& Queries();
  bool HasPreparedTransactions();
  // nullopt: a transaction was prepared meanwhile.
  std::optional<BinlogPosition> PositionUnderLock(const Mark& mark);
  std::optional<BinlogPosition> PositionOfSnapshot();
  std::optional<BinlogPosition> PositionBeforeMark(const Mark& mark);
  bool StartsByGtid(const BinlogPosition& from, const BinlogPosition& known,
                    const std::string& server);
  // Why the server cannot send what comes behind `from`, having all up to `known`; "": it can.
  std::string SetObstacle(const BinlogPosition& from, const BinlogPosition& known, bool is_same);
  std::string DomainObstacle(const BinlogPosition& from, const BinlogPosition& known,
                             const std::string& server);
  std::optional<BinlogPosition> LookAtEnd();
  void CheckEnd();
  Collations ReadCollations();
  std::string LocalTime(std::string_view time_zone, uint32_t moment);
  template <typename Call>
  auto Retried(Call call);

  const EndpointUrl url_;
  const Side side_;
  const ServerInfo server_;
  const uint32_t server_id_;
  const std::shared_ptr<Charsets> charsets_;
  std::unique_ptr<Session> queries_;  // for everything but the stream
  std::unique_ptr<Session> looks_;    // at the log's end
  std::unique_ptr<BinlogStream> stream_;
  std::unique_ptr<BinlogDecoder> decoder_;
  Deadline look_again_ = Deadline::In({});
  std::optional<BinlogPosition> end_;  // of the log, when it was looked at last
  BinlogPosition silent_at_;           // where a new connection was tried for that
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace godwit::mysql
