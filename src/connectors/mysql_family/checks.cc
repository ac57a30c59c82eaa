// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>
#include <set>

#include "connectors/mysql_family/lexer.h"
#include "connectors/mysql_family/session_zone.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

// What the godwit lane table needs, and the family's oldest server that was tried.
constexpr int kOldestMySql = 50600;
constexpr int kOldestMariaDb = 100100;
constexpr int kOldestOceanBase = 4;
constexpr double kClockSkewSeconds = 5;
constexpr double kHighUse = 0.85;
// Of lower_case_table_names.
constexpr int kKeepsSmallLetters = 1;
constexpr int kComparesSmallLetters = 2;

// Of "5.7.25-OceanBase_CE-v4.3.5.0" the 4. The engine without a cluster, "…-OceanBase
// seekdb-v1.4.0", has numbers of its own and is newer than any that would be too old.
int OceanBaseMajor(std::string_view version) {
  const size_t at = version.rfind("-v");
  int major = kOldestOceanBase;
  if (at == std::string_view::npos || version.find("seekdb") != std::string_view::npos)
    return major;
  std::from_chars(version.data() + at + 2, version.data() + version.size(), major);
  return major;
}

void CheckClock(CheckList& list, Session& session) {
  auto before = std::chrono::system_clock::now();
  std::string text = session.QueryValue("SELECT UNIX_TIMESTAMP(NOW(6))").value_or("0");
  auto now = std::chrono::duration<double>(before.time_since_epoch()).count();
  double skew = std::strtod(text.c_str(), nullptr) - now;
  if (skew > kClockSkewSeconds || skew < -kClockSkewSeconds) {
    return list.Warn("clock", fmt::format("the server's clock is {:.1f} s off ours", skew),
                     "the clocks are not synchronised",
                     "synchronise them (NTP); latency is shown wrong until then");
  }
  list.Pass("clock", fmt::format("{:.1f} s off ours", skew));
}

void CheckCharsets(CheckList& list, Session& session, const CheckRequest& request) {
  std::set<std::string> known;
  for (const Row& row : session.Query("SHOW COLLATION")) {
    if (row[0]) known.insert(*row[0]);
  }
  for (const TableSchemaPtr& table : request.tables) {
    for (const ColumnSchema& column : table->columns) {
      std::string collation = column.collation;
      if (collation.empty() || known.contains(collation)) continue;
      if (collation.starts_with("utf8mb3_") && known.contains("utf8_" + collation.substr(8))) {
        continue;
      }
      if (collation.starts_with("utf8_") && known.contains("utf8mb3_" + collation.substr(5))) {
        continue;
      }
      list.Fail("charset", fmt::format("column {} has the collation {}", column.name, collation),
                "the server does not know this collation", "map the collation to one it knows",
                table->name.ToString());
    }
  }
  list.PassIfQuiet("charset", "every collation in use is known");
}

void CheckTypes(CheckList& list, const CheckRequest& request) {
  for (const TableSchemaPtr& table : request.tables) {
    for (const ColumnSchema& column : table->columns) {
      if (column.type.kind != TypeKind::kUnknown) continue;
      list.Fail("column_type",
                fmt::format("column {} is of type {}", column.name, column.native_type),
                "Godwit does not know this type and could not keep its values",
                "leave the column or the table out", table->name.ToString());
    }
  }
  list.PassIfQuiet("column_type", "every column's type is known");
}

bool HasCapitals(std::string_view name) { return FoldedName(name) != name; }

// OceanBase's statements are not followed.
bool IsFollowed(const ServerInfo& server, const CheckRequest& request) {
  return request.side == Side::kSource && request.captures && server.flavor != Flavor::kOceanBase;
}

bool HoldsTimes(const CheckRequest& request) {
  auto is_time = [](const ColumnSchema& column) {
    return column.type.kind == TypeKind::kTimestamp || column.type.kind == TypeKind::kDatetime;
  };
  return std::any_of(request.tables.begin(), request.tables.end(),
                     [&](const TableSchemaPtr& table) {
                       return std::any_of(table->columns.begin(), table->columns.end(), is_time);
                     });
}

// Whether a clock in the zone has been at one distance from UTC since 1970. What SessionZone asks
// about is asked in one statement: the server may be far away.
bool HasOneOffset(Session& session, const std::string& zone) {
  std::vector<uint32_t> moments;
  const SessionZone asked(zone, [&](std::string_view, uint32_t moment) {
    moments.push_back(moment);
    return ClockTime{.seconds = moment}.ToText();  // as in UTC, so that it asks on
  });
  static_cast<void>(asked.FixedOffset());
  if (moments.empty()) return true;  // the zone is an offset
  std::string clocks;
  for (uint32_t moment : moments) {
    clocks += fmt::format("{}FROM_UNIXTIME({})", clocks.empty() ? "" : ", ", moment);
  }
  std::map<uint32_t, std::string> shown;
  try {
    session.Execute("SET time_zone=" + Session::Literal(zone));
    const std::vector<Row> rows = session.Query("SELECT " + clocks);
    for (size_t i = 0; i < moments.size(); ++i) {
      shown[moments[i]] = rows.at(0).at(i).value_or("");
    }
  } catch (const Error& error) {
    // Else the server has lost the zone, and cannot say what its statements mean either.
    if (error.kind() == ErrorKind::kTransient) throw;
  }
  session.Execute("SET time_zone='+00:00'");
  const SessionZone answered(zone,
                             [&](std::string_view, uint32_t moment) { return shown[moment]; });
  return answered.FixedOffset().has_value();
}

void CheckTimeZone(CheckList& list, Session& session, const CheckRequest& request) {
  const std::string zone = Variable(session, "time_zone");
  if (!HoldsTimes(request) || HasOneOffset(session, zone)) return list.Pass("time_zone", zone);
  list.Pass(
      "time_zone",
      fmt::format("{} (system_time_zone is {}), which has not always been at one distance from "
                  "UTC: a statement that makes TIMESTAMP of DATETIME, or the other way, waits "
                  "for your answer",
                  zone, Variable(session, "system_time_zone")));
}

void CheckKeys(CheckList& list, const CheckRequest& request) {
  for (const TableSchemaPtr& table : request.tables) {
    if (table->identity_key() != nullptr) continue;
    list.Warn("key", "the table has no primary key and no unique key without NULLs",
              "its rows can only be told apart by all of their values: the copy is one snapshot, "
              "and changes are applied one by one",
              "give the table a primary key", table->name.ToString());
  }
  list.PassIfQuiet("key", "every table has a key");
}

}  // namespace

void CheckList::Add(CheckResult::Status status, std::string item, std::string message,
                    std::string cause, std::string remedy, std::string object) {
  results_.push_back({.item = std::move(item),
                      .side = side_,
                      .object = std::move(object),
                      .status = status,
                      .message = std::move(message),
                      .cause = std::move(cause),
                      .remedy = std::move(remedy)});
}

void CheckList::Pass(std::string item, std::string message, std::string object) {
  Add(CheckResult::Status::kPass, std::move(item), std::move(message), "", "", std::move(object));
}

void CheckList::Warn(std::string item, std::string message, std::string cause, std::string remedy,
                     std::string object) {
  Add(CheckResult::Status::kWarn, std::move(item), std::move(message), std::move(cause),
      std::move(remedy), std::move(object));
}

void CheckList::Fail(std::string item, std::string message, std::string cause, std::string remedy,
                     std::string object) {
  Add(CheckResult::Status::kFail, std::move(item), std::move(message), std::move(cause),
      std::move(remedy), std::move(object));
}

void CheckList::PassIfQuiet(const std::string& item, std::string message) {
  bool is_quiet = std::none_of(results_.begin(), results_.end(),
                               [&](const CheckResult& result) { return result.item == item; });
  if (is_quiet) Pass(item, std::move(message));
}

void CheckList::Try(const std::string& item, std::string message, std::string remedy,
                    const std::function<void()>& trial) {
  try {
    trial();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    return Fail(item, error.fields().message, "the account may not do this", std::move(remedy));
  }
  Pass(item, std::move(message));
}

void CheckVersion(CheckList& list, const ServerInfo& server) {
  const int oldest = server.flavor == Flavor::kMariaDb ? kOldestMariaDb : kOldestMySql;
  if (server.version_number < oldest) {
    return list.Fail("version", server.version, "this version is older than any Godwit knows",
                     "upgrade the server to MySQL 5.6 or MariaDB 10.1 at least");
  }
  if (server.flavor == Flavor::kOceanBase && OceanBaseMajor(server.version) < kOldestOceanBase) {
    return list.Warn("version", server.version, "Godwit is made for OceanBase 4 and later",
                     "upgrade the server, or try the migration out on a copy of it");
  }
  list.Pass("version", server.version);
}

// Those that differ in case only are looked for where the rules are known (name_unique).
void CheckNames(CheckList& list, const ServerInfo& server, const CheckRequest& request) {
  size_t count = 0;
  std::string example;
  // Row events carry the small letters; the catalogue has the name as it was written.
  const bool are_missed =
      IsFollowed(server, request) && server.lower_case_table_names == kComparesSmallLetters;
  const bool are_lost = request.creates && server.lower_case_table_names == kKeepsSmallLetters;
  for (const TableSchemaPtr& table : request.tables) {
    if (!are_missed && !are_lost) break;
    if (!HasCapitals(table->name.database) && !HasCapitals(table->name.table)) continue;
    if (count++ == 0) example = table->name.ToString();
  }
  const std::string setting = std::to_string(server.lower_case_table_names);
  if (count == 0) return list.Pass("lower_case_table_names", setting);
  if (are_missed) {
    return list.Fail(
        "lower_case_table_names",
        fmt::format("tables with capitals in their names: {}, e.g. {}", count, example),
        "lower_case_table_names is 2: the source's log names them in small letters, so their "
        "changes could not be told to be theirs",
        "rename them to small letters, or leave them out");
  }
  list.Warn(
      "lower_case_table_names",
      fmt::format("tables with capitals in their names: {}, e.g. {}", count, example),
      fmt::format("the server makes small letters of them (lower_case_table_names is {})", setting),
      "accept it, or give the tables names in small letters (--objects 'db.Name=db.name')");
}

// The destination reads statements under its own mode.
void CheckSqlMode(CheckList& list, const std::string& mode) {
  const LexMode reading = LexMode::FromSqlMode(mode);
  if (!reading.pipes_as_concat && !reading.high_not_precedence) return list.Pass("sql_mode", mode);
  list.Warn("sql_mode", "sql_mode is " + mode,
            "a statement that changes definitions waits for your answer if it has || in it under "
            "PIPES_AS_CONCAT, or NOT before an operand under HIGH_NOT_PRECEDENCE: the destination "
            "would read it otherwise",
            "accept it, or change definitions in sessions without these modes");
}

void CheckUse(CheckList& list, const std::string& item, std::string_view what,
              std::optional<double> share, std::string remedy) {
  if (!share) {
    return list.Pass(item, "not told: the account may not see it, or the server is too busy");
  }
  const std::string message = fmt::format("{} is used to {:.0f} %", what, *share * 100);
  if (*share < kHighUse) return list.Pass(item, message);
  list.Warn(item, message, "writers are slowed down or stopped when it is full", std::move(remedy));
}

// Servers that lack the variable know one behaviour only.
bool LogsFullImages(std::string_view binlog_row_image) {
  return binlog_row_image.empty() || binlog_row_image == "FULL" || binlog_row_image == "full";
}

std::string Variable(Session& session, std::string_view name) {
  auto rows = session.Query(fmt::format("SHOW GLOBAL VARIABLES LIKE {}", Session::Literal(name)));
  return rows.empty() || rows[0].size() < 2 ? "" : rows[0][1].value_or("");
}

void CheckBoth(CheckList& list, Session& session, const ServerInfo& server,
               const CheckRequest& request) {
  list.Pass("connection", session.url());
  CheckVersion(list, server);
  CheckClock(list, session);
  CheckNames(list, server, request);
  if (IsFollowed(server, request)) {
    CheckSqlMode(list, Variable(session, "sql_mode"));
    CheckTimeZone(list, session, request);
  } else {
    list.Pass("sql_mode", Variable(session, "sql_mode"));
    list.Pass("time_zone", Variable(session, "time_zone"));
  }
  CheckTypes(list, request);
  CheckCharsets(list, session, request);
  CheckKeys(list, request);
}

}  // namespace godwit::mysql
