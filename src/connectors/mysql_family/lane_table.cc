// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/lane_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace godwit::mysql {
namespace {

constexpr const char* kName = "`godwit`.`godwit_lane`";

uint64_t Number(const std::optional<std::string>& cell) {
  return cell ? std::strtoull(cell->c_str(), nullptr, 10) : 0;
}

bool IsThere(Session& session) {
  return Number(session.QueryValue(
             "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema='godwit' AND "
             "table_name='godwit_lane'")) != 0;
}

}  // namespace

LaneTransaction::LaneTransaction(Session& session) : session_(session) {
  session_.Execute("START TRANSACTION");
}

LaneTransaction::~LaneTransaction() {
  if (is_done_) return;
  try {
    session_.Execute("ROLLBACK");
  } catch (const std::exception&) {
    // The connection is gone, and with it the transaction.
  }
}

void LaneTransaction::Commit() {
  is_done_ = true;
  session_.Execute("COMMIT");
}

LaneHold::LaneHold(Session& session, const std::string& link, int lane) : transaction_(session) {
  auto rows =
      session.Query(fmt::format("SELECT epoch, ticks FROM {} WHERE link={} AND lane={} FOR UPDATE",
                                kName, Session::Literal(link), lane));
  has_row_ = !rows.empty();
  if (has_row_) row_ = {Number(rows[0][0]), Number(rows[0][1])};
}

// Where it is there, no DDL is sent: a destination that still works on a statement of an earlier
// process would hold up even one that has nothing to do.
void LaneTable::Create(Session& session) {
  if (IsThere(session)) return;
  session.Execute("CREATE DATABASE IF NOT EXISTS `godwit` CHARACTER SET utf8mb4");
  session.Execute(fmt::format(
      "CREATE TABLE IF NOT EXISTS {} (link VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
      "NOT NULL, lane INT NOT NULL, epoch BIGINT UNSIGNED NOT NULL, ticks BIGINT UNSIGNED NOT "
      "NULL, "
      "low BIGINT UNSIGNED NOT NULL, progress MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin "
      "NOT NULL, PRIMARY KEY (link, lane))",
      kName));
}

Sink::Fence LaneTable::RaiseEpoch(Session& session, const std::string& link, int lanes) {
  Create(session);
  const std::string name = Session::Literal(link);
  LaneTransaction transaction(session);
  for (int lane = 0; lane < lanes; ++lane) {
    session.Execute(fmt::format(
        "INSERT INTO {0} (link, lane, epoch, ticks, low, progress) VALUES ({1}, {2}, 0, 0, 0, '') "
        "ON DUPLICATE KEY UPDATE ticks=ticks+1",
        kName, name, lane));
  }
  // Locks every lane, and so waits for what is in flight.
  auto rows = session.Query(fmt::format(
      "SELECT lane, epoch, progress FROM {} WHERE link={} ORDER BY lane FOR UPDATE", kName, name));
  Sink::Fence fence;
  for (const Row& row : rows) {
    fence.epoch = std::max(fence.epoch, Number(row[1]));
    fence.lanes.push_back(
        {static_cast<int>(Number(row[0])), LaneProgress::Decode(row[2].value_or(""))});
  }
  ++fence.epoch;
  session.Execute(
      fmt::format("UPDATE {} SET epoch={}, ticks=ticks+1 WHERE link={}", kName, fence.epoch, name));
  transaction.Commit();
  return fence;
}

std::optional<LaneTable::RowState> LaneTable::Read(Session& session, const std::string& link,
                                                   int lane) {
  const LaneHold hold(session, link, lane);
  if (hold.row() == nullptr) return {};
  return *hold.row();
}

void LaneTable::Forget(Session& session, const std::string& link) {
  if (!IsThere(session)) return;
  session.Execute(fmt::format("DELETE FROM {} WHERE link={}", kName, Session::Literal(link)));
}

std::string LaneTable::Update(const std::string& link, int lane, const RowState& before,
                              const LaneProgress& progress) {
  return fmt::format(
      "UPDATE {} SET ticks={}, low={}, progress={} WHERE link={} AND lane={} AND epoch={} AND "
      "ticks={}",
      kName, before.ticks + 1, progress.low, Session::Literal(progress.Encode()),
      Session::Literal(link), lane, before.epoch, before.ticks);
}

}  // namespace godwit::mysql
