// SPDX-License-Identifier: Apache-2.0
// Query events whose session or IF EXISTS says how they are meant, written here as servers write
// them.
#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_writer.h"
#include "base/error.h"
#include "connectors/mysql_family/binlog_decoder.h"
#include "connectors/mysql_family/ddl_parser.h"

namespace godwit::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Action = AlterAction::Kind;
using Kind = SchemaChange::Kind;

constexpr uint16_t kGeneral = 45;
constexpr uint16_t kUnicode = 224;
constexpr uint16_t kLatin1 = 8;

std::string QueryEventOf(std::string_view statement, const std::string& variables) {
  const std::string database = "d";
  std::string body(8, '\0');  // thread, execution time
  body.push_back(static_cast<char>(database.size()));
  AppendFixed(body, uint16_t{0});
  AppendFixed(body, static_cast<uint16_t>(variables.size()));
  body += variables + database + '\0' + std::string(statement);
  std::string out;
  AppendFixed(out, uint32_t{1'700'000'000});
  out.push_back(static_cast<char>(EventType::kQuery));
  AppendFixed(out, uint32_t{1});  // server
  AppendFixed(out, static_cast<uint32_t>(kEventHeaderSize + body.size()));
  AppendFixed(out, uint32_t{0});
  AppendFixed(out, uint16_t{0});
  return out + body;
}

// Follows the tables that it was given.
class Tables : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName& name) override {
    auto found = tables.find(name);
    if (found == tables.end()) return {};
    return Versioned{found->second, 1};
  }
  bool IsSelected(const TableName&) override { return false; }
  TextDefaults DefaultsOf(const std::string&) override { return {"utf8mb4", "utf8mb4_general_ci"}; }

  std::map<TableName, TableSchemaPtr> tables;
};

class StatementsTest : public testing::Test {
 protected:
  explicit StatementsTest(DialectTraits traits = DialectTraits::For(Flavor::kMariaDb, 110402))
      : traits_(std::move(traits)) {}

  // As SHOW CREATE TABLE prints it.
  void Follow(std::string_view definition) {
    TableSchema table = ParseCreateTable(definition, "d", traits_);
    const TableName name = table.name;
    history_.tables[name] = std::make_shared<const TableSchema>(std::move(table));
  }

  // `variables`: the session's, as the event has them.
  std::vector<SchemaChange> Decode(std::string_view statement, const std::string& variables = "") {
    BinlogDecoder decoder({.traits = traits_,
                           .collations = {{kGeneral, {"utf8mb4_general_ci", "utf8mb4"}},
                                          {kUnicode, {"utf8mb4_unicode_ci", "utf8mb4"}},
                                          {kLatin1, {"latin1_swedish_ci", "latin1"}}}},
                          {.file = "log.000001", .offset = 4}, history_);
    std::vector<SchemaChange> out;
    for (std::string_view each : {std::string_view(is_within_ ? "BEGIN" : ""), statement}) {
      if (each.empty()) continue;
      const std::string event = QueryEventOf(each, variables);
      decoder.Feed(event);
      while (auto fragment = decoder.Pop()) {
        if (fragment->kind == Fragment::Kind::kDdl) out.push_back(std::move(*fragment->ddl));
      }
    }
    return out;
  }

  // Of the one change that the statement is.
  std::string Problem(std::string_view statement, const std::string& variables = "") {
    const std::vector<SchemaChange> changes = Decode(statement, variables);
    EXPECT_THAT(changes, SizeIs(1)) << statement;
    return changes.empty() ? "" : changes[0].problem;
  }

  const DialectTraits traits_;
  Tables history_;
  bool is_within_ = false;  // a transaction, as the definition of CREATE TABLE … SELECT
};

TEST_F(StatementsTest, SetStatementIsNoStatementOfItsOwn) {
  Follow("create table t (id int, v int) charset utf8mb4");
  for (const char* set :
       {"SET STATEMENT lock_wait_timeout=5 FOR ",
        "set statement max_statement_time = (1 + substring('23' from 1 for 1)), gtid_seq_no=7 for ",
        "SET STATEMENT lock_wait_timeout=5 FOR SET STATEMENT unique_checks=0 FOR "}) {
    const auto truncated = Decode(std::string(set) + "truncate table t");
    ASSERT_THAT(truncated, SizeIs(1)) << set;
    EXPECT_EQ(truncated[0].kind, Kind::kTruncateTable);
    EXPECT_EQ(truncated[0].table.ToString(), "d.t");
    EXPECT_EQ(truncated[0].problem, "");
    const auto altered = Decode(std::string(set) + "alter table t add x int");
    ASSERT_THAT(altered, SizeIs(1)) << set;
    EXPECT_EQ(altered[0].actions.at(0).column.name, "x");
    EXPECT_THAT(Decode(std::string(set) + "grant all on *.* to x"), IsEmpty());
    EXPECT_THAT(Decode(std::string(set) + "create temporary table t (id int)"), IsEmpty());
    try {  // of binlog_format=STATEMENT
      Decode(std::string(set) + "update t set v = 1");
      ADD_FAILURE() << set;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "STATEMENT_LOGGED");
    }
    EXPECT_THAT(Decode(std::string(set) + "insert into other select * from t"), IsEmpty());
  }
  EXPECT_THAT(Decode("set statement = 5"), IsEmpty());
}

TEST_F(StatementsTest, WhatSetStatementSetsMayChangeTheMeaning) {
  Follow("create table t (id int, v int) charset utf8mb4");
  for (const char* variable :
       {"time_zone='+05:00'", "lock_wait_timeout=1, collation_server=utf8_bin",
        "system_versioning_asof=default", "`sql_mode`=''"}) {
    const std::string set = "set statement " + std::string(variable) + " for ";
    const auto changes = Decode(set + "alter table t add x int");
    ASSERT_THAT(changes, SizeIs(1)) << variable;
    EXPECT_THAT(changes[0].problem, HasSubstr("SET STATEMENT gave it another")) << variable;
    EXPECT_EQ(changes[0].kind, Kind::kAlterTable);  // its columns are known
    EXPECT_THAT(Decode(set + "flush tables"), IsEmpty());
  }
  // What the quotes are depends on a mode that the event does not show.
  constexpr const char* kMode = "set statement time_zone='x', sql_mode=\"ANSI_QUOTES\" for ";
  EXPECT_EQ(Decode(std::string(kMode) + "alter table t add x int").at(0).kind, Kind::kAlterTable);
  const auto changes = Decode(std::string(kMode) + "alter table t add x enum(\"a\")");
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].kind, Kind::kUnknown);
  EXPECT_EQ(changes[0].table.ToString(), "d.t");
  EXPECT_THAT(changes[0].problem, HasSubstr("sql_mode"));
}

class MySqlStatementsTest : public StatementsTest {
 protected:
  MySqlStatementsTest() : StatementsTest(DialectTraits::For(Flavor::kMySql, 80400)) {}
};

TEST_F(MySqlStatementsTest, OnlyMariaDbHasSetStatement) {
  EXPECT_THAT(Decode("set statement lock_wait_timeout=5 for truncate table t"), IsEmpty());
}

std::string CharsetVariable() {
  std::string out(1, '\x04');
  for (uint16_t collation : {kGeneral, kGeneral, kUnicode}) AppendFixed(out, collation);
  return out;
}

TEST_F(StatementsTest, AVariableThatIsNotKnownIsNotPassedOver) {
  Follow("create table t (id int, v int) charset utf8mb4");
  constexpr const char* kAlter = "alter table t add x int";
  EXPECT_EQ(Problem(kAlter, CharsetVariable()), "");
  const std::string unknown = std::string(1, '\x8c') + "what";
  EXPECT_THAT(Problem(kAlter, CharsetVariable() + unknown), HasSubstr("status variable 140"));
  EXPECT_THAT(Decode("drop function f", unknown), IsEmpty());
  // The end of an ALTER in two phases, its beginning, and then what comes behind them.
  const std::string ends = std::string("\x82\x04", 2) + std::string(8, '\0');
  EXPECT_EQ(Problem(kAlter, ends + std::string("\x82\x02", 2) + CharsetVariable()), "");
}

std::string ModeVariable(uint64_t sql_mode) {
  std::string variable(1, '\x01');  // Q_SQL_MODE_CODE
  AppendFixed(variable, sql_mode);
  return variable;
}

constexpr uint64_t kStrict = uint64_t{1} << 21;

TEST_F(StatementsTest, FractionsThatTheSourceCutsOff) {
  Follow("create table t (id int, d datetime(6), n datetime) charset utf8mb4");
  constexpr uint64_t kRound = uint64_t{1} << 34;
  const std::string strict = ModeVariable(kStrict);
  EXPECT_THAT(Problem("alter table t modify d datetime(3)", strict), HasSubstr("fractions"));
  EXPECT_THAT(Problem("alter table t modify d date", strict), HasSubstr("fractions"));
  EXPECT_EQ(Problem("alter table t modify d datetime(6) not null", strict), "");
  EXPECT_EQ(Problem("alter table t modify d varchar(40)", strict), "");
  EXPECT_EQ(Problem("alter table t modify n date", strict), "");
  EXPECT_EQ(Problem("alter table t modify d datetime", ModeVariable(kStrict | kRound)), "");
}

TEST_F(MySqlStatementsTest, FractionsThatTheSourceCutsOff) {
  Follow("create table t (id int, d datetime(6)) charset utf8mb4");
  constexpr uint64_t kTruncate = uint64_t{1} << 32;
  EXPECT_EQ(Problem("alter table t modify d datetime", ModeVariable(kStrict)), "");
  EXPECT_THAT(Problem("alter table t modify d datetime", ModeVariable(kStrict | kTruncate)),
              HasSubstr("fractions"));
}

TEST_F(StatementsTest, TextThatAnotherCharacterSetDoesNotHave) {
  Follow("create table t (a varchar(9), l varchar(9) charset latin1) charset utf8mb4");
  const std::string lenient = ModeVariable(0);
  EXPECT_THAT(Problem("alter table t convert to charset cp1251", lenient), HasSubstr("question"));
  EXPECT_THAT(Problem("alter table t modify a varchar(9) charset utf8mb3", lenient),
              HasSubstr("question"));
  EXPECT_EQ(Problem("alter table t modify l varchar(9) charset utf8mb3", lenient), "");
  EXPECT_EQ(Problem("alter table t modify l varchar(9) charset utf8mb4", lenient), "");
  EXPECT_EQ(Problem("alter table t modify a varchar(5)", lenient), "");
  EXPECT_EQ(Problem("alter table t convert to charset cp1251", ModeVariable(kStrict)), "");
}

TEST_F(StatementsTest, ASessionsOwnDefaultCollations) {
  auto pairs = [](const std::vector<uint16_t>& ids) {
    std::string out(1, static_cast<char>(131));
    out.push_back(static_cast<char>(ids.size() / 2));
    for (uint16_t id : ids) AppendFixed(out, id);
    return out + CharsetVariable();
  };
  const std::string variables = pairs({kGeneral, kUnicode});
  const auto made = Decode("create table n (v varchar(9)) charset utf8mb4", variables);
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_EQ(made[0].problem, "");
  EXPECT_EQ(made[0].definition->collation, "utf8mb4_unicode_ci");
  EXPECT_EQ(made[0].definition->columns.at(0).collation, "utf8mb4_unicode_ci");
  std::string of_utf8mb4(1, '\x12');  // MySQL's
  AppendFixed(of_utf8mb4, kUnicode);
  of_utf8mb4 += CharsetVariable();
  EXPECT_EQ(Decode("create table n (v varchar(9)) charset utf8mb4", of_utf8mb4)
                .at(0)
                .definition->collation,
            "utf8mb4_unicode_ci");
  // What comes behind it is read too.
  EXPECT_EQ(Decode("create database n", variables).at(0).collation, "utf8mb4_unicode_ci");
  EXPECT_EQ(Decode("create database n").at(0).collation, "");
  EXPECT_THAT(Decode("create table n (v varchar(9)) charset utf8mb4",
                     pairs({kGeneral, kUnicode, 999, kUnicode}))
                  .at(0)
                  .problem,
              HasSubstr("a default collation that is not known"));
}

std::string Latin1Client() {
  std::string out(1, '\x04');
  for (uint16_t collation : {kLatin1, kLatin1, kUnicode}) AppendFixed(out, collation);
  return out;
}

TEST_F(StatementsTest, ADefinitionThatTheServerWroteIsInUtf8) {
  constexpr const char* kMade = "CREATE TABLE `n` (\n  `e` enum('Mädchen','男')\n)";
  is_within_ = true;
  const auto made = Decode(kMade, Latin1Client());
  ASSERT_THAT(made, SizeIs(1));
  EXPECT_EQ(made[0].problem, "");
  EXPECT_THAT(made[0].definition->columns.at(0).type.labels, ElementsAre("Mädchen", "男"));
  is_within_ = false;
  // By itself it is the session's, or that of a server that does not log the two together.
  const auto doubtful = Decode(kMade, Latin1Client());
  ASSERT_THAT(doubtful, SizeIs(1));
  EXPECT_EQ(doubtful[0].kind, Kind::kUnknown);
  EXPECT_EQ(doubtful[0].table.ToString(), "d.n");
  EXPECT_THAT(doubtful[0].problem, HasSubstr("the server's own text"));
  EXPECT_EQ(Problem(kMade, CharsetVariable()), "");
  EXPECT_EQ(Problem("CREATE TABLE `n` (\n  `e` enum('a')\n)", Latin1Client()), "");
  for (const char* sessions : {"CREATE TABLE `n` (\n  `e` enum('M\xe4"
                               "dchen')\n)",
                               "create table n (e enum('M\xe4"
                               "dchen'))"}) {
    const auto changes = Decode(sessions, Latin1Client());
    ASSERT_THAT(changes, SizeIs(1)) << sessions;
    EXPECT_EQ(changes[0].problem, "");
    EXPECT_THAT(changes[0].definition->columns.at(0).type.labels, ElementsAre("Mädchen"));
  }
}

TEST_F(StatementsTest, ADatabaseThatIsReplacedIsDroppedFirst) {
  const auto changes = Decode("create or replace database shop charset latin1");
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].kind, Kind::kDropDatabase);
  EXPECT_EQ(changes[0].table.database, "shop");
  EXPECT_EQ(changes[1].kind, Kind::kCreateDatabase);
  EXPECT_EQ(changes[1].charset, "latin1");
  EXPECT_THAT(Decode("create database shop"), SizeIs(1));
}

TEST_F(StatementsTest, ARenameOfWhatIsNotThereDoesNothing) {
  Follow("create table t (id int) charset utf8mb4");
  EXPECT_THAT(Decode("rename table if exists gone to t"), IsEmpty());
  EXPECT_THAT(Decode("alter table if exists gone add x int, rename to t"), IsEmpty());
  const auto both = Decode("rename table if exists gone to t, t to u, gone to u, gone to t");
  ASSERT_THAT(both, SizeIs(1));
  // t has gone to u by then, so that a table that is not followed may have become t.
  EXPECT_THAT(both[0].renames, ElementsAre(std::pair(TableName{"d", "t"}, TableName{"d", "u"}),
                                           std::pair(TableName{"d", "gone"}, TableName{"d", "t"})));
  EXPECT_EQ(both[0].table.ToString(), "d.t");
  // Nobody knows whether these are there.
  EXPECT_THAT(Decode("rename table if exists gone to u"), SizeIs(1));
  EXPECT_THAT(Decode("rename table gone to t"), SizeIs(1));
  EXPECT_THAT(Decode("alter table if exists gone rename to u"), SizeIs(1));
}

TEST_F(StatementsTest, BinaryTextOfAConvertedTable) {
  Follow("create table t (id int, c varchar(9), m text) charset latin1");
  const auto changes = Decode(
      "alter table t convert to character set utf8mb4, add v varchar(9) binary not null, add w "
      "varchar(9), modify c varchar(9) binary, add x varchar(9) collate utf8mb4_bin");
  ASSERT_THAT(changes, SizeIs(2));
  TableSchema table = *history_.tables.at({"d", "t"});
  for (const SchemaChange& change : changes) {
    table = AlterTable(table, change.actions).value().table;
  }
  std::vector<std::string> binary;
  for (const ColumnSchema& column : table.columns) {
    if (column.collation == "utf8mb4_bin") binary.push_back(column.name);
  }
  EXPECT_THAT(binary, ElementsAre("c", "v"));  // the conversion takes x along
  std::vector<std::string> modified;
  for (const AlterAction& action : changes[1].actions) {
    EXPECT_EQ(action.kind, Action::kModifyColumn);
    modified.push_back(action.name + " " + action.column.native_type);
  }
  // Of TEXT a server makes a wider type besides.
  EXPECT_THAT(modified, ElementsAre("v varchar(9)", "c varchar(9)", "m mediumtext"));
  EXPECT_FALSE(changes[1].actions[0].column.nullable);
}

}  // namespace
}  // namespace godwit::mysql
