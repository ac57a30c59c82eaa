// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/deadline.h"
#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// A replica's id for who has none of their own: high, so that it meets no replica's that a person
// chose.
uint32_t RandomReplicaId();

// The events a server sends after a dump command, over a session that does nothing else from then
// on. One thread.
class BinlogStream {
 public:
  struct Options {
    uint32_t server_id = 0;
    bool by_gtid = false;  // start behind what was executed, wherever that lies
  };

  BinlogStream(const EndpointUrl& url, Side side, const BinlogPosition& from,
               const Options& options);

  // The next event, valid until the next call; nullopt at the deadline or a stop. After a stop the
  // stream may be at its end.
  std::optional<std::string_view> Next(Deadline deadline, std::stop_token stop);
  // The event is no longer needed: what a large one holds is given back.
  void Forget() { session_.GiveBackPacket(); }

 private:
  void SetUp();
  void Dump(const BinlogPosition& from, const Options& options);
  bool HasBufferedBytes();
  bool WaitForBytes(Deadline deadline, std::stop_token stop);

  Session session_;
};

}  // namespace godwit::mysql
