// SPDX-License-Identifier: Apache-2.0
// What a sink decides without a server; the rest is in test/contract and test/live.
#include "connectors/mysql_family/sink.h"

#include <gtest/gtest.h>

#include <memory>

namespace godwit::mysql {
namespace {

using namespace std::chrono_literals;

TEST(StatementLimits, ALargeStatementGoesAlone) {
  const StatementLimits limits{.bytes = 1000, .statements = 3};
  EXPECT_TRUE(limits.TakesAnother(0, 0, 5000));
  EXPECT_TRUE(limits.TakesAnother(1, 499, 500));
  EXPECT_FALSE(limits.TakesAnother(1, 500, 500)) << "a ';' stands between them";
  EXPECT_FALSE(limits.TakesAnother(1, 900, 5000));
  EXPECT_TRUE(limits.TakesAnother(2, 20, 10));
  EXPECT_FALSE(limits.TakesAnother(3, 30, 10));
}

TEST(PressureReading, WhatCannotBeToldJustNowIsAsItWas) {
  const PressureReading::Time begin{100h};
  PressureReading reading;
  EXPECT_TRUE(reading.is_due(begin));
  EXPECT_EQ(reading.value(), 0);
  reading.Note(0.95, begin);
  EXPECT_FALSE(reading.is_due(begin + 999ms));
  EXPECT_TRUE(reading.is_due(begin + 1s));
  reading.Note({}, begin + 1s);
  EXPECT_EQ(reading.value(), 0.95);
  EXPECT_TRUE(reading.is_due(begin + 2s));
  reading.NoteTimeout(begin + 2s);
  EXPECT_EQ(reading.value(), 0.95);
  EXPECT_TRUE(reading.is_due(begin + 3s));
  reading.Note({}, begin + 120s);
  EXPECT_EQ(reading.value(), 0.95);
  reading.Note({}, begin + 121s);
  EXPECT_EQ(reading.value(), 0);  // it tells no more
  EXPECT_FALSE(reading.is_due(begin + 123s));
  reading.Note(0.5, begin + 3s);
  EXPECT_EQ(reading.value(), 0.5);
}

TEST(PressureReading, WhoHasNeverToldIsAskedSeldom) {
  const PressureReading::Time begin{100h};
  PressureReading reading;
  reading.Note({}, begin);
  EXPECT_EQ(reading.value(), 0);
  EXPECT_FALSE(reading.is_due(begin + 59min));
  EXPECT_TRUE(reading.is_due(begin + 1h));
  reading.NoteTimeout(begin + 1h);
  EXPECT_TRUE(reading.is_due(begin + 1h + 1s));
}

// Of a table with the key `id` and a unique `n`.
WritePlan PlanOfTwo() {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  for (const char* name : {"id", "n"}) {
    ColumnSchema& column = table->columns.emplace_back();
    column.name = name;
    column.type.kind = TypeKind::kInteger;
  }
  table->indexes = {
      {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}},
      {.name = "n", .kind = IndexSchema::Kind::kUnique, .parts = {{.column = "n"}}}};
  WritePlan plan;
  plan.table = table;
  plan.columns = {0, 1};
  plan.key = {0};
  plan.unique_keys = {{0}, {1}};
  return plan;
}

TEST(TableStatements, OthersAreToldFromTheRowItself) {
  const WritePlan plan = PlanOfTwo();
  const TableStatements statements(plan, {});
  // By one of the keys, when (5,7) becomes this.
  const auto others = [&](size_t key, const char* id, const char* n) {
    RowBatch rows(2);
    for (const char* cell : {"5", "7", id, n}) cell == nullptr ? rows.AddNull() : rows.Add(cell);
    std::string sql;
    const bool has_any = statements.AppendOthers(
        sql, statements.unique_keys().at(key),
        {.plan = &plan, .op = ChangeOp::kUpdate, .before = &rows, .after = &rows, .after_row = 1});
    EXPECT_EQ(has_any, !sql.empty());
    return sql;
  };
  EXPECT_EQ(others(0, "5", "8"), "") << "nobody else can have its key";
  EXPECT_EQ(others(0, "6", "7"), "(`id`=6 AND IFNULL(NOT (`id`=5),1))");
  EXPECT_EQ(others(1, "5", "7"), "(`n`=7 AND IFNULL(NOT (`id`=5),1))");
  EXPECT_EQ(others(1, "5", nullptr), "");
}

TEST(TableStatements, DisplaceByNoIndexThatTheSourceHasNot) {
  WritePlan plan = PlanOfTwo();
  const TableStatements shared(plan, {});
  EXPECT_EQ(shared.unique_keys().size(), 2u);
  plan.own_uniques = {1};
  EXPECT_FALSE(shared.IsFor(plan));
  const TableStatements own(plan, {});
  ASSERT_EQ(own.unique_keys().size(), 1u);
  EXPECT_EQ(own.unique_keys()[0].columns, std::vector<int>{0});
  EXPECT_TRUE(own.IsFor(plan));
}

}  // namespace
}  // namespace godwit::mysql
