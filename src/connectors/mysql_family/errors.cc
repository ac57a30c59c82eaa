// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "connectors/mysql_family/session.h"

namespace godwit::mysql {
namespace {

struct Known {
  unsigned number;
  const char* code;
  ErrorKind kind;
  const char* cause;
  const char* remedy;
};

constexpr auto kT = ErrorKind::kTransient;
constexpr auto kB = ErrorKind::kBlocked;
constexpr auto kD = ErrorKind::kData;

constexpr const char* kWait = "nothing: it is tried again";
constexpr const char* kGrant = "grant the account what is missing (docs/databases.md lists it)";
constexpr const char* kOtherType =
    "give the column the type and character set of the source's, or correct the value there";
constexpr const char* kOverload =
    "nothing: Godwit slows down; give the tenant more memory if it lasts";

// MySQL's error reference; 4000 and above are OceanBase's own numbers.
constexpr std::array kKnown = {
    Known{1004, "DISK_FULL", kB, "the server cannot create a file", "free space on the server"},
    Known{1021, "DISK_FULL", kT, "the server's disk is full", "free space on the server"},
    Known{1040, "TOO_MANY_CONNECTIONS", kT, "the server has no free connection", kWait},
    Known{1044, "ACCESS_DENIED", kB, "the account may not use this database", kGrant},
    Known{1045, "LOGIN_REFUSED", kB, "user or password is wrong", "check user and password"},
    Known{1048, "VALUE_REFUSED", kD, "a NULL goes into a column that takes none",
          "let the column take NULL, or correct the row at the source"},
    Known{1049, "DATABASE_UNKNOWN", kB, "there is no such database", "check its name"},
    Known{1053, "SERVER_GOING_DOWN", kT, "the server is shutting down", kWait},
    Known{1054, "COLUMN_UNKNOWN", kD, "the table has no such column (any more)",
          "compare both definitions"},
    Known{1062, "DUPLICATE_KEY", kD, "a row with this unique value is there already",
          "compare the unique keys of both sides"},
    Known{1114, "TABLE_FULL", kT, "the server has no room for the table", "free space there"},
    Known{1129, "HOST_BLOCKED", kB, "the server has blocked this host after failed connections",
          "FLUSH HOSTS on the server"},
    Known{1130, "LOGIN_REFUSED", kB, "the account may not connect from this host",
          "allow this host for the account"},
    Known{1142, "ACCESS_DENIED", kB, "the account lacks a privilege on the table", kGrant},
    Known{1143, "ACCESS_DENIED", kB, "the account lacks a privilege on a column", kGrant},
    Known{1146, "TABLE_UNKNOWN", kB, "there is no such table (any more)", "check its name"},
    Known{1153, "PACKET_TOO_LARGE", kD, "a row is larger than max_allowed_packet",
          "raise max_allowed_packet on the server"},
    Known{1158, "CONNECTION_LOST", kT, "the network failed", kWait},
    Known{1159, "CONNECTION_LOST", kT, "the network timed out", kWait},
    Known{1160, "CONNECTION_LOST", kT, "the network failed", kWait},
    Known{1161, "CONNECTION_LOST", kT, "the network timed out", kWait},
    Known{1176, "TABLE_CHANGED", kB, "the index that it is read by is not there (any more)",
          "resume: the table is looked at again"},
    Known{1205, "LOCK_WAIT_TIMEOUT", kT, "another transaction holds the lock", kWait},
    Known{1213, "DEADLOCK", kT, "transactions waited for each other", kWait},
    Known{1227, "ACCESS_DENIED", kB, "the account lacks a global privilege", kGrant},
    Known{1236, "LOG_PURGED", kB, "the source no longer has the log Godwit must go on from",
          "release the project, empty its tables at the destination, and migrate again; keep logs "
          "longer (binlog_expire_logs_seconds)"},
    Known{1264, "VALUE_REFUSED", kD, "a value is out of the column's range", "widen the column"},
    Known{1265, "VALUE_REFUSED", kD, "a value does not fit the column", "widen the column"},
    Known{1290, "SERVER_READ_ONLY", kB, "the server is read-only", "make it writable"},
    Known{1292, "VALUE_REFUSED", kD, "a value is not valid for the column", kOtherType},
    Known{1317, "INTERRUPTED", kT, "the statement was interrupted", kWait},
    Known{1366, "VALUE_REFUSED", kD, "a value is not valid for the column", kOtherType},
    Known{1406, "VALUE_REFUSED", kD, "a value is too long for the column", "widen the column"},
    Known{1412, "TABLE_CHANGED", kT, "the table's definition has just changed", kWait},
    Known{1452, "FOREIGN_KEY_MISSING", kD, "the parent row is missing",
          "add the parent row, or drop the foreign key"},
    Known{1526, "VALUE_REFUSED", kD, "no partition takes the value", "add a partition for it"},
    Known{1836, "SERVER_READ_ONLY", kB, "the server is read-only", "make it writable"},
    Known{1927, "CONNECTION_LOST", kT, "the connection was killed", kWait},
    Known{2002, "CONNECTION_FAILED", kT, "nothing answers there", "check host, port and server"},
    Known{2003, "CONNECTION_FAILED", kT, "nothing answers there", "check host, port and server"},
    Known{2005, "HOST_UNKNOWN", kB, "the host name is unknown", "check the host name"},
    Known{2006, "CONNECTION_LOST", kT, "the server went away", kWait},
    Known{2012, "CONNECTION_FAILED", kT, "the handshake broke off", "check host and port"},
    Known{2013, "CONNECTION_LOST", kT, "the connection broke", kWait},
    Known{2026, "TLS_FAILED", kB, "the TLS connection could not be made or verified",
          "check tls=, tls_ca= and the server's certificate"},
    Known{2055, "CONNECTION_LOST", kT, "the connection broke", kWait},
    Known{3140, "VALUE_REFUSED", kD, "a text is not valid JSON",
          "give the column a type of text, or correct the document at the source"},
    Known{3819, "CHECK_VIOLATED", kD, "a CHECK of the table refuses the row",
          "change the CHECK or drop it"},
    Known{4012, "STATEMENT_TIMEOUT", kT, "the engine's time limit ended it", kWait},
    Known{4013, "OCEANBASE_OVERLOAD", kT, "the tenant is out of memory", kOverload},
    // Met once in reading a table that was being compacted. Of a definition's statement it may well
    // last.
    Known{4016, "ENGINE_FAILED", kT, "the engine failed within itself",
          "nothing: it is tried again; if it lasts, see the server's log"},
    Known{4023, "OCEANBASE_MOVING", kT, "the engine is busy with itself", kWait},
    Known{4030, "OCEANBASE_OVERLOAD", kT, "the tenant's memstore is full", kOverload},
    Known{4038, "OCEANBASE_MOVING", kT, "the leader is moving", kWait},
    Known{4121, "OCEANBASE_MOVING", kT, "a node cannot be reached", kWait},
    Known{4122, "OCEANBASE_MOVING", kT, "a node cannot be reached", kWait},
    Known{4124, "OCEANBASE_MOVING", kT, "a node cannot be reached", kWait},
    Known{4138, "SNAPSHOT_TOO_OLD", kT, "the snapshot is no longer kept", kWait},
    Known{4184, "DISK_FULL", kT, "the server's disk is full", kOverload},
    Known{4209, "OCEANBASE_MOVING", kT, "there is no leader now", kWait},
    Known{4225, "OCEANBASE_MOVING", kT, "the partition is moving", kWait},
    Known{4242, "TABLE_CHANGED", kT, "the schema is being refreshed", kWait},
    Known{4260, "OCEANBASE_MOVING", kT, "the leader is moving", kWait},
    Known{4264, "OCEANBASE_OVERLOAD", kT, "the log disk is full", kOverload},
    Known{4265, "OCEANBASE_MOVING", kT, "a node cannot be reached", kWait},
    // Killed through OceanBase's proxy, or (5066) at the server, before it hangs up.
    Known{4401, "CONNECTION_LOST", kT, "the connection was killed", kWait},
    Known{4653, "OCEANBASE_MOVING", kT, "the partition is moving", kWait},
    Known{4654, "OCEANBASE_MOVING", kT, "the leader is moving", kWait},
    Known{4663, "OCEANBASE_MOVING", kT, "a node cannot be reached", kWait},
    Known{4664, "OCEANBASE_MOVING", kT, "the leader is not known in time", kWait},
    Known{4719, "OCEANBASE_MOVING", kT, "the log stream is moving", kWait},
    Known{4721, "OCEANBASE_MOVING", kT, "the log stream is moving", kWait},
    Known{4722, "OCEANBASE_MOVING", kT, "the leader is moving", kWait},
    Known{4723, "OCEANBASE_MOVING", kT, "the tablet is moving", kWait},
    Known{4725, "OCEANBASE_MOVING", kT, "the tablet is moving", kWait},
    Known{5010, "LOGIN_REFUSED", kB, "the server asks for a login that shows it the password",
          "use tls=verify, or another way for the account to log in"},
    Known{5065, "INTERRUPTED", kT, "the statement was interrupted", kWait},
    Known{5066, "CONNECTION_LOST", kT, "the connection was killed", kWait},
    Known{5627, "TABLE_CHANGED", kT, "the schema is being refreshed", kWait},
    Known{6002, "TRANSACTION_ROLLED_BACK", kT, "the engine rolled the transaction back", kWait},
    Known{6005, "LOCK_WAIT_TIMEOUT", kT, "another transaction holds the lock", kWait},
    Known{8001, "SERVER_GOING_DOWN", kT, "the server is starting", kWait},
    Known{8002, "SERVER_GOING_DOWN", kT, "the server is shutting down", kWait},
};

}  // namespace

Error Classify(unsigned number, std::string_view message, std::string_view doing, Side side,
               std::string_view object) {
  ErrorFields fields;
  fields.side = side;
  fields.object = object;
  fields.native = static_cast<int>(number);
  fields.message = fmt::format("{}: {}", doing, message);
  auto known = std::find_if(kKnown.begin(), kKnown.end(),
                            [&](const Known& k) { return k.number == number; });
  if (known == kKnown.end()) {
    fields.code = "SERVER_ERROR";
    fields.kind = ErrorKind::kBlocked;
    fields.cause = "the server refused the statement";
    fields.remedy = "see the server's message";
  } else {
    fields.code = known->code;
    fields.kind = known->kind;
    fields.cause = known->cause;
    fields.remedy = known->remedy;
  }
  return Error(std::move(fields));
}

}  // namespace godwit::mysql
