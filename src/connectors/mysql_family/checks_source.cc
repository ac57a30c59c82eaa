// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/binlog_stream.h"
#include "connectors/mysql_family/checks.h"
#include "connectors/mysql_family/source_watch.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

constexpr uint64_t kShortRetentionSeconds = 24 * 3600;
constexpr uint64_t kFirstOffset = 4;  // behind the magic number of a log file
constexpr std::chrono::seconds kAnswer{5};

void CheckSelect(CheckList& list, Session& session, const CheckRequest& request) {
  for (const TableSchemaPtr& table : request.tables) {
    try {
      session.Query(fmt::format("SELECT 1 FROM {}.{} LIMIT 0", Session::Quote(table->name.database),
                                Session::Quote(table->name.table)));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      list.Fail("read_privilege", error.fields().message, "the account cannot read the table",
                "GRANT SELECT ON it to the account", table->name.ToString());
    }
  }
  list.PassIfQuiet("read_privilege", "every table can be read");
}

void CheckEngines(CheckList& list, const CheckRequest& request) {
  for (const TableSchemaPtr& table : request.tables) {
    std::string engine = table->engine;
    std::transform(engine.begin(), engine.end(), engine.begin(), ::tolower);
    if (engine.empty() || engine == "innodb" || engine == "rocksdb" || engine == "ndbcluster") {
      continue;
    }
    // Copied from a snapshot, which it does not have: what is written meanwhile would come twice.
    if (request.captures && table->identity_columns().empty()) {
      list.Fail("engine", fmt::format("the table's engine is {}, and it has no key", table->engine),
                "nothing tells rows written during its copy from those copied",
                "ALTER TABLE … ENGINE=InnoDB, or give it a primary key, or leave it out",
                table->name.ToString());
      continue;
    }
    list.Warn("engine", "the table's engine is " + table->engine,
              "it has no transactions: a change can be seen half done by the copy",
              "ALTER TABLE … ENGINE=InnoDB, or write to it rarely while it is copied",
              table->name.ToString());
  }
  list.PassIfQuiet("engine", "every table's engine has transactions");
}

void CheckBinlog(CheckList& list, Session& session) {
  auto expect = [&](const char* item, const char* wanted, const char* cause, const char* remedy) {
    std::string value = Variable(session, item);
    std::transform(value.begin(), value.end(), value.begin(), ::toupper);
    // Servers that lack the variable know one behaviour only.
    if (value.empty() || value == wanted) {
      list.Pass(item, value.empty() ? "not there" : value);
    } else {
      list.Fail(item, fmt::format("{} is {}", item, value), cause, remedy);
    }
  };
  if (!CheckLogBin(list, Variable(session, "log_bin"))) return;
  expect("binlog_format", "ROW", "only row events say what changed",
         "SET GLOBAL binlog_format=ROW, and let every session reconnect");
  if (Variable(session, "server_id") == "0") {
    list.Fail("server_id", "server_id is 0", "the server refuses to send its log",
              "set server_id to a number of its own");
  } else {
    list.Pass("server_id", Variable(session, "server_id"));
  }
  std::string order = Variable(session, "binlog_order_commits");
  if (order == "OFF") {
    list.Warn("binlog_order_commits", "OFF",
              "commits may become visible in another order than logged",
              "SET GLOBAL binlog_order_commits=ON, or grant RELOAD for a short global read lock");
  } else {
    list.Pass("binlog_order_commits", order.empty() ? "not there" : order);
  }
  std::string gtid = Variable(session, "gtid_mode");
  list.Pass("gtid_mode", gtid.empty() ? "not there" : gtid);
}

bool Lists(std::string_view databases, std::string_view wanted) {
  while (!databases.empty()) {
    const size_t comma = std::min(databases.find(','), databases.size());
    if (EqualNames(databases.substr(0, comma), wanted)) return true;
    databases.remove_prefix(std::min(comma + 1, databases.size()));
  }
  return false;
}

// Changes that never reach the log would be missed without a word. The filters are known to the
// statement that tells the log's position only.
void CheckLogFilters(CheckList& list, Session& session, const CheckRequest& request) {
  const auto rows = ReadLogStatus(session);
  if (rows.empty() || rows[0].size() < 4) return;
  const std::string only = rows[0][2].value_or("");
  const std::string never = rows[0][3].value_or("");
  if (only.empty() && never.empty()) return list.Pass("binlog_filter", "every database is logged");
  const std::string filters = fmt::format("binlog-do-db='{}' binlog-ignore-db='{}'", only, never);
  for (const std::string& database : request.databases) {
    const bool is_logged = (only.empty() || Lists(only, database)) && !Lists(never, database);
    if (is_logged) continue;
    list.Fail("binlog_filter", "changes of the database are not logged: " + filters,
              "the server leaves them out of its binary log",
              "take the filter out of the server's configuration and restart it", database);
  }
  list.Warn(
      "binlog_filter", filters,
      "a statement that changes definitions is not logged if the default database of its session "
      "is filtered: its change would be missed",
      "take the filter out, or see to it that definitions change only under a default database "
      "that is logged");
}

// Whether it applies another server's changes, now or once it is started again. Not every account
// that may capture may see the latter (MariaDB: REPLICA MONITOR).
bool IsReplica(Session& session, const ServerInfo& server) {
  const bool has_named = server.flavor == Flavor::kMariaDb;  // which the usual statement leaves out
  try {
    return !session.Query(has_named ? "SHOW ALL SLAVES STATUS" : ReplicaStatusStatement(server))
                .empty();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
  }
  for (const Row& row : session.Query("SHOW GLOBAL STATUS LIKE 'Slave_running'")) {
    if (row[1].value_or("") == "ON") return true;
  }
  return false;
}

// What a replica applies is in its own log only if it is told so, which before MySQL 8.0 and in
// MariaDB it is not by default.
void CheckReplicaUpdates(CheckList& list, Session& session, const ServerInfo& server) {
  std::string logs = Variable(session, "log_replica_updates");
  if (logs.empty()) logs = Variable(session, "log_slave_updates");
  if (logs != "OFF") return list.Pass("log_replica_updates", logs);
  if (!IsReplica(session, server)) {
    return list.Pass("log_replica_updates", "OFF, and the server is no replica");
  }
  list.Fail("log_replica_updates", "the server is a replica and log_replica_updates is OFF",
            "what it applies from its own source is not in its binary log",
            "migrate from its source, or start it with log_replica_updates (log_slave_updates)");
}

// What partial images cost, and which tables cannot be followed by them.
void CheckRowImages(CheckList& list, Session& session, const ServerInfo& server,
                    const CheckRequest& request) {
  const std::string image = Variable(session, "binlog_row_image");
  if (LogsFullImages(image)) {
    return list.Pass("binlog_row_image", image.empty() ? "not there" : image);
  }
  const std::string remedy = "SET GLOBAL binlog_row_image=FULL, and let every session reconnect";
  const std::string cause = "the log leaves columns out of its row images";
  if (server.flavor == Flavor::kMariaDb) {
    return list.Fail("binlog_row_image", "binlog_row_image is " + image,
                     cause + ", and MariaDB leaves out of a REPLACE's what it set to its default",
                     remedy);
  }
  for (const TableSchemaPtr& table : request.tables) {
    if (!request.filtered.contains(table->name)) continue;
    list.Fail("binlog_row_image",
              fmt::format("binlog_row_image is {}, and the table has a row filter", image),
              cause + ": the filter could not judge a change", remedy, table->name.ToString());
  }
  if (Variable(session, "binlog_row_value_options") == "PARTIAL_JSON") {
    list.Fail(
        "binlog_row_image",
        fmt::format("binlog_row_image is {} and binlog_row_value_options PARTIAL_JSON", image),
        "an update of a JSON column logs neither its old nor its new value",
        "SET GLOBAL binlog_row_image=FULL or binlog_row_value_options='', and let every "
        "session reconnect");
  }
  list.Warn("binlog_row_image", "binlog_row_image is " + image,
            cause +
                ": each table is copied from one snapshot by one connection, from its "
                "beginning again after a crash",
            remedy + "; or accept it");
}

void CheckRetention(CheckList& list, Session& session) {
  std::string seconds = Variable(session, "binlog_expire_logs_seconds");
  std::string days = Variable(session, "expire_logs_days");
  uint64_t keep = std::strtoull(seconds.c_str(), nullptr, 10);
  if (keep == 0) {
    keep = static_cast<uint64_t>(std::strtod(days.c_str(), nullptr) * 24 * 3600);
  }
  std::string message = keep == 0 ? "logs are kept until purged by hand"
                                  : fmt::format("logs are kept for {:.1f} hours", keep / 3600.0);
  if (keep != 0 && keep < kShortRetentionSeconds) {
    return list.Warn("log_retention", message, "a pause longer than that loses the project's place",
                     "SET GLOBAL binlog_expire_logs_seconds=259200 or more");
  }
  list.Pass("log_retention", message);
}

// The server says whether it sends its log only when it is asked to: its first log, from the
// beginning.
void ReadFirstEvent(const EndpointUrl& url, Side side) {
  BinlogStream stream(url, side, {.offset = kFirstOffset}, {.server_id = RandomReplicaId()});
  stream.Next(Deadline::In(kAnswer), {});
}

// By a statement that asks for the same right as the global read lock, and does nothing.
void CheckReload(CheckList& list, Session& session, const ServerInfo& server,
                 const CheckRequest& request) {
  const std::string remedy =
      "GRANT RELOAD ON *.* to the account; the lock is held for milliseconds";
  try {
    session.Execute("FLUSH LOCAL TABLES `godwit`.`godwit_no_such_table`");
    list.Pass("reload", "a short global read lock can prove the start point");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    const bool keeps_order = Variable(session, "binlog_order_commits") == "ON";
    if (server.flavor == Flavor::kMariaDb) {
      return list.Pass("reload", "snapshots know their place in the log");
    }
    if (request.may_mark && keeps_order) {  // a row that is committed tells the start point
      return list.Warn("reload", error.fields().message,
                       "without the global read lock tables that must be copied from one snapshot "
                       "cannot be: those without a key, and those that docs/databases.md lists",
                       remedy);
    }
    list.Fail("reload", error.fields().message,
              "without the global read lock nothing proves the start point",
              remedy +
                  "; or have binlog_order_commits=ON and a heartbeat row ('heartbeat' in the "
                  "project file)");
  }
}

// Tried, not guessed: what capture and the start point ask for. So rights count that come by a
// role.
void CheckCapturePrivileges(CheckList& list, Session& session, const EndpointUrl& url,
                            const ServerInfo& server, const CheckRequest& request) {
  list.Try("replication_client", "the log's position can be read",
           server.flavor == Flavor::kMariaDb ? "GRANT BINLOG MONITOR ON *.* to the account"
                                             : "GRANT REPLICATION CLIENT ON *.* to the account",
           [&] { CheckLogFilters(list, session, request); });
  CheckReplicaUpdates(list, session, server);
  list.Try("replication_slave", "the log can be read",
           "GRANT REPLICATION SLAVE ON *.* to the account",
           [&] { ReadFirstEvent(url, request.side); });
  CheckReload(list, session, server, request);
}

}  // namespace

bool CheckLogBin(CheckList& list, const std::string& log_bin) {
  if (log_bin == "ON") {
    list.Pass("log_bin", log_bin);
    return true;
  }
  list.Fail("log_bin", "the binary log is off", "changes cannot be captured without it",
            "start the server with --log-bin");
  return false;
}

std::vector<CheckResult> CheckSource(const EndpointUrl& url, const ServerInfo& server,
                                     const CheckRequest& request) {
  CheckList list(request.side);
  Session session(url, request.side, SessionRole::kReader);
  CheckBoth(list, session, server, request);
  CheckSelect(list, session, request);
  CheckEngines(list, request);
  if (request.captures) {
    if (server.flavor == Flavor::kOceanBase) {
      list.Fail("log_bin", "changes cannot be captured from this server",
                "Godwit has no way to read its change log", "leave incremental migration out");
    } else {
      CheckBinlog(list, session);
      CheckRowImages(list, session, server, request);
      CheckRetention(list, session);
      CheckCapturePrivileges(list, session, url, server, request);
    }
  }
  return list.Take();
}

}  // namespace godwit::mysql
