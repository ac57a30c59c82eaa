// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/mysql_family/session.h"
#include "model/position.h"

namespace godwit::mysql {

// Behind BinlogPosition::server: what was read at another server before may come again behind this
// place, so that only its GTIDs say where to go on.
constexpr char kAwaits = '*';

// A place in a server's binary log: between two events. Value; Encode makes the bytes of a
// Position.
struct BinlogPosition {
  // server_uuid, or MariaDB's server_id, which kAwaits may follow; empty in what older versions
  // wrote of MariaDB.
  std::string server;
  std::string file;
  uint64_t offset = 0;
  // Everything executed before this place, as text: of GtidSet, or with MariaDB of DomainGtids.
  // Empty without GTIDs.
  std::string gtids;
  // When the file was begun and by which server, as its first event says: two of one name, of a log
  // that was reset or of two servers, differ in it. 0 until it is known.
  uint64_t file_id = 0;

  Position Encode() const;
  // Throws CORRUPT_BYTES.
  static BinlogPosition Decode(const Position& position);

  bool operator==(const BinlogPosition&) const = default;
};

// -1, 0, 1. On one server by number of the file and offset; on two by what was executed.
int Compare(const BinlogPosition& a, const BinlogPosition& b);

// "binlog.000003:4711, gtid …".
std::string Describe(const BinlogPosition& position);

// What the server says of its binary log, at most one row: file, offset, --binlog-do-db,
// --binlog-ignore-db, and where it has them the GTIDs executed.
std::vector<Row> ReadLogStatus(Session& session);

// BinlogPosition::server of a server.
std::string ReadLogServer(Session& session);

// The end of the server's binary log now. Under FLUSH TABLES WITH READ LOCK it is exact: every
// commit before it is visible, none after it is. Throws BINLOG_OFF (kBlocked).
BinlogPosition ReadLogPosition(Session& session);

// MariaDB: where in the log the session's consistent snapshot stands. Empty without a log.
std::optional<BinlogPosition> ReadSnapshotPosition(Session& session);

// Takes the global read lock, until UnlockPosition. While it is waited for nobody can write at the
// server, and two transactions may even wait for one another through it: after a short wait it is
// given up with GLOBAL_LOCK_TIMEOUT (kTransient), for the caller to try again.
void LockForPosition(Session& session);
// Nobody stands still for what the session waits for from then on: a snapshot's reads wait for DDL.
void UnlockPosition(Session& session);

}  // namespace godwit::mysql
