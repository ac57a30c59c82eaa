// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/source_watch.h"

#include <fmt/format.h>
#include <mysql.h>

#include <charconv>

#include "model/object_rules.h"

namespace godwit::mysql {
namespace {

std::optional<uint64_t> Number(const std::optional<std::string>& text) {
  if (!text) return {};
  uint64_t value = 0;
  auto [end, problem] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (problem != std::errc()) return {};
  return value;
}

}  // namespace

MysqlSourceWatch::MysqlSourceWatch(const EndpointUrl& url, Side side, const ServerInfo& server)
    : server_(server), session_(url, side, SessionRole::kWriter) {}

void MysqlSourceWatch::Beat(const std::string& database, const std::string& link) {
  const std::string table =
      Session::Quote(database) + "." + Session::Quote(std::string(kHeartbeatTable));
  if (!has_table_) {
    // Not made anew: an account with rights on an existing table only is enough.
    const bool exists =
        session_
            .QueryValue(fmt::format("SELECT 1 FROM information_schema.tables WHERE "
                                    "table_schema={} AND table_name={}",
                                    Session::Literal(database), Session::Literal(kHeartbeatTable)))
            .has_value();
    if (!exists) {
      session_.Execute("CREATE DATABASE IF NOT EXISTS " + Session::Quote(database));
      session_.Execute(fmt::format(
          "CREATE TABLE IF NOT EXISTS {} (link VARCHAR(128) NOT NULL PRIMARY KEY, beats BIGINT "
          "UNSIGNED NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin "
          "COMMENT='written by godwit to keep its latency true'",
          table));
    }
    has_table_ = true;
  }
  session_.Execute(fmt::format(
      "INSERT INTO {} (link, beats) VALUES ({}, 1) ON DUPLICATE KEY UPDATE beats=beats+1", table,
      Session::Literal(link)));
}

std::optional<uint64_t> MysqlSourceWatch::HistoryLength() {
  return Number(session_.QueryValue(
      "SELECT `COUNT` FROM information_schema.INNODB_METRICS WHERE NAME='trx_rseg_history_len'"));
}

const char* ReplicaStatusStatement(const ServerInfo& server) {
  const bool says_replica = server.flavor == Flavor::kMySql && server.version_number >= 80022;
  return says_replica ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS";
}

// By name: the servers' columns differ. Several channels: the one furthest behind.
std::optional<uint64_t> MysqlSourceWatch::ReplicaLagSeconds() {
  auto result = session_.Stream(ReplicaStatusStatement(server_));
  int place = -1;
  for (unsigned i = 0; i < result->columns(); ++i) {
    const std::string_view name = result->name(i);
    if (name == "Seconds_Behind_Master" || name == "Seconds_Behind_Source") {
      place = static_cast<int>(i);
    }
  }
  std::optional<uint64_t> lag;
  while (result->Next()) {
    if (place < 0) continue;
    const auto column = static_cast<unsigned>(place);
    if (result->is_null(column)) return {};  // it stands still
    auto seconds = Number(std::string(result->cell(column)));
    if (!seconds) return {};
    lag = std::max(lag.value_or(0), *seconds);
  }
  return lag;
}

}  // namespace godwit::mysql
