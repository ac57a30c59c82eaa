// SPDX-License-Identifier: Apache-2.0
#include "pipeline/conflict_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace godwit {
namespace {

using Texts = std::vector<std::string>;

// "?" is a cell that the log leaves out, "NULL" one without a value.
void AddRow(RowBatch& rows, const Texts& cells) {
  for (const std::string& cell : cells) {
    if (cell == "?") {
      rows.AddAbsent();
    } else if (cell == "NULL") {
      rows.AddNull();
    } else {
      rows.Add(cell);
    }
  }
}

// A table (id primary key, v unique) on both sides, and what changes of its rows touch.
struct Table {
  explicit Table(const std::string& name) {
    here.name = {"d", name};
    here.columns.resize(2);
    here.columns[0].name = "id";
    here.columns[0].type.kind = TypeKind::kInteger;
    here.columns[1].name = "v";
    here.columns[1].type.kind = TypeKind::kInteger;
    here.indexes.push_back(
        {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}});
    here.indexes.push_back(
        {.name = "v", .kind = IndexSchema::Kind::kUnique, .parts = {{.column = "v"}}});
    there = here;
  }

  std::shared_ptr<const TablePlan> Plan() const {
    return TablePlan::Make(std::make_shared<const TableSchema>(here),
                           std::make_shared<const TableSchema>(there), mapping);
  }
  bool is_serial() const { return ConflictPlan(*Plan(), component, foreign_keys).is_serial(); }

  ConflictKeys Insert(const Texts& row) const { return Keys(ChangeOp::kInsert, {}, row); }
  ConflictKeys Delete(const Texts& row) const { return Keys(ChangeOp::kDelete, row, {}); }
  ConflictKeys Update(const Texts& before, const Texts& after) const {
    return Keys(ChangeOp::kUpdate, before, after);
  }
  ConflictKeys Keys(ChangeOp op, const Texts& before, const Texts& after) const {
    RowsChange change;
    change.op = op;
    change.table = std::make_shared<const TableSchema>(here);
    change.before.Reset(here.columns.size());
    change.after.Reset(here.columns.size());
    AddRow(change.before, before);
    AddRow(change.after, after);
    const std::shared_ptr<const TablePlan> plan = Plan();
    MappedChange mapped;
    plan->MapChange(std::move(change), mapped);
    ConflictKeys out;
    ConflictPlan(*plan, component, foreign_keys).Append(mapped, out);
    return out;
  }

  TableSchema here;
  TableSchema there;
  TableMapping mapping;
  uint64_t component = 0;
  std::vector<LiveForeignKey> foreign_keys;
};

Table WithText(const std::string& here, const std::string& there) {
  Table table("t");
  table.here.columns[1].type.kind = table.there.columns[1].type.kind = TypeKind::kVarchar;
  table.here.columns[1].collation = here;
  table.there.columns[1].collation = there;
  return table;
}

bool Meet(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

bool Conflict(const ConflictKeys& a, const ConflictKeys& b) {
  return Meet(a.values, b.values) || Meet(a.exclusive, b.exclusive) ||
         Meet(a.exclusive, b.shared) || Meet(a.shared, b.exclusive);
}

// Of two rows that are not the same, with these in the unique column.
bool Conflict(const Table& table, const std::string& v, const std::string& w) {
  return Conflict(table.Insert({"1", v}), table.Insert({"2", w}));
}

TEST(ConflictKeysTest, AUniqueKeyThatIsNoneOfWholeColumnsMakesTheTableSerial) {
  const Table whole = WithText("utf8mb4_bin", "utf8mb4_bin");
  EXPECT_FALSE(whole.is_serial());
  EXPECT_FALSE(Conflict(whole, "a", "b"));
  Table functional = whole;
  functional.there.indexes[1].parts[0].column.clear();
  functional.there.indexes[1].parts[0].expression = "lower(`v`)";
  Table prefix = whole;
  prefix.there.indexes[1].parts[0].prefix_length = 3;
  Table generated = whole;
  generated.there.columns[1].generated = ColumnSchema::Generated::kStored;
  Table not_carried = whole;
  not_carried.mapping.excluded_columns.push_back("v");
  Table keyless = whole;
  keyless.here.indexes.clear();
  Table other_kind = whole;  // whose values may be told apart in another way
  other_kind.here.columns[1].type = {.kind = TypeKind::kInteger, .bits = 32};
  other_kind.there.columns[1].type = {.kind = TypeKind::kDecimal, .precision = 20};
  const std::vector<std::pair<const char*, const Table*>> serial = {
      {"functional", &functional},   {"prefix", &prefix},   {"generated", &generated},
      {"not carried", &not_carried}, {"keyless", &keyless}, {"kind", &other_kind}};
  for (const auto& [why, table] : serial) {
    EXPECT_TRUE(table->is_serial()) << why;
    EXPECT_TRUE(Conflict(*table, "a", "b")) << why;
  }
}

TEST(ConflictKeysTest, NullClashesWithNothing) {
  const Table table("t");
  EXPECT_FALSE(Conflict(table, "NULL", "NULL"));
  EXPECT_TRUE(Conflict(table, "5", "5"));
  EXPECT_TRUE(Conflict(table.Insert({"1", "NULL"}), table.Delete({"1", "NULL"})));
}

TEST(ConflictKeysTest, TextsConflictWhereACollationMayCallThemEqual) {
  const std::string folding = "utf8mb4_general_ci";
  const std::string exact = "utf8mb4_bin";
  for (const Table& table :
       {WithText(folding, folding), WithText(exact, folding), WithText(folding, exact)}) {
    EXPECT_TRUE(Conflict(table, "a", "A"));
    EXPECT_TRUE(Conflict(table, "a", "a  "));
    EXPECT_TRUE(Conflict(table, "b", "ä"));  // equal to any, as far as is known
    EXPECT_FALSE(Conflict(table, "a", "b"));
    EXPECT_FALSE(Conflict(table, "a1", "a2"));
  }
  const Table table = WithText(exact, exact);
  EXPECT_TRUE(Conflict(table, "a", "a  "));  // PAD SPACE
  EXPECT_FALSE(Conflict(table, "a", "A"));
  EXPECT_FALSE(Conflict(table, "a", "ä"));
}

TEST(ConflictKeysTest, AnUpdateConflictsByBothImages) {
  const Table table("t");
  const ConflictKeys moved = table.Update({"1", "5"}, {"1", "6"});
  EXPECT_TRUE(Conflict(moved, table.Insert({"2", "5"})));
  EXPECT_TRUE(Conflict(moved, table.Delete({"3", "6"})));
  EXPECT_FALSE(Conflict(moved, table.Insert({"4", "7"})));
  // The old value, which the log leaves out, may be any.
  EXPECT_TRUE(Conflict(table.Update({"1", "?"}, {"1", "6"}), table.Insert({"4", "7"})));
}

// parent(id) and child(v), joined by a foreign key that is live.
class LiveKeys : public testing::Test {
 protected:
  LiveKeys() {
    child_.there.indexes.pop_back();
    parent_.component = child_.component = 5;
    parent_.foreign_keys.push_back({.id = 7, .columns = {"id"}, .is_parent_side = true});
    child_.foreign_keys.push_back({.id = 7, .columns = {"v"}});
  }

  Table parent_{"parent"};
  Table child_{"child"};
};

TEST_F(LiveKeys, ParentAndChildKeepTheirOrder) {
  const ConflictKeys parent = parent_.Insert({"1", "0"});
  EXPECT_TRUE(Conflict(parent, child_.Insert({"8", "1"})));
  EXPECT_TRUE(Conflict(parent, child_.Update({"8", "1"}, {"8", "2"})));
  EXPECT_FALSE(Conflict(parent, child_.Insert({"8", "2"})));
  EXPECT_FALSE(Conflict(parent, child_.Insert({"8", "NULL"})));
  child_.foreign_keys.clear();
  EXPECT_FALSE(Conflict(parent, child_.Insert({"8", "1"})));
}

TEST_F(LiveKeys, WhatMayCascadeKeepsItsOrderWithAllTables) {
  const ConflictKeys child = child_.Insert({"8", "2"});
  EXPECT_TRUE(Conflict(parent_.Delete({"1", "0"}), child));
  EXPECT_TRUE(Conflict(parent_.Update({"1", "0"}, {"3", "0"}), child));
  EXPECT_FALSE(Conflict(parent_.Update({"1", "0"}, {"1", "3"}), child));
  EXPECT_FALSE(Conflict(child_.Delete({"9", "1"}), child));
}

TEST_F(LiveKeys, AKeyThatIsNotCarriedKeepsItsOrderWithAllTables) {
  child_.mapping.excluded_columns.push_back("v");
  EXPECT_TRUE(Conflict(parent_.Insert({"1", "0"}), child_.Insert({"8", "2"})));
}

}  // namespace
}  // namespace godwit
