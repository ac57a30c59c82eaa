// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/deadline.h"
#include "connectors/mysql_family/binlog_event.h"
#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// A replica's id for who has none of their own: high, so that it meets no replica's that a person
// chose.
uint32_t RandomReplicaId();

// Passes over the beginning of a file. A dump command by file and place carries 32 bits of a place,
// and the one with 64 is only for servers with GTIDs: behind 4 GiB the file is read from its
// beginning.
class BeginningFilter {
 public:
  enum class Verdict { kPass, kSkip, kNotThere };

  // `to` is a place between two events.
  explicit BeginningFilter(uint64_t to) : to_(to) {}

  // Of the next event. kNotThere: the file holds no such place.
  Verdict Look(const EventHeader& header);
  bool is_done() const { return at_ == to_; }

 private:
  const uint64_t to_;
  uint64_t at_ = 4;  // behind the file's magic
  bool has_begun_ = false;
};

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
  std::optional<std::string_view> Receive(Deadline deadline, std::stop_token stop);
  [[noreturn]] void FailNotThere() const;

  Session session_;
  bool is_mariadb_ = false;
  const BinlogPosition from_;
  std::optional<BeginningFilter> beginning_;  // while it is passed over
};

}  // namespace godwit::mysql
