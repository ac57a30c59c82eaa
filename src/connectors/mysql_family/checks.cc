// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace godwit::mysql {
namespace {

// What the godwit lane table needs, and the family's oldest server that was tried.
constexpr int kOldestMySql = 50600;
constexpr int kOldestMariaDb = 100100;
constexpr double kClockSkewSeconds = 5;

void CheckVersion(CheckList& list, const ServerInfo& server) {
  int oldest = server.flavor == Flavor::kMariaDb ? kOldestMariaDb : kOldestMySql;
  if (server.version_number < oldest) {
    return list.Fail("version", server.version, "this version is older than any Godwit knows",
                     "upgrade the server to MySQL 5.6 or MariaDB 10.1 at least");
  }
  list.Pass("version", server.version);
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
  list.Pass("lower_case_table_names", std::to_string(server.lower_case_table_names));
  list.Pass("sql_mode", Variable(session, "sql_mode"));
  list.Pass("time_zone", Variable(session, "time_zone"));
  CheckTypes(list, request);
  CheckCharsets(list, session, request);
  CheckKeys(list, request);
}

}  // namespace godwit::mysql
