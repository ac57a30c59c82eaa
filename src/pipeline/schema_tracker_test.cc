// SPDX-License-Identifier: Apache-2.0
#include "pipeline/schema_tracker.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

using Action = AlterAction::Kind;
using Kind = SchemaChange::Kind;
using Object = CatalogObject::Kind;

// A source as it is now, which may be later than the log is read.
class Source : public Catalog {
 public:
  std::map<TableName, TableSchema> tables;
  std::map<TableName, Object> others;
  std::set<TableName> not_understood;

  TextDefaults defaults;
  TextDefaults DefaultsOf(const std::string&) override { return defaults; }

  std::vector<std::string> Databases() override { return {"d"}; }
  std::vector<CatalogObject> Objects(const std::string&) override {
    std::vector<CatalogObject> out;
    for (const auto& [name, table] : tables) out.push_back({name});
    for (const auto& [name, kind] : others) out.push_back({name, kind});
    return out;
  }
  std::optional<TableSchema> Table(const TableName& name) override {
    if (not_understood.contains(name)) {
      throw Error({.code = "DEFINITION_NOT_UNDERSTOOD", .kind = ErrorKind::kBlocked});
    }
    auto found = tables.find(name);
    if (found == tables.end()) return {};
    return found->second;
  }
  std::optional<ViewSchema> View(const TableName&) override { return {}; }
  TableEstimate Estimate(const TableName&) override { return {}; }
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName&) override {
    return {};
  }
  std::string Fingerprint(const TableName&) override { return ""; }
};

TableName Named(const std::string& table) { return {"d", table}; }

TableSchema Table(const std::string& name, const std::vector<std::string>& columns) {
  TableSchema table;
  table.name = Named(name);
  table.charset = "latin1";
  for (const std::string& column : columns) {
    table.columns.emplace_back().name = column;
    table.columns.back().type.kind = TypeKind::kInteger;
  }
  return table;
}

AlterAction Do(Action kind, const std::string& name = "") {
  AlterAction action;
  action.kind = kind;
  action.name = name;
  return action;
}

SchemaChange Alter(const std::string& table, std::vector<AlterAction> actions) {
  SchemaChange change;
  change.kind = Kind::kAlterTable;
  change.table = Named(table);
  change.actions = std::move(actions);
  return change;
}

SchemaChange NotParsed(const std::string& table) {
  SchemaChange change;
  change.table = Named(table);
  return change;
}

SchemaChange Rename(const std::string& from, const std::string& to) {
  SchemaChange change;
  change.kind = Kind::kRenameTable;
  change.renames = {{Named(from), Named(to)}};
  return change;
}

class SchemaTrackerTest : public testing::Test {
 protected:
  // Follows t (id, a) and p, which is partitioned; x… is not selected.
  SchemaTrackerTest() {
    source_.tables[Named("t")] = Table("t", {"id", "a"});
    TableSchema partitioned = Table("p", {"id", "a"});
    partitioned.partitioning.emplace();
    partitioned.partitioning->partitions = {{"p0", "10"}, {"p1", "20"}};
    partitioned.checks = {{"", "(`a` > 0)"}, {"", "(`a` < 9)"}};
    source_.tables[Named("p")] = partitioned;
    source_.tables[Named("x")] = Table("x", {"id"});
    tracker_.ReadAll();
  }

  // "id a", "unknown" where nobody knows them, "none" for a table that is not followed.
  std::string Columns(const std::string& table) {
    auto found = tracker_.Find(Named(table));
    if (!found) return "none";
    std::string out;
    for (const ColumnSchema& column : found->table->columns) {
      out += (out.empty() ? "" : " ") + column.name;
    }
    return out.empty() ? "unknown" : out;
  }

  Source source_;
  TestStore store_;
  const ObjectRules rules_{{ObjectRule::Parse("d.*")}, {ObjectRule::Parse("d.x*")}};
  SchemaTracker tracker_{store_, source_, rules_};
};

TEST_F(SchemaTrackerTest, ATableThatCouldNotBeParsedIsNotForgotten) {
  SchemaChange create = NotParsed("u");
  create.creates_table = true;
  ASSERT_EQ(tracker_.Apply(create).size(), 1u);
  EXPECT_EQ(Columns("u"), "unknown");
  tracker_.Apply(Alter("u", {Do(Action::kDropColumn, "a")}));
  EXPECT_EQ(Columns("u"), "unknown");
  tracker_.Apply(Rename("u", "w"));
  EXPECT_EQ(Columns("u"), "none");
  EXPECT_EQ(Columns("w"), "unknown");
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("copy");
  like.like_table = Named("w");
  tracker_.Apply(like);
  EXPECT_EQ(Columns("copy"), "unknown");
  SchemaChange drop;
  drop.kind = Kind::kDropTable;
  drop.tables = {Named("w"), Named("copy")};
  tracker_.Apply(drop);
  EXPECT_EQ(Columns("w"), "none");
  EXPECT_EQ(Columns("copy"), "none");
  // Not selected; a view; one that was there already.
  create.table = Named("x1");
  EXPECT_TRUE(tracker_.Apply(create).empty());
  EXPECT_TRUE(tracker_.Apply(NotParsed("v")).empty());
  create.table = Named("t");
  create.if_exists = true;
  EXPECT_TRUE(tracker_.Apply(create).empty());
  create.if_exists = false;  // CREATE OR REPLACE
  tracker_.Apply(create);
  EXPECT_EQ(Columns("t"), "unknown");
}

TEST_F(SchemaTrackerTest, AnAlteredTableThatCouldNotBeParsedIsUnknown) {
  source_.tables[Named("t")] = Table("t", {"id", "a", "later"});
  tracker_.Apply(NotParsed("t"));
  EXPECT_EQ(Columns("t"), "unknown");
}

TEST_F(SchemaTrackerTest, PartitionsTakeNoColumnsOfLater) {
  source_.tables[Named("p")].columns.pop_back();  // dropped since
  AlterAction reorganize = Do(Action::kReorganize);
  reorganize.text = "COALESCE PARTITION";
  reorganize.number = 1;
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  EXPECT_EQ(tracker_.Find(Named("p"))->table->partitioning->partitions.size(), 1u);
  reorganize.number = 7;  // of partitions that are not known
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  source_.tables.erase(Named("p"));  // renamed since
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  AlterAction exchange = Do(Action::kUnknown);
  exchange.text = "EXCHANGE PARTITION";
  exchange.new_table = Named("t");
  tracker_.Apply(Alter("p", {exchange}));
  EXPECT_EQ(Columns("p"), "id a");
}

TEST_F(SchemaTrackerTest, WhatRowsDoNotDependOnComesFromALikeTable) {
  const SchemaChange drop = Alter("p", {Do(Action::kDropConstraint, "p_chk_2")});
  source_.tables[Named("p")].checks.pop_back();
  tracker_.Apply(drop);
  EXPECT_EQ(tracker_.Find(Named("p"))->table->checks.size(), 1u);
  // Not if its rows have become others.
  source_.tables[Named("p")].checks.clear();
  source_.tables[Named("p")].columns[1].type.is_unsigned = true;
  AlterAction reorganize = Do(Action::kReorganize);
  reorganize.text = "COALESCE PARTITION";
  reorganize.number = 7;
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(tracker_.Find(Named("p"))->table->checks.size(), 1u);
  EXPECT_FALSE(tracker_.Find(Named("p"))->table->columns[1].type.is_unsigned);
  source_.not_understood.insert(Named("p"));
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
}

TEST_F(SchemaTrackerTest, AnUnknownColumnMakesTheTableUnknown) {
  AlterAction add = Do(Action::kAddColumn);
  add.column.name = "b";
  add.after = "nowhere";
  tracker_.Apply(Alter("t", {add}));
  EXPECT_EQ(Columns("t"), "unknown");
}

// The source has its definition, which may be a later one.
TEST_F(SchemaTrackerTest, ATableThatComesIntoTheSelectionIsUnknown) {
  source_.tables[Named("in")] = Table("in", {"id"});
  tracker_.Apply(Rename("x", "in"));
  EXPECT_EQ(Columns("in"), "unknown");
  AlterAction rename = Do(Action::kRenameTable);
  rename.new_table = Named("too");
  tracker_.Apply(Alter("x", {rename}));
  EXPECT_EQ(Columns("too"), "unknown");
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("like");
  like.like_table = Named("x");
  tracker_.Apply(like);
  EXPECT_EQ(Columns("like"), "unknown");
  // Views have rows in no log, and sequences none that count.
  source_.others = {{Named("v"), Object::kView}, {Named("s"), Object::kOther}};
  tracker_.Apply(Rename("old_view", "v"));
  EXPECT_EQ(Columns("v"), "none");
  tracker_.Apply(Alter("s", {Do(Action::kNoEffect)}));
  EXPECT_EQ(Columns("s"), "none");
  tracker_.Apply(Rename("older_view", "gone"));  // since dropped
  EXPECT_EQ(Columns("gone"), "unknown");
  SchemaChange drop;
  drop.kind = Kind::kDropView;
  drop.tables = {Named("gone"), Named("t")};
  tracker_.Apply(drop);
  EXPECT_EQ(Columns("gone"), "none");
  EXPECT_EQ(Columns("t"), "id a");
}

TEST_F(SchemaTrackerTest, OnlyTablesThatTheSourceHasAreMissed) {
  source_.others = {{Named("v"), Object::kView}, {Named("s"), Object::kOther}};
  for (const char* name : {"v", "s", "dropped_since", "x", "made_without_a_log"}) {
    EXPECT_FALSE(tracker_.IsSelected(Named(name))) << name;
  }
  source_.tables[Named("made_without_a_log")] = Table("made_without_a_log", {"id"});
  EXPECT_FALSE(tracker_.IsSelected(Named("made_without_a_log")));  // as far as was looked
  tracker_.Apply(Rename("t", "renamed"));
  EXPECT_TRUE(tracker_.IsSelected(Named("made_without_a_log")));
  EXPECT_FALSE(tracker_.IsSelected({"mysql", "user"}));
}

TEST_F(SchemaTrackerTest, OfANewTableOnlyTheDatabasesCharsetIsAsked) {
  SchemaChange create;
  create.kind = Kind::kCreateTable;
  create.table = Named("n");
  create.definition = Table("n", {"id"});
  create.definition->charset.clear();
  ColumnSchema text;
  text.name = "v";
  text.type = {.kind = TypeKind::kVarchar, .length = 20};
  create.definition->columns.push_back(text);
  TableSchema now = *create.definition;
  source_.defaults = {"gbk", "gbk_chinese_ci"};
  now.charset = "utf8mb4";  // converted and altered since
  now.columns[1].charset = "utf8mb4";
  now.columns[0].type.is_unsigned = true;
  source_.tables[Named("n")] = now;
  tracker_.Apply(create);
  TableSchemaPtr table = tracker_.Find(Named("n"))->table;
  EXPECT_EQ(table->columns[1].charset, "gbk");
  EXPECT_FALSE(table->columns[0].type.is_unsigned);
}

}  // namespace
}  // namespace godwit
