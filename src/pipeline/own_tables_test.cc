// SPDX-License-Identifier: Apache-2.0
#include "pipeline/own_tables.h"

#include <gtest/gtest.h>

namespace godwit {
namespace {

using Kind = AlterAction::Kind;

ColumnSchema Column(const std::string& name, TypeKind kind = TypeKind::kInteger) {
  ColumnSchema column;
  column.name = name;
  column.type.kind = kind;
  return column;
}

// Of columns id, a, b; with a plain and a unique index, and a foreign key.
TableSchema Copied() {
  TableSchema table;
  table.name = {"d", "t"};
  table.columns = {Column("id"), Column("a"), Column("b")};
  table.indexes = {{.name = "plain", .kind = IndexSchema::Kind::kPlain},
                   {.name = "one", .kind = IndexSchema::Kind::kUnique},
                   {.name = "hidden", .kind = IndexSchema::Kind::kPlain, .invisible = true}};
  ForeignKeySchema& key = table.foreign_keys.emplace_back();
  key.name = "parent";
  return table;
}

AlterAction Of(Kind kind, const std::string& name) {
  AlterAction action;
  action.kind = kind;
  action.name = name;
  action.column = Column(name);
  action.index = {.name = name};
  action.foreign_key.name = name;
  return action;
}

std::optional<SchemaChange> Left(const AlterAction& action, bool makes_indexes = true) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = {"d", "t"};
  change.actions = {action};
  return LeftOverFromCopy(change, Copied(), makes_indexes);
}

bool IsDone(const AlterAction& action) { return !Left(action).has_value(); }

bool Runs(const AlterAction& action) {
  const auto left = Left(action);
  return left && left->problem.empty();
}

bool IsAsked(const AlterAction& action) {
  const auto left = Left(action);
  return left && !left->problem.empty();
}

TEST(OwnTablesTest, ColumnsThatTheCopyHasFilledAreThere) {
  EXPECT_TRUE(IsDone(Of(Kind::kAddColumn, "a")));
  EXPECT_TRUE(Runs(Of(Kind::kAddColumn, "dropped_since")));
  AlterAction rename = Of(Kind::kRenameColumn, "old");
  rename.new_name = "a";
  EXPECT_TRUE(IsDone(rename));
  rename.new_name = "renamed_since";
  EXPECT_TRUE(IsAsked(rename));
}

TEST(OwnTablesTest, AColumnThatHasComeAgainIsNotDropped) {
  EXPECT_TRUE(Runs(Of(Kind::kDropColumn, "gone")));
  EXPECT_TRUE(IsAsked(Of(Kind::kDropColumn, "a")));
}

TEST(OwnTablesTest, ATypeThatTheColumnHasHadBetweenIsNotMade) {
  AlterAction modify = Of(Kind::kModifyColumn, "old");
  modify.column = Column("a");
  const auto left = Left(modify);
  ASSERT_TRUE(left && left->problem.empty());
  EXPECT_EQ(left->actions[0].name, "a");
  modify.column.type.kind = TypeKind::kFloat;
  EXPECT_TRUE(IsAsked(modify));
}

TEST(OwnTablesTest, IndexesOfTheCopiedDefinitionAreMadeAfterTheRows) {
  EXPECT_TRUE(IsDone(Of(Kind::kAddIndex, "plain")));
  EXPECT_TRUE(Left(Of(Kind::kAddIndex, "plain"), false).has_value());
  EXPECT_TRUE(Runs(Of(Kind::kAddIndex, "dropped_since")));
  AlterAction unique = Of(Kind::kAddIndex, "one");
  unique.index.kind = IndexSchema::Kind::kUnique;
  EXPECT_TRUE(Runs(unique));
  EXPECT_TRUE(Runs(Of(Kind::kDropIndex, "gone")));
  AlterAction hidden = Of(Kind::kAddIndex, "hidden");
  hidden.index.invisible = true;
  EXPECT_TRUE(Runs(hidden));
  EXPECT_TRUE(IsDone(Of(Kind::kAddForeignKey, "parent")));
  EXPECT_TRUE(IsAsked(Of(Kind::kAddForeignKey, "dropped_since")));
}

TEST(OwnTablesTest, AKeyThatHasComeAgainIsNotDropped) {
  EXPECT_TRUE(IsAsked(Of(Kind::kDropIndex, "Plain")));
  EXPECT_TRUE(IsAsked(Of(Kind::kDropIndex, "one")));
  EXPECT_TRUE(IsAsked(Of(Kind::kDropForeignKey, "parent")));
  EXPECT_TRUE(IsAsked(Of(Kind::kDropConstraint, "parent")));
  EXPECT_TRUE(Runs(Of(Kind::kDropForeignKey, "gone")));
}

TEST(OwnTablesTest, WhatTakesRowsIsAskedAbout) {
  for (const Kind kind : {Kind::kDropPartitions, Kind::kTruncatePartitions, Kind::kReorganize,
                          Kind::kConvertCharset, Kind::kUnknown}) {
    EXPECT_TRUE(IsAsked(Of(kind, "p"))) << static_cast<int>(kind);
  }
}

TEST(OwnTablesTest, OfSeveralActionsTheOneThatIsThereIsLeftOut) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.actions = {Of(Kind::kAddColumn, "a"), Of(Kind::kTableComment, "")};
  const auto left = LeftOverFromCopy(change, Copied(), true);
  ASSERT_TRUE(left.has_value());
  ASSERT_EQ(left->actions.size(), 1u);
  EXPECT_EQ(left->actions[0].kind, Kind::kTableComment);
}

// The table may have been dropped and made again, with a key, before it was copied.
TEST(OwnTablesTest, AKeyThatTheCopyHasIsNotDropped) {
  EXPECT_TRUE(IsAsked(Of(Kind::kDropIndex, "one")));
  EXPECT_TRUE(Runs(Of(Kind::kDropIndex, "gone")));
  EXPECT_TRUE(Runs(Of(Kind::kDropPrimaryKey, "")));
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.actions = {Of(Kind::kDropPrimaryKey, "")};
  TableSchema copied = Copied();
  copied.indexes.push_back({.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary});
  const auto left = LeftOverFromCopy(change, copied, true);
  EXPECT_TRUE(left && !left->problem.empty());
}

}  // namespace
}  // namespace godwit
