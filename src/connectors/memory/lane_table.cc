// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/lane_table.h"

#include <algorithm>
#include <limits>

#include "connectors/memory/errors.h"
#include "model/object_rules.h"

namespace godwit::memory {
namespace {

enum Column { kLink, kLane, kEpoch, kTicks, kLow, kProgress };

TableSchema Definition() {
  TableSchema table;
  table.name = LaneTable::name();
  table.dialect = "memory";
  auto add = [&](const char* name, LogicalType type) {
    ColumnSchema column;
    column.name = name;
    column.type = std::move(type);
    column.nullable = false;
    table.columns.push_back(std::move(column));
  };
  add("link", {.kind = TypeKind::kVarchar, .length = 128});
  add("lane", {.kind = TypeKind::kInteger, .bits = 32});
  add("epoch", {.kind = TypeKind::kInteger, .bits = 64, .is_unsigned = true});
  add("ticks", {.kind = TypeKind::kInteger, .bits = 64, .is_unsigned = true});
  add("low", {.kind = TypeKind::kInteger, .bits = 64, .is_unsigned = true});
  add("progress", {.kind = TypeKind::kText, .length = 1 << 24});
  table.indexes.push_back({.name = "PRIMARY",
                           .kind = IndexSchema::Kind::kPrimary,
                           .parts = {{.column = "link"}, {.column = "lane"}}});
  return table;
}

RowLocator Locator(const std::string& link, int lane) {
  return {{kLink, kLane}, {link, std::to_string(lane)}};
}

}  // namespace

const TableName& LaneTable::name() {
  static const TableName name{std::string(kOwnDatabase), "godwit_lane"};
  return name;
}

void LaneTable::Create(MemoryServer& server) {
  if (server.Table(name())) return;
  try {
    server.CreateTable(Definition());
  } catch (const Error& error) {
    if (error.code() != "TABLE_EXISTS") throw;  // another link was faster
  }
}

std::optional<LaneTable::RowState> LaneTable::Lock(Connection& connection, const std::string& link,
                                                   int lane) {
  std::optional<Row> row = connection.Lock(name(), Locator(link, lane));
  if (!row) return {};
  return RowState{std::stoull(*(*row)[kEpoch]), std::stoull(*(*row)[kTicks]),
                  LaneProgress::Decode(*(*row)[kProgress])};
}

void LaneTable::Put(Connection& connection, const std::string& link, int lane,
                    const RowState& state) {
  const Row row = {link,
                   std::to_string(lane),
                   std::to_string(state.epoch),
                   std::to_string(state.ticks),
                   std::to_string(state.progress.low),
                   state.progress.Encode()};
  if (connection.Update(name(), Locator(link, lane), row) == WriteOutcome::kDone) return;
  const WriteOutcome outcome = connection.Insert(name(), row);
  GODWIT_CHECK(outcome == WriteOutcome::kDone, "a lane row is written under its lock");
}

void LaneTable::Delete(Connection& connection, const std::string& link, int lane) {
  connection.Delete(name(), Locator(link, lane));
}

std::vector<int> LaneTable::Lanes(MemoryServer& server, const std::string& link) {
  std::vector<int> lanes;
  if (!server.Table(name())) return lanes;
  for (const Row& row :
       server.Read(name(), {kLink, kLane}, {}, std::numeric_limits<size_t>::max())) {
    if (row[kLink] == link) lanes.push_back(std::stoi(*row[kLane]));
  }
  return lanes;
}

}  // namespace godwit::memory
