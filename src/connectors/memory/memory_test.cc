// SPDX-License-Identifier: Apache-2.0
// What is the memory server's own; what every connector promises is in test/contract.
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "connectors/memory/connection.h"
#include "connectors/memory/dialect.h"
#include "connectors/memory/sink.h"

namespace godwit::memory {
namespace {

const TableName kTable{"d", "t"};

TableSchema Definition() {
  TableSchema table;
  table.name = kTable;
  ColumnSchema id;
  id.name = "id";
  id.type = {.kind = TypeKind::kInteger, .bits = 32};
  id.nullable = false;
  ColumnSchema value;
  value.name = "value";
  value.type = {.kind = TypeKind::kVarchar, .length = 10};
  table.columns = {id, value};
  table.indexes = {
      {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}},
      {.name = "value", .kind = IndexSchema::Kind::kUnique, .parts = {{.column = "value"}}}};
  return table;
}

std::shared_ptr<MemoryServer> NewServer() {
  auto server = std::make_shared<MemoryServer>("test");
  server->CreateTable(Definition());
  return server;
}

std::vector<Row> Rows(MemoryServer& server) { return server.Read(kTable, {0}, {}, 1000); }

TEST(KeyOrder, OrdersNumbersByValue) {
  EXPECT_LT(CompareNumbers("9", "10"), 0);
  EXPECT_LT(CompareNumbers("-10", "-9"), 0);
  EXPECT_LT(CompareNumbers("-1", "0"), 0);
  EXPECT_LT(CompareNumbers("1.50", "10.00"), 0);
  EXPECT_EQ(CompareNumbers("7", "7"), 0);
}

TEST(MemoryServer, HidesRowsUntilCommit) {
  auto server = NewServer();
  Connection a(server);
  a.Begin();
  ASSERT_EQ(a.Insert(kTable, {"1", "x"}), WriteOutcome::kDone);
  EXPECT_TRUE(Rows(*server).empty());
  a.Commit();
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"1", "x"}}));
  a.Begin();
  a.Update(kTable, a.ByKey(kTable, {"1"}), {"2", "x"});
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"1", "x"}}));
  a.Rollback();
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"1", "x"}}));
}

TEST(MemoryServer, RollsBackToASavepoint) {
  auto server = NewServer();
  Connection a(server);
  a.Begin();
  a.Insert(kTable, {"1", "x"});
  a.Savepoint("s");
  a.Update(kTable, a.ByKey(kTable, {"1"}), {"3", "y"});
  a.Insert(kTable, {"1", "z"});
  a.Delete(kTable, a.ByKey(kTable, {"3"}));
  a.RollbackTo("s");
  EXPECT_EQ(a.Insert(kTable, {"1", "q"}), WriteOutcome::kExists);
  EXPECT_EQ(a.Insert(kTable, {"3", "y"}), WriteOutcome::kDone);
  a.Commit();
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"1", "x"}, {"3", "y"}}));
}

TEST(MemoryServer, SecondaryValuesAreUnique) {
  auto server = NewServer();
  Connection a(server);
  a.Insert(kTable, {"1", "x"});
  EXPECT_EQ(a.Insert(kTable, {"2", "x"}), WriteOutcome::kExists);
  EXPECT_EQ(a.Insert(kTable, {"2", std::nullopt}), WriteOutcome::kDone);
  EXPECT_EQ(a.Insert(kTable, {"3", std::nullopt}), WriteOutcome::kDone);
  EXPECT_EQ(a.Update(kTable, a.ByKey(kTable, {"2"}), {"2", "x"}), WriteOutcome::kExists);
  EXPECT_EQ(a.Update(kTable, a.ByKey(kTable, {"9"}), {"9", "y"}), WriteOutcome::kMissing);
  EXPECT_THROW(a.Insert(kTable, {std::nullopt, "n"}), Error);
}

TEST(MemoryServer, AWriterWaitsForTheRowsLock) {
  auto server = NewServer();
  Connection a(server);
  a.Begin();
  a.Insert(kTable, {"1", "x"});
  WriteOutcome outcome = WriteOutcome::kDone;
  std::jthread other([&] {
    Connection b(server);
    outcome = b.Insert(kTable, {"2", "x"});
  });
  a.Commit();
  other.join();
  EXPECT_EQ(outcome, WriteOutcome::kExists);
}

TEST(MemoryServer, EndsADeadlock) {
  auto server = NewServer();
  Connection a(server);
  Connection b(server);
  a.Begin();
  a.Insert(kTable, {"1", "a"});
  b.Begin();
  b.Insert(kTable, {"2", "b"});
  auto cross = [](Connection& connection, const Row& row) -> std::string {
    try {
      connection.Insert(kTable, row);
      connection.Rollback();
      return "";
    } catch (const Error& error) {
      return error.code();
    }
  };
  std::string theirs;
  std::jthread other([&] { theirs = cross(b, {"1", "c"}); });
  std::string ours = cross(a, {"2", "d"});
  other.join();
  // One of the two is rolled back; the other may then find that row gone and write its own.
  EXPECT_EQ(ours + theirs, "MEMORY_DEADLOCK");
}

TEST(MemoryServer, DdlChangesRowsAndFingerprint) {
  auto server = NewServer();
  Connection a(server);
  a.Insert(kTable, {"1", "x"});
  const std::string before = server->Fingerprint(kTable);
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = kTable;
  AlterAction add;
  add.kind = AlterAction::Kind::kAddColumn;
  add.column.name = "extra";
  add.column.type = {.kind = TypeKind::kInteger, .bits = 32};
  add.first = true;
  change.actions = {add};
  server->Execute(change);
  EXPECT_EQ(server->Read(kTable, {1}, {}, 9), (std::vector<Row>{{std::nullopt, "1", "x"}}));
  EXPECT_NE(server->Fingerprint(kTable), before);
}

TEST(MemorySink, DisplacesNothingByAUniqueIndexThatTheSourceHasNot) {
  auto server = NewServer();
  Connection(server).Insert(kTable, {"1", "x"});
  MemorySink sink(server);
  sink.Attach("link", 0, sink.RaiseEpoch("link", 1).epoch);
  WritePlan plan;
  plan.table = server->Table(kTable);
  plan.columns = {0, 1};
  plan.key = {0};
  plan.unique_keys = {{0}, {1}};
  RowBatch rows(2);
  rows.Add("2");
  rows.Add("x");
  auto load = [&]() -> std::string {
    sink.Begin({});
    try {
      sink.Load(plan, rows);
      sink.Commit({});
      return "";
    } catch (const Error& error) {
      sink.Rollback();
      return error.code();
    }
  };
  plan.own_uniques = {1};
  EXPECT_EQ(load(), "CHANGE_ROW_EXISTS");
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"1", "x"}}));
  plan.own_uniques = {};
  EXPECT_EQ(load(), "");
  EXPECT_EQ(Rows(*server), (std::vector<Row>{{"2", "x"}}));
}

TEST(MemoryDialect, StatementsSurviveTheirText) {
  MemoryDialect dialect;
  TableSchema table = Definition();
  table.dialect = "memory";
  const std::vector<Statement> statements = dialect.CreateTable(table, {});
  ASSERT_EQ(statements.size(), 1u);
  SchemaChange change = dialect.ParseDdl(statements[0].sql, "", "");
  EXPECT_EQ(change.kind, SchemaChange::Kind::kCreateTable);
  EXPECT_EQ(change.definition, table);
  for (const char* bad : {"", "create table", "create #0", "create #zz", "create #00ff"}) {
    EXPECT_EQ(dialect.ParseDdl(bad, "", "").kind, SchemaChange::Kind::kUnknown) << bad;
  }
}

}  // namespace
}  // namespace godwit::memory
