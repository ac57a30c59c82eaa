// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <exception>
#include <initializer_list>
#include <optional>
#include <random>

#include "connectors/mysql_family/checks.h"
#include "connectors/mysql_family/lane_table.h"
#include "connectors/mysql_family/memstore.h"

namespace godwit::mysql {
namespace {

constexpr uint64_t kSuggestedPacket = 64 << 20;
constexpr const char* kAllRights =
    "CREATE, ALTER, INDEX, DROP, SELECT, INSERT, UPDATE, DELETE, REFERENCES, CREATE VIEW";

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), ::toupper);
  return text;
}

// A table of Godwit's own, to do to it what a migration does to those of its database. Nothing else
// has its name, and it goes with the object. The session outlives it.
class TrialTable {
 public:
  TrialTable(Session& session, const EndpointUrl& url, const std::string& database)
      : TrialTable(session, url, database,
                   fmt::format("godwit_trial_{}_{:08x}", getpid(), std::random_device()())) {}
  ~TrialTable() {
    if (has_view_) TakeAway("DROP VIEW IF EXISTS " + view_);
    if (is_there_) TakeAway("DROP TABLE IF EXISTS " + name_);
  }
  TrialTable(const TrialTable&) = delete;
  TrialTable& operator=(const TrialTable&) = delete;

  void Make() {
    // Not without the right to take it away again.
    session_.Execute("DROP TABLE IF EXISTS " + name_);
    is_there_ = true;  // as it may be though no answer comes
    session_.Execute(fmt::format(
        "CREATE TABLE {} (id INT PRIMARY KEY, a INT) COMMENT='a trial of godwit precheck, which "
        "drops it'",
        name_));
  }
  void Write() {
    session_.Execute(fmt::format("INSERT INTO {} VALUES (1, 1)", name_));
    session_.Execute(fmt::format("UPDATE {} SET a=2 WHERE id=1", name_));
    session_.Execute(fmt::format("DELETE FROM {} WHERE id=1", name_));
  }
  void Alter() {
    session_.Execute(fmt::format("ALTER TABLE {} ADD INDEX godwit_trial (a)", name_));
  }
  void Refer() {
    session_.Execute(fmt::format("ALTER TABLE {0} ADD FOREIGN KEY (a) REFERENCES {0} (id)", name_));
  }
  void View() {
    has_view_ = true;  // as it may be though no answer comes
    session_.Execute(fmt::format("CREATE VIEW {} AS SELECT a FROM {}", view_, name_));
    session_.Execute("DROP VIEW " + view_);
    has_view_ = false;
  }
  void Drop() {
    session_.Execute("DROP TABLE " + name_);
    is_there_ = false;
  }

 private:
  TrialTable(Session& session, const EndpointUrl& url, const std::string& database,
             const std::string& name)
      : session_(session),
        url_(url),
        name_(fmt::format("{}.`{}`", Session::Quote(database), name)),
        view_(fmt::format("{}.`{}_view`", Session::Quote(database), name)) {}

  void TakeAway(const std::string& drop) {
    try {
      session_.Execute(drop);
      return;
    } catch (const std::exception&) {
      // The connection may be what has failed.
    }
    try {
      Session(url_, session_.side(), SessionRole::kWriter).Execute(drop);
    } catch (const std::exception&) {
      // It stays; its name, and the table's comment, say what it is.
    }
  }

  Session& session_;
  const EndpointUrl& url_;
  const std::string name_;
  const std::string view_;
  bool is_there_ = false;
  bool has_view_ = false;
};

// Everything a migration does to a table of this database.
void TryTable(Session& session, const EndpointUrl& url, const std::string& database,
              const CheckRequest& request) {
  TrialTable table(session, url, database);
  table.Make();
  table.Write();
  table.Alter();
  const bool refers = std::any_of(
      request.tables.begin(), request.tables.end(), [&](const TableSchemaPtr& selected) {
        return selected->name.database == database && !selected->foreign_keys.empty();
      });
  if (refers) table.Refer();
  if (request.view_databases.contains(database)) table.View();
  table.Drop();
}

void CheckWritePrivileges(CheckList& list, Session& session, const EndpointUrl& url,
                          const CheckRequest& request) {
  const std::string remedy = fmt::format(
      "GRANT ALL ON `godwit`.* to the account, and {} on the databases migrated into", kAllRights);
  list.Try("write_privilege", "tables can be made, written and altered", remedy, [&] {
    LaneTable::Create(session);
    TryTable(session, url, LaneTable::kDatabase, request);
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

void GuessPrivileges(CheckList& list, Session& session, const CheckRequest& request,
                     const std::vector<std::string>& databases) {
  std::vector<std::string> grants;
  for (const Row& row : session.Query("SHOW GRANTS")) grants.push_back(row[0].value_or(""));
  std::vector<const char*> wanted = {"SELECT", "INSERT", "UPDATE", "DELETE"};
  // Replay follows the source's DDL.
  if (request.creates || request.captures) {
    for (const char* more : {"CREATE", "ALTER", "INDEX", "DROP"}) wanted.push_back(more);
  }
  for (const std::string& database : databases) {
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
}

// Whether there is the database. Throws where the account has no right in it at all.
bool HasDatabase(Session& session, const std::string& database) {
  try {
    session.Query("SHOW CREATE DATABASE " + Session::Quote(database));
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || error.code() == "ACCESS_DENIED") throw;
    return false;
  }
}

// Tried where a table can be made. A database that is not there could be made only for good, and
// an account that makes no tables need not be allowed to: there the grants have to tell.
void CheckDatabasePrivileges(CheckList& list, Session& session, const EndpointUrl& url,
                             const CheckRequest& request) {
  std::vector<std::string> untried;
  for (const std::string& database : request.databases) {
    try {
      if (request.creates && HasDatabase(session, database)) {
        TryTable(session, url, database, request);
      } else {
        untried.push_back(database);
      }
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      const bool is_denied = error.code() == "ACCESS_DENIED";
      list.Fail(
          "database_privilege", error.fields().message,
          is_denied ? "the account may not do this" : error.fields().cause,
          fmt::format("GRANT {} ON {}.* to the account", kAllRights, Session::Quote(database)),
          database);
    }
  }
  if (!untried.empty()) GuessPrivileges(list, session, request, untried);
  list.PassIfQuiet("database_privilege", "every database can be written");
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
  std::optional<double> memory;
  try {
    memory = MemstoreUse(session);
  } catch (const Error& error) {
    if (error.code() != "STATEMENT_TIMEOUT") throw;
  }
  CheckUse(list, "memory_pressure", "the memory for new rows (memstore)", memory,
           "let the server finish its freezes, or give the tenant more memory");
  CheckUse(list, "data_disk", "the disk for data",
           FirstKnown(session, {"SELECT MAX(data_disk_in_use / data_disk_capacity) FROM "
                                "oceanbase.GV$OB_SERVERS",
                                "SELECT MAX(data_disk_in_use / data_disk_capacity) FROM "
                                "oceanbase.V$OB_SERVER_STAT"}),
           "add room (datafile_size, datafile_maxsize) before the rows come");
  CheckUse(list, "log_disk", "the disk for the log",
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
  if (request.unmeasured_tables == 0) return list.Pass("max_allowed_packet", message);
  const std::string unknown =
      fmt::format("{}; the largest rows of {} tables could not be found in time", message,
                  request.unmeasured_tables);
  if (server.max_allowed_packet >= kSuggestedPacket)
    return list.Pass("max_allowed_packet", unknown);
  list.Warn("max_allowed_packet", unknown, "rows above it cannot be written",
            "SET GLOBAL max_allowed_packet=67108864 or more");
}

std::vector<CheckResult> CheckDestination(const EndpointUrl& url, const ServerInfo& server,
                                          const CheckRequest& request) {
  CheckList list(request.side);
  Session session(url, request.side, SessionRole::kWriter);
  CheckBoth(list, session, server, request);
  if (request.writes) {
    CheckReadOnly(list, session);
    CheckWritePrivileges(list, session, url, request);
    CheckDatabasePrivileges(list, session, url, request);
    CheckPacket(list, server, request);
    CheckTriggers(list, session, request);
    if (server.flavor == Flavor::kOceanBase) CheckPressure(list, session);
  }
  return list.Take();
}

}  // namespace godwit::mysql
