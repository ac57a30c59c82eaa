// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/sink_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

namespace godwit::mysql {
namespace {

using Form = ChangeGroup::Form;

// A table with the key `id` and, where wanted, a unique text `u`.
struct Table {
  explicit Table(const std::string& name, const std::string& collation = "") {
    auto table = std::make_shared<TableSchema>();
    table->name = {"d", name};
    ColumnSchema id;
    id.name = "id";
    id.type.kind = TypeKind::kInteger;
    ColumnSchema u;
    u.name = "u";
    u.type.kind = TypeKind::kVarchar;
    u.collation = collation;
    table->columns = {id, u};
    table->indexes.push_back({.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary});
    table->indexes[0].parts.push_back({.column = "id"});
    plan.unique_keys = {{0}};
    if (!collation.empty()) {
      table->indexes.push_back({.name = "u", .kind = IndexSchema::Kind::kUnique});
      table->indexes[1].parts.push_back({.column = "u"});
      plan.unique_keys.push_back({1});
    }
    plan.table = table;
    plan.columns = {0, 1};
    plan.key = {0};
  }
  WritePlan plan;
};

using Image = std::pair<std::string, std::string>;

struct Changes {
  void Add(const Table& table, ChangeOp op, Image before, Image after) {
    RowChange change{.plan = &table.plan, .op = op};
    if (op != ChangeOp::kInsert) change.before = Batch(before);
    if (op != ChangeOp::kDelete) change.after = Batch(after);
    all.push_back(change);
  }
  void Insert(const Table& t, Image after) { Add(t, ChangeOp::kInsert, {}, after); }
  void Update(const Table& t, Image before, Image after) {
    Add(t, ChangeOp::kUpdate, before, after);
  }
  void Delete(const Table& t, Image before) { Add(t, ChangeOp::kDelete, before, {}); }
  RowBatch* Batch(const Image& image) {
    RowBatch& batch = batches.emplace_back(2);
    batch.Add(image.first);
    batch.Add(image.second);
    return &batch;
  }
  std::vector<ChangeGroup> Group(ApplyMode mode = ApplyMode::kExact,
                                 ForeignKeys keys = ForeignKeys::kOff) {
    return ChangeGrouper().Group(all, mode, keys);
  }

  std::deque<RowBatch> batches;
  std::vector<RowChange> all;
};

TEST(ChangeGrouper, GathersWhatSharesNothing) {
  Table table("t");
  Changes changes;
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i);
    changes.Update(table, {"1" + n, "a"}, {"1" + n, "b"});
    changes.Delete(table, {"2" + n, "a"});
    changes.Insert(table, {"3" + n, "a"});
  }
  auto groups = changes.Group();
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].form, Form::kUpsert);
  EXPECT_EQ(groups[1].form, Form::kDelete);
  EXPECT_EQ(groups[2].form, Form::kInsert);
  for (const auto& group : groups) EXPECT_EQ(group.changes.size(), 3u);
}

// An upsert would change the row that only the destination calls equal.
TEST(ChangeGrouper, AKeyThatTheSidesCompareDifferentlyIsNotUpserted) {
  const auto form = [](std::vector<int> byte_texts, std::vector<int> case_texts, const char* key) {
    Table table("t", "utf8mb4_general_ci");
    auto only_text = std::make_shared<TableSchema>(*table.plan.table);
    only_text->indexes.erase(only_text->indexes.begin());
    table.plan.table = only_text;
    table.plan.key = {1};
    table.plan.unique_keys = {{1}};
    table.plan.byte_texts = std::move(byte_texts);
    table.plan.case_texts = std::move(case_texts);
    Changes changes;
    changes.Update(table, {"1", key}, {"2", key});
    return changes.Group().at(0).form;
  };
  EXPECT_EQ(form({}, {}, "a"), Form::kUpsert);
  EXPECT_EQ(form({1}, {}, "a"), Form::kReplace);
  EXPECT_EQ(form({}, {1}, "mas"), Form::kReplace);  // there may be a `maß`
  EXPECT_EQ(form({}, {1}, "ß"), Form::kReplace);
  EXPECT_EQ(form({}, {1}, "a "), Form::kReplace);
}

TEST(ChangeGrouper, TextsOutsideOfTheKeyAreNoReasonNotToUpsert) {
  Table table("t");
  table.plan.byte_texts = table.plan.case_texts = {1};
  Changes changes;
  changes.Update(table, {"1", "a"}, {"1", "b"});
  EXPECT_EQ(changes.Group().at(0).form, Form::kUpsert);
}

TEST(ChangeGrouper, KeepsTheOrderOfChangesOfOneKey) {
  Table table("t");
  Changes changes;
  changes.Delete(table, {"1", "a"});
  changes.Insert(table, {"1", "b"});
  changes.Update(table, {"1", "b"}, {"1", "c"});
  changes.Update(table, {"1", "c"}, {"1", "d"});
  changes.Delete(table, {"1", "d"});
  EXPECT_EQ(changes.Group().size(), 5u);
}

TEST(ChangeGrouper, AUniqueTextIsSharedByCollation) {
  struct Case {
    const char* collation;
    const char* gone;
    const char* come;
    bool is_shared;
  };
  for (const Case& c :
       {Case{"utf8mb4_general_ci", "abc", "ABC  ", true},
        Case{"utf8mb4_0900_ai_ci", "abc", "abd", false}, Case{"utf8mb4_0900_ai_ci", "o", "ö", true},
        Case{"utf8mb4_general_ci", "a", "a\x01", true},
        Case{"utf8mb4_hungarian_ci", "ccs", "cscs", true},
        Case{"utf8mb4_lt_0900_ai_ci", "i", "y", true},
        Case{"utf8mb4_0900_as_cs", "i", "y", false}}) {
    Table table("t", c.collation);
    Changes changes;
    changes.Insert(table, {"9", "zz"});
    changes.Delete(table, {"1", c.gone});
    changes.Insert(table, {"2", c.come});
    EXPECT_EQ(changes.Group().size(), c.is_shared ? 3u : 2u) << c.collation << " " << c.come;
  }
}

TEST(ChangeGrouper, LiveForeignKeysKeepEveryOrder) {
  Table parent("parent"), child("child");
  Changes changes;
  changes.Insert(parent, {"1", "a"});
  changes.Insert(child, {"1", "a"});
  changes.Insert(parent, {"2", "a"});
  changes.Insert(parent, {"3", "a"});
  auto groups = changes.Group(ApplyMode::kExact, ForeignKeys::kLive);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[2].changes.size(), 2u);
}

// What is not carried, or hangs on its key, stays with the row.
TEST(ChangeGrouper, ADisplacingUpdateLeavesTheRowWhereItCannotBeMadeAnew) {
  Table table("t", "utf8mb4_bin");
  Changes changes;
  changes.Update(table, {"1", "a"}, {"1", "b"});
  changes.Update(table, {"2", "c"}, {"2", "d"});
  EXPECT_EQ(changes.Group(ApplyMode::kDisplace).at(0).form, Form::kReplace);
  const auto live = changes.Group(ApplyMode::kDisplace, ForeignKeys::kLive);
  ASSERT_EQ(live.size(), 2u) << "in their order";
  EXPECT_EQ(live[0].form, Form::kUpdate);
  auto wider = std::make_shared<TableSchema>(*table.plan.table);
  wider->columns.emplace_back().name = "note";
  table.plan.table = wider;
  const auto groups = changes.Group(ApplyMode::kDisplace);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].form, Form::kUpdate);
  EXPECT_EQ(groups[0].changes.size(), 2u);
  EXPECT_EQ(changes.Group().at(0).form, Form::kEach);
}

TEST(ChangeGrouper, TwoPlansIntoOneTableAreNotMixed) {
  Table one("t"), two("t");
  Changes changes;
  changes.Insert(one, {"1", "a"});
  changes.Insert(two, {"2", "a"});
  changes.Delete(one, {"2", "a"});
  changes.Insert(two, {"2", "b"});
  EXPECT_EQ(changes.Group().size(), 4u);
}

// Applied group by group, the rows end as they do one change after the other.
TEST(ChangeGrouper, RandomHistoriesEndTheSame) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Table table("t", round % 2 == 0 ? "" : "utf8mb4_general_ci");
    const bool has_unique = round % 2 != 0;
    Changes changes;
    std::map<std::string, std::string> rows;
    auto is_free = [&](const std::string& u) {
      if (!has_unique) return true;
      return std::none_of(rows.begin(), rows.end(), [&](auto& r) { return r.second == u; });
    };
    for (int step = 0; step < 60; ++step) {
      const std::string id = std::to_string(random() % 8);
      const std::string u = std::string(1, static_cast<char>('a' + random() % 10));
      auto row = rows.find(id);
      if (row == rows.end()) {
        if (!is_free(u)) continue;
        changes.Insert(table, {id, u});
        rows[id] = u;
      } else if (random() % 3 == 0) {
        changes.Delete(table, {id, row->second});
        rows.erase(row);
      } else if (is_free(u)) {
        changes.Update(table, {id, row->second}, {id, u});
        row->second = u;
      }
    }
    std::map<std::string, std::string> applied;
    std::set<uint32_t> seen;
    for (const ChangeGroup& group : changes.Group()) {
      for (uint32_t i : group.changes) {
        ASSERT_TRUE(seen.insert(i).second);
        const RowChange& change = changes.all[i];
        if (change.before == nullptr) continue;
        ASSERT_EQ(applied.erase(std::string(change.before->cell(0, 0))), 1u);
      }
      for (uint32_t i : group.changes) {
        const RowChange& change = changes.all[i];
        if (change.after == nullptr) continue;
        const std::string u(change.after->cell(0, 1));
        for (auto& row : applied) ASSERT_TRUE(!has_unique || row.second != u);
        ASSERT_TRUE(applied.try_emplace(std::string(change.after->cell(0, 0)), u).second);
      }
    }
    EXPECT_EQ(seen.size(), changes.all.size());
    EXPECT_EQ(applied, rows);
  }
}

}  // namespace
}  // namespace godwit::mysql
