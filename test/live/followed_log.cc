// SPDX-License-Identifier: Apache-2.0
#include "test/live/followed_log.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "model/logical_type.h"

namespace godwit::live {

std::optional<SchemaHistory::Versioned> Followed::Find(const TableName& name) {
  auto found = tables_.find(name);
  if (found == tables_.end()) return {};
  return found->second;
}

TableSchemaPtr FollowedLog::Make(const std::string& name, const std::string& body) {
  auto table = server_.Make(name, body);
  history_.Put(table);
  return table;
}

void FollowedLog::Start() {
  reader_ = server_.endpoint().OpenChangeReader();
  start_ = reader_->ProveStart({});
  reader_->Start(start_, history_);
}

std::vector<Fragment> FollowedLog::ReadToEnd() {
  Position end = reader_->Current();
  std::vector<Fragment> out;
  auto deadline = Deadline::In(std::chrono::seconds(20));
  for (;;) {
    auto fragment = reader_->Next(deadline, {});
    if (!fragment) {
      ADD_FAILURE() << "the log did not come to its end";
      return out;
    }
    // With the log's file alone, which every connection begins with, nothing has happened yet.
    const bool is_head = out.empty() && fragment->kind == Fragment::Kind::kHeartbeat;
    bool is_end = !fragment->position.empty() && reader_->Compare(fragment->position, end) >= 0;
    if (!is_head || is_end) out.push_back(std::move(*fragment));
    if (is_end) return out;
  }
}

RowsByKey FollowedLog::Replay(const std::vector<Fragment>& fragments, const std::string& table) {
  RowsByKey rows;
  for (const Fragment& f : fragments) {
    if (f.kind != Fragment::Kind::kRows || f.rows.table->name.table != table) continue;
    auto before = ToRows(f.rows.before);
    auto after = ToRows(f.rows.after);
    for (const auto& row : before) {
      EXPECT_EQ(rows.at(*row[0]), row) << "an old image is what the last new one left";
      rows.erase(*row[0]);
    }
    for (auto& row : after) rows[*row[0]] = row;
  }
  return rows;
}

RowsByKey FollowedLog::Select(const TableSchemaPtr& table) {
  RowsByKey rows;
  for (auto& row : ReadAll(server_, table)) rows[*row[0]] = row;
  return rows;
}

void FollowedLog::ExpectLogEqualsTable(const TableSchemaPtr& table,
                                       const std::vector<Fragment>& fragments) {
  RowsByKey logged = Replay(fragments, table->name.table);
  RowsByKey selected = Select(table);
  EXPECT_FALSE(selected.empty());
  ASSERT_EQ(logged.size(), selected.size());
  for (const auto& [key, row] : selected) {
    ASSERT_EQ(logged[key].size(), row.size());
    for (size_t c = 0; c < row.size(); ++c) {
      const ColumnSchema& column = table->columns[c];
      const Cell& cell = logged[key][c];
      ASSERT_EQ(cell.has_value(), row[c].has_value()) << key << " " << column.name;
      if (!cell) continue;
      EXPECT_EQ(NormalForm(column.type, *cell), NormalForm(column.type, *row[c]))
          << key << " " << column.name;
    }
  }
}

}  // namespace godwit::live
