// SPDX-License-Identifier: Apache-2.0
#include "pipeline/ddl_barrier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TableName kTable{"d", "t"};

TableSchemaPtr MakeTable() {
  auto table = std::make_shared<TableSchema>();
  table->name = kTable;
  ColumnSchema id;
  id.name = "id";
  id.type.kind = TypeKind::kInteger;
  id.nullable = false;
  table->columns = {id};
  IndexSchema primary;
  primary.name = "PRIMARY";
  primary.kind = IndexSchema::Kind::kPrimary;
  primary.parts = {{.column = "id"}};
  table->indexes = {primary};
  return table;
}

LogPart Change(const TableSchemaPtr& table, ChangeOp op, int id) {
  LogPart part;
  part.rows.op = op;
  part.rows.table = table;
  part.rows.schema_version = 1;
  part.rows.before.Reset(1);
  part.rows.after.Reset(1);
  (op == ChangeOp::kDelete ? part.rows.before : part.rows.after).Add(std::to_string(id));
  return part;
}

class AnswersTest : public testing::Test {
 protected:
  AnswersTest() { world_.database.Create(table_); }

  // What runs at the destination where this was answered before the statement is met.
  std::vector<std::string> StatementsAfter(const Answer& answer) {
    world_.store.Append({Change(table_, ChangeOp::kInsert, 1)});
    world_.store.Append({TruncateOf(kTable)});
    world_.ask =
        AskUser([](const BlockedItem& item, std::stop_token) -> Answer { throw item.error; },
                [&](const BlockedItem& item) -> std::optional<Answer> {
                  looked_at_.push_back(item.kind + " " + item.object + " " + item.statement);
                  EXPECT_EQ(item.span.first, 2u);
                  EXPECT_EQ(item.span.last, 2u);
                  return answer;
                });
    const auto failure = world_.Replay(2);
    EXPECT_FALSE(failure.has_value()) << failure->what();
    EXPECT_THAT(looked_at_, ElementsAre("ddl d.t TRUNCATE t"));
    return world_.database.statements();
  }

  TableSchemaPtr table_ = MakeTable();
  TestWorld world_;
  std::vector<std::string> looked_at_;
};

TEST_F(AnswersTest, ASkippedStatementIsNotTried) {
  EXPECT_THAT(StatementsAfter({Answer::Choice::kSkip, ""}), IsEmpty());
  EXPECT_EQ(world_.database.Rows(kTable).size(), 1u);
}

TEST_F(AnswersTest, AStatementThatWasDoneByHandIsNotTried) {
  EXPECT_THAT(StatementsAfter({Answer::Choice::kDone, ""}), IsEmpty());
}

TEST_F(AnswersTest, AnEditedStatementRunsInsteadOfTheOther) {
  EXPECT_THAT(StatementsAfter({Answer::Choice::kEdit, "truncate  t"}), ElementsAre("truncate  t"));
  EXPECT_THAT(world_.database.Rows(kTable), IsEmpty());
}

TEST_F(AnswersTest, AStatementToBeTriedAgainIs) {
  EXPECT_THAT(StatementsAfter({Answer::Choice::kRetry, ""}), ElementsAre("truncate t"));
}

// It had failed in an earlier run, which has left its words.
TEST_F(AnswersTest, AnEditedStatementReplacesTheOneThatFailed) {
  world_.database.on_statement = [&](const std::string& sql) {
    if (sql == "truncate t") throw Error({.code = "NO", .kind = ErrorKind::kData});
  };
  world_.store.Append({Change(table_, ChangeOp::kInsert, 1)});
  world_.store.Append({TruncateOf(kTable)});
  ASSERT_TRUE(world_.Replay(2).has_value());
  world_.store.log.clear();
  EXPECT_THAT(StatementsAfter({Answer::Choice::kEdit, "truncate  t"}),
              ElementsAre("truncate t", "truncate  t"));
}

// What it may have done to rows does not show in definitions.
TEST_F(AnswersTest, AnEditedStatementWhoseResultIsUnknownIsAskedAbout) {
  const std::string edited = "update t";
  world_.store.Append({Change(table_, ChangeOp::kInsert, 1)});
  world_.store.Append({TruncateOf(kTable)});
  world_.database.on_statement = [&](const std::string& sql) {
    throw Error({.code = sql == edited ? "CRASH" : "NO",
                 .kind = sql == edited ? ErrorKind::kBug : ErrorKind::kData});
  };
  std::vector<std::string> asked;
  Answer answer{Answer::Choice::kEdit, edited};
  world_.ask = [&](const BlockedItem& item, std::stop_token) {
    asked.push_back(item.error.code());
    return answer;
  };
  EXPECT_EQ(world_.Replay(2)->code(), "CRASH");
  EXPECT_THAT(asked, ElementsAre("NO"));
  answer = {Answer::Choice::kDone, ""};
  EXPECT_FALSE(world_.Replay(2).has_value());
  EXPECT_THAT(asked, ElementsAre("NO", "DDL_RESULT_UNKNOWN"));
  EXPECT_THAT(world_.database.statements(), ElementsAre("truncate t", edited));
}

TEST_F(AnswersTest, ARowNamesItsTransaction) {
  world_.store.Append({Change(table_, ChangeOp::kInsert, 1)});
  world_.store.Append({Change(table_, ChangeOp::kDelete, 7)});
  std::vector<Sequence> asked;
  world_.ask = [&](const BlockedItem& item, std::stop_token) {
    asked = {item.span.first, item.span.last};
    return Answer{Answer::Choice::kSkip, ""};
  };
  EXPECT_FALSE(world_.Replay(2).has_value());
  EXPECT_THAT(asked, ElementsAre(2u, 2u));
}

TEST_F(AnswersTest, ARowOfAMergedWindowNamesAllOfIt) {
  constexpr int kTransactions = 1200;
  constexpr Sequence kFailing = 600;
  for (int id = 1; id <= kTransactions; ++id) {
    const bool fails = id == int{kFailing};
    world_.store.Append({Change(table_, fails ? ChangeOp::kDelete : ChangeOp::kInsert,
                                fails ? kTransactions + 1 : id)});
  }
  LogSpan span;
  world_.ask = [&](const BlockedItem& item, std::stop_token) {
    span = item.span;
    return Answer{Answer::Choice::kSkip, ""};
  };
  EXPECT_FALSE(world_.Replay(2, {.merge = true}).has_value());
  EXPECT_LT(span.first, kFailing);
  EXPECT_GT(span.last, kFailing);
  EXPECT_EQ(world_.database.Rows(kTable).size(), size_t{kTransactions - 1});
}

class JournalMetadata : public TestMetadata {
 public:
  void PutEntry(int64_t, const JournalEntry& entry) override {
    entries[{entry.stage, entry.object}] = entry;
  }
  std::optional<JournalEntry> Entry(int64_t, const std::string& stage,
                                    const std::string& object) override {
    auto found = entries.find({stage, object});
    if (found == entries.end()) return {};
    return found->second;
  }

  std::map<std::pair<std::string, std::string>, JournalEntry> entries;
};

// An ALTER TABLE that adds a foreign key to a table that is not selected.
SchemaChange AddKeyTo(const std::string& parent) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = kTable;
  change.statement = "ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES " + parent;
  AlterAction& action = change.actions.emplace_back();
  action.kind = AlterAction::Kind::kAddForeignKey;
  action.foreign_key.name = "k";
  action.foreign_key.referenced = {"other", parent};
  return change;
}

TEST(DdlBarrierTest, WhatAStatementLosesIsInTheJournal) {
  TestWorld world;
  JournalMetadata metadata;
  Link link{.name = "link",
            .spec = world.spec,
            .source = world.endpoint,
            .destination = world.endpoint,
            .store = world.store,
            .metadata = metadata,
            .translator = world.translator};
  const LaneWriter::Options options{.retry = {}, .on_transient = {}, .ask = world.ask};
  ReplayProgress progress({});
  LaneWriter writer(link, 0, {}, progress, options);
  ReplayTables tables(link);
  DdlBarrier barrier(link, writer, tables, options);
  barrier.Run(1, {AddKeyTo("p"), AddKeyTo("q")}, {});
  barrier.Run(2, {AddKeyTo("p")}, {});  // is known
  ASSERT_EQ(metadata.entries.size(), 1u);
  const JournalEntry entry = metadata.entries.begin()->second;
  EXPECT_EQ(entry.stage, "ddl");
  EXPECT_EQ(entry.object, "d.t");
  const auto detail = nlohmann::json::parse(entry.detail);
  ASSERT_EQ(detail["notes"].size(), 2u);
  EXPECT_EQ(detail["notes"][0]["text"],
            "foreign key k is left out: other.p or a column of it is not selected");
  EXPECT_EQ(detail["source"], AddKeyTo("p").statement + ";\n" + AddKeyTo("q").statement + ";\n");
}

}  // namespace
}  // namespace godwit
