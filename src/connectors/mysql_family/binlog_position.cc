// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_position.h"

#include <fmt/format.h>
#include <mysql.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "connectors/mysql_family/domain_gtids.h"
#include "connectors/mysql_family/gtid_set.h"

namespace godwit::mysql {
namespace {

// Writers stand still meanwhile.
constexpr int kLockWaitSeconds = 2;

uint64_t FileNumber(std::string_view file) {
  uint64_t number = 0;
  size_t dot = file.rfind('.');
  if (dot == std::string_view::npos) return 0;
  std::string_view digits = file.substr(dot + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

bool IsMariaDb(Session& session) {
  std::string_view version = mysql_get_server_info(session.raw());
  return version.find("MariaDB") != std::string_view::npos;
}

bool HasStatusOfBinaryLog(Session& session) {
  return !IsMariaDb(session) && mysql_get_server_version(session.raw()) >= 80200;
}

template <typename Gtids>
int CompareExecuted(const Gtids& a, const Gtids& b) {
  const bool is_within = b.Contains(a);
  if (is_within && a.Contains(b)) return 0;
  return is_within ? -1 : 1;
}

// Read behind the place: without the lock it may hold more than the place, never less. A domain
// that a former replica has without having logged it is in the rows that are copied.
std::string ReadDomainGtids(Session& session) {
  const auto rows = session.Query("SELECT @@GLOBAL.gtid_binlog_pos, @@GLOBAL.gtid_slave_pos");
  DomainGtids gtids = DomainGtids::Parse(rows.at(0).at(0).value_or(""));
  gtids.AddMissing(DomainGtids::Parse(rows[0].at(1).value_or("")));
  return gtids.ToString();
}

}  // namespace

Position BinlogPosition::Encode() const {
  std::string out;
  AppendLengthPrefixed(out, server);
  AppendLengthPrefixed(out, file);
  AppendVarint(out, offset);
  AppendLengthPrefixed(out, gtids);
  if (file_id != 0) AppendVarint(out, file_id);
  return {std::move(out)};
}

BinlogPosition BinlogPosition::Decode(const Position& position) {
  ByteReader in(position.bytes, "a binary log position");
  BinlogPosition out;
  out.server = in.LengthPrefixed();
  out.file = in.LengthPrefixed();
  out.offset = in.Varint();
  out.gtids = in.LengthPrefixed();
  if (!in.empty()) out.file_id = in.Varint();  // older versions did not write it
  return out;
}

int Compare(const BinlogPosition& a, const BinlogPosition& b) {
  if (a.server != b.server && !a.gtids.empty() && !b.gtids.empty()) {
    const bool is_mariadb = DomainGtids::IsText(a.gtids);
    if (is_mariadb != DomainGtids::IsText(b.gtids)) return 1;
    if (is_mariadb) {
      return CompareExecuted(DomainGtids::Parse(a.gtids), DomainGtids::Parse(b.gtids));
    }
    return CompareExecuted(GtidSet::Parse(a.gtids), GtidSet::Parse(b.gtids));
  }
  uint64_t left = FileNumber(a.file);
  uint64_t right = FileNumber(b.file);
  if (left != right) return left < right ? -1 : 1;
  if (a.offset != b.offset) return a.offset < b.offset ? -1 : 1;
  return 0;
}

std::string Describe(const BinlogPosition& position) {
  std::string out = fmt::format("{}:{}", position.file, position.offset);
  if (!position.gtids.empty()) out += ", gtid " + position.gtids;
  return out;
}

std::vector<Row> ReadLogStatus(Session& session) {
  return session.Query(HasStatusOfBinaryLog(session) ? "SHOW BINARY LOG STATUS"
                                                     : "SHOW MASTER STATUS");
}

std::string ReadLogServer(Session& session) {
  const char* name = IsMariaDb(session) ? "server_id" : "server_uuid";
  for (Row& row : session.Query(fmt::format("SHOW GLOBAL VARIABLES LIKE '{}'", name))) {
    return row[1].value_or("");
  }
  return "";
}

BinlogPosition ReadLogPosition(Session& session) {
  std::vector<Row> rows = ReadLogStatus(session);
  if (rows.empty() || rows[0].size() < 2 || !rows[0][0] || !rows[0][1]) {
    throw Error({.code = "BINLOG_OFF",
                 .kind = ErrorKind::kBlocked,
                 .side = session.side(),
                 .object = session.url(),
                 .message = "the server writes no binary log",
                 .cause = "log_bin is off, or the account may not see it",
                 .remedy = "start the server with --log-bin and --binlog-format=ROW and grant "
                           "REPLICATION CLIENT"});
  }
  BinlogPosition out;
  const Row& row = rows[0];
  out.file = *row[0];
  std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), out.offset);
  if (row.size() > 4 && row[4] && !row[4]->empty()) {
    out.gtids = GtidSet::Parse(*row[4]).ToString();
  }
  out.server = ReadLogServer(session);
  if (IsMariaDb(session)) out.gtids = ReadDomainGtids(session);
  return out;
}

std::optional<BinlogPosition> ReadSnapshotPosition(Session& session) {
  BinlogPosition out;
  for (Row& row : session.Query("SHOW STATUS LIKE 'binlog_snapshot_%'")) {
    if (!row[0] || !row[1]) continue;
    std::string_view name = *row[0];
    if (name == "Binlog_snapshot_file") out.file = *row[1];
    if (name == "Binlog_snapshot_position") {
      std::from_chars(row[1]->data(), row[1]->data() + row[1]->size(), out.offset);
    }
  }
  if (out.file.empty()) return {};
  const auto gtids = session.QueryValue(
      fmt::format("SELECT BINLOG_GTID_POS({}, {})", Session::Literal(out.file), out.offset));
  if (gtids) {
    out.server = ReadLogServer(session);
    out.gtids = DomainGtids::Parse(*gtids).ToString();
  }
  return out;
}

void LockForPosition(Session& session) {
  session.Execute(fmt::format("SET SESSION lock_wait_timeout={}", kLockWaitSeconds));
  try {
    session.Execute("FLUSH TABLES WITH READ LOCK");
  } catch (const Error& error) {
    if (error.code() != "LOCK_WAIT_TIMEOUT") throw;
    session.Execute("UNLOCK TABLES");  // the server may have taken the first half of the lock
    throw Error({.code = "GLOBAL_LOCK_TIMEOUT",
                 .kind = ErrorKind::kTransient,
                 .side = session.side(),
                 .object = session.url(),
                 .native = error.fields().native,
                 .message = "FLUSH TABLES WITH READ LOCK did not get its lock",
                 .cause = "a statement of the source runs long or waits for a row",
                 .remedy = "nothing: it is tried again; if it lasts, end the long statements there "
                           "(SHOW PROCESSLIST)"});
  }
}

void UnlockPosition(Session& session) {
  session.Execute("UNLOCK TABLES");
  session.Execute("SET SESSION lock_wait_timeout=DEFAULT");
}

}  // namespace godwit::mysql
