// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <initializer_list>
#include <optional>

#include "connectors/mysql_family/checks.h"
#include "connectors/mysql_family/lane_table.h"
#include "connectors/mysql_family/memstore.h"

namespace godwit::mysql {
namespace {

constexpr uint64_t kSuggestedPacket = 64 << 20;
constexpr double kHighUse = 0.85;

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ::toupper);
  return text;
}

// Everything a migration does to a table, in a table of its own.
void CheckWritePrivileges(CheckList& list, Session& session) {
  const std::string remedy =
      "GRANT ALL ON `godwit`.* to the account, and CREATE, ALTER, INDEX, DROP, SELECT, INSERT, "
      "UPDATE, "
      "DELETE, REFERENCES on the databases migrated into";
  const std::string table = fmt::format("`godwit`.`godwit_trial_{}`", getpid());
  list.Try("write_privilege", "tables can be made, written and altered", remedy, [&] {
    LaneTable::Create(session);
    session.Execute(fmt::format("DROP TABLE IF EXISTS {}", table));
    session.Execute(fmt::format("CREATE TABLE {} (id INT PRIMARY KEY, a INT)", table));
    session.Execute(fmt::format("INSERT INTO {} VALUES (1, 1)", table));
    session.Execute(fmt::format("UPDATE {} SET a=2 WHERE id=1", table));
    session.Execute(fmt::format("DELETE FROM {} WHERE id=1", table));
    session.Execute(fmt::format("ALTER TABLE {} ADD INDEX godwit_trial (a)", table));
    session.Execute(fmt::format("DROP TABLE {}", table));
  });
}

// Whether a line of SHOW GRANTS covers the database, and which privileges it gives.
bool Covers(const std::string& grant, const std::string& database) {
  size_t on = grant.find(" ON ");
  if (on == std::string::npos) return false;
  std::string scope = grant.substr(on + 4, grant.find(" TO ", on) - on - 4);
  if (scope == "*.*") return true;
  std::string name = scope.substr(0, scope.rfind('.'));
  std::erase(name, '`');
  std::erase(name, '\\');  // a wildcard taken literally
  return name == database || name == "%";
}

void CheckDatabasePrivileges(CheckList& list, Session& session, const CheckRequest& request) {
  std::vector<std::string> grants;
  for (const Row& row : session.Query("SHOW GRANTS")) grants.push_back(row[0].value_or(""));
  std::vector<const char*> wanted = {"SELECT", "INSERT", "UPDATE", "DELETE"};
  if (request.creates) {
    for (const char* more : {"CREATE", "ALTER", "INDEX", "DROP"}) wanted.push_back(more);
  }
  for (const std::string& database : request.databases) {
    for (const char* privilege : wanted) {
      bool has = std::any_of(grants.begin(), grants.end(), [&](const std::string& grant) {
        std::string given = Upper(grant.substr(0, grant.find(" ON ")));
        return Covers(grant, database) && (given.find("ALL PRIVILEGES") != std::string::npos ||
                                           given.find(privilege) != std::string::npos);
      });
      if (has) continue;
      // Roles and grants on single tables are not in these lines, so this is no proof.
      list.Warn("database_privilege",
                fmt::format("{} on it was not found in SHOW GRANTS", privilege),
                "the account may lack it, or have it by a role or by table",
                fmt::format("GRANT {} ON {}.* to the account", privilege, Session::Quote(database)),
                database);
    }
  }
  list.PassIfQuiet("database_privilege", "every database can be written");
}

void CheckPacket(CheckList& list, const ServerInfo& server, const CheckRequest& request) {
  const std::string message =
      fmt::format("max_allowed_packet is {} MiB", server.max_allowed_packet >> 20);
  const std::string remedy = "SET GLOBAL max_allowed_packet=1073741824 and connect anew";
  const uint64_t largest = request.largest_source_row;
  const std::string cause = fmt::format("the source's largest row has {} bytes", largest);
  if (largest >= server.max_allowed_packet) {
    return list.Fail("max_allowed_packet", message, cause, remedy);
  }
  // A byte may take two in a literal.
  if (largest * 2 > server.max_allowed_packet) {
    return list.Warn("max_allowed_packet", message,
                     cause +
                         ", and twice as many where all must be "
                         "escaped",
                     remedy);
  }
  if (server.max_allowed_packet < kSuggestedPacket && largest == 0) {
    return list.Warn("max_allowed_packet", message, "rows above it cannot be written",
                     "SET GLOBAL max_allowed_packet=67108864 or more");
  }
  list.Pass("max_allowed_packet", message);
}

// The first of these queries that the server knows and the account may run; their first cell.
std::optional<double> FirstKnown(Session& session, std::initializer_list<const char*> queries) {
  for (const char* query : queries) {
    try {
      if (auto value = session.QueryValue(query)) return std::strtod(value->c_str(), nullptr);
    } catch (const Error& error) {
      // A server under load may not find the time for it.
      if (error.kind() == ErrorKind::kTransient && error.code() != "STATEMENT_TIMEOUT") throw;
    }
  }
  return {};
}

// Memory and disks of OceanBase, where the account may see them: what is full stops every writer.
void CheckPressure(CheckList& list, Session& session) {
  auto check = [&](const char* item, const char* what, std::optional<double> used,
                   const char* remedy) {
    if (!used) return list.Pass(item, "not shown to this account");
    const std::string message = fmt::format("{} is used to {:.0f} %", what, *used * 100);
    if (*used < kHighUse) return list.Pass(item, message);
    list.Warn(item, message, "writers are slowed down or stopped when it is full", remedy);
  };
  check("memory_pressure", "the memory for new rows (memstore)", MemstoreUse(session),
        "let the server finish its freezes, or give the tenant more memory");
  check("data_disk", "the disk for data",
        FirstKnown(session, {"SELECT MAX(data_disk_in_use / data_disk_capacity) FROM "
                             "oceanbase.GV$OB_SERVERS",
                             "SELECT MAX(data_disk_in_use / data_disk_capacity) FROM "
                             "oceanbase.V$OB_SERVER_STAT"}),
        "add room (datafile_size, datafile_maxsize) before the rows come");
  check("log_disk", "the disk for the log",
        FirstKnown(session, {"SELECT MAX(log_disk_in_use / log_disk_capacity) FROM "
                             "oceanbase.GV$OB_SERVERS",
                             "SELECT MAX(log_disk_in_use / log_disk_capacity) FROM "
                             "oceanbase.V$OB_SERVER_STAT"}),
        "raise log_disk_size");
}

void CheckTriggers(CheckList& list, Session& session, const CheckRequest& request) {
  for (const TableSchemaPtr& table : request.tables) {
    auto rows = session.Query(fmt::format(
        "SELECT trigger_name FROM information_schema.triggers WHERE event_object_schema={} AND "
        "event_object_table={}",
        Session::Literal(table->name.database), Session::Literal(table->name.table)));
    for (const Row& row : rows) {
      list.Fail("trigger", fmt::format("the table has the trigger {}", row[0].value_or("")),
                "it would fire again for every row that Godwit writes",
                "drop it until the switchover", table->name.ToString());
    }
  }
  list.PassIfQuiet("trigger", "no table has a trigger");
}

void CheckReadOnly(CheckList& list, Session& session) {
  for (const char* name : {"read_only", "super_read_only"}) {
    if (Variable(session, name) == "ON") {
      return list.Fail("read_only", fmt::format("{} is ON", name), "nothing can be written",
                       fmt::format("SET GLOBAL {}=OFF", name));
    }
  }
  list.Pass("read_only", "the server takes writes");
}

}  // namespace

std::vector<CheckResult> CheckDestination(const EndpointUrl& url, const ServerInfo& server,
                                          const CheckRequest& request) {
  CheckList list(request.side);
  Session session(url, request.side, SessionRole::kWriter);
  CheckBoth(list, session, server, request);
  if (request.writes) {
    CheckReadOnly(list, session);
    CheckWritePrivileges(list, session);
    CheckDatabasePrivileges(list, session, request);
    CheckPacket(list, server, request);
    CheckTriggers(list, session, request);
    if (server.flavor == Flavor::kOceanBase) CheckPressure(list, session);
  }
  return list.Take();
}

}  // namespace godwit::mysql
