// SPDX-License-Identifier: Apache-2.0
// Writing on every server of the MySQL family.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "test/live/live_server.h"

namespace godwit::live {
namespace {

using mysql::Flavor;
using Rows = std::vector<std::vector<Cell>>;

class EverySink : public ::testing::TestWithParam<std::string> {
 protected:
  EverySink() : sink_(server_.endpoint().OpenSink()) {
    fence_ = sink_->RaiseEpoch("sink", 2);
    sink_->Attach("sink", 0, fence_.epoch);
  }

  // Changes of one table, in order; cells of `absent` columns of after-images are absent.
  struct Change {
    ChangeOp op;
    std::vector<Cell> before;
    std::vector<Cell> after;
    std::vector<int> absent = {};
  };

  void Apply(const WritePlan& plan, const std::vector<Change>& changes, ApplyMode mode,
             ForeignKeys foreign_keys = ForeignKeys::kOff) {
    std::vector<std::unique_ptr<RowBatch>> batches;
    std::vector<RowChange> all;
    auto batch = [&](const std::vector<Cell>& cells, const std::vector<int>& absent) {
      auto& rows = *batches.emplace_back(std::make_unique<RowBatch>(plan.columns.size()));
      for (size_t c = 0; c < cells.size(); ++c) {
        if (std::find(absent.begin(), absent.end(), static_cast<int>(c)) != absent.end()) {
          rows.AddAbsent();
        } else if (cells[c]) {
          rows.Add(*cells[c]);
        } else {
          rows.AddNull();
        }
      }
      return &rows;
    };
    for (const Change& change : changes) {
      RowChange row{.plan = &plan, .op = change.op};
      if (change.op != ChangeOp::kInsert) row.before = batch(change.before, {});
      if (change.op != ChangeOp::kDelete) row.after = batch(change.after, change.absent);
      all.push_back(row);
    }
    sink_->Begin(LaneProgress{.low = ++low_});
    try {
      sink_->Apply(all, mode, foreign_keys);
    } catch (...) {
      sink_->Rollback();
      throw;
    }
    sink_->Commit({});
  }

  template <typename Run>
  void ExpectError(const std::string& code, Run run) {
    try {
      run();
      ADD_FAILURE() << "expected " << code;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
    }
  }

  static constexpr ChangeOp kIns = ChangeOp::kInsert;
  static constexpr ChangeOp kUpd = ChangeOp::kUpdate;
  static constexpr ChangeOp kDel = ChangeOp::kDelete;

  Server server_{GetParam()};
  std::unique_ptr<Sink> sink_;
  Sink::Fence fence_;
  Sequence low_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Family, EverySink, ::testing::ValuesIn(AllServers()),
                         [](const auto& server) { return server.param; });

TEST_P(EverySink, ExactChangesEndAsTheSourceDid) {
  auto table = server_.Make("exact", "(id INT PRIMARY KEY, v VARCHAR(10), n INT)");
  WritePlan plan = WriteAll(table);
  Apply(plan,
        {{kIns, {}, {"1", "a", "1"}},
         {kIns, {}, {"2", "b", "2"}},
         {kIns, {}, {"3", "c", {}}},
         {kUpd, {"2", "b", "2"}, {"2", "bb", "2"}},
         {kUpd, {"2", "bb", "2"}, {"2", "bbb", "2"}},
         {kDel, {"1", "a", "1"}, {}},
         {kIns, {}, {"1", "again", "9"}},
         {kUpd, {"3", "c", {}}, {"30", "c", "5"}},
         {kUpd, {"1", "again", "9"}, {"1", "again", "9"}}},
        ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, table),
            (Rows{{"1", "again", "9"}, {"2", "bbb", "2"}, {"30", "c", "5"}}));
}

TEST_P(EverySink, UniqueValuesMoveWithinATransaction) {
  auto table = server_.Make("moves",
                            "(id INT PRIMARY KEY, u VARCHAR(10), UNIQUE KEY (u)) "
                            "DEFAULT CHARSET=utf8mb4");
  WritePlan plan = WriteAll(table);
  Apply(plan, {{kIns, {}, {"1", "a"}}, {kIns, {}, {"2", "b"}}, {kIns, {}, {"3", {}}}},
        ApplyMode::kExact);
  // A swap by way of a third value; a key handed on in another case; a NULL.
  Apply(plan,
        {{kUpd, {"1", "a"}, {"1", "t"}},
         {kUpd, {"2", "b"}, {"2", "A"}},
         {kUpd, {"1", "t"}, {"1", "B"}},
         {kUpd, {"3", {}}, {"3", "ö"}},
         {kDel, {"3", "ö"}, {}},
         {kIns, {}, {"4", "Ö"}}},
        ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"1", "B"}, {"2", "A"}, {"4", "Ö"}}));
}

TEST_P(EverySink, ExactChangesSeeWhatIsMissingAndWhatIsThere) {
  auto table = server_.Make("strict", "(id INT PRIMARY KEY, u INT, v INT, UNIQUE KEY (u))");
  auto plain = server_.Make("strict_plain", "(id INT PRIMARY KEY, v INT)");
  WritePlan plan = WriteAll(table);
  WritePlan plain_plan = WriteAll(plain);
  server_.session().Execute("INSERT INTO strict VALUES (1,1,1),(2,2,2)");
  server_.session().Execute("INSERT INTO strict_plain VALUES (1,1),(2,2)");
  auto missing = [&](const WritePlan& p, std::vector<Change> changes) {
    ExpectError("CHANGE_ROW_MISSING", [&] { Apply(p, changes, ApplyMode::kExact); });
  };
  auto exists = [&](const WritePlan& p, std::vector<Change> changes) {
    ExpectError("CHANGE_ROW_EXISTS", [&] { Apply(p, changes, ApplyMode::kExact); });
  };
  missing(plain_plan, {{kUpd, {"9", "1"}, {"9", "2"}}});
  missing(plain_plan, {{kUpd, {"1", "1"}, {"1", "7"}}, {kUpd, {"9", "1"}, {"9", "2"}}});
  missing(plain_plan, {{kUpd, {"1", "1"}, {"1", "1"}}, {kUpd, {"9", "1"}, {"9", "2"}}});
  missing(plain_plan, {{kDel, {"1", "1"}, {}}, {kDel, {"9", "1"}, {}}});
  missing(plan, {{kUpd, {"9", "9", "9"}, {"9", "9", "8"}}});
  missing(plan, {{kUpd, {"9", "9", "9"}, {"9", "9", "8"}, {1}}});
  exists(plan, {{kIns, {}, {"1", "7", "7"}}});
  exists(plan, {{kIns, {}, {"5", "2", "7"}}});
  exists(plan, {{kUpd, {"1", "1", "1"}, {"1", "2", "1"}}});
  exists(plan, {{kUpd, {"1", "1", "1"}, {"2", "1", "1"}}});
  exists(plan, {{kUpd, {"1", "1", "1"}, {"1", "2", "1"}, {0}}});
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"1", "1", "1"}, {"2", "2", "2"}}));
  EXPECT_EQ(ReadAll(server_, plain), (Rows{{"1", "1"}, {"2", "2"}}));
}

TEST_P(EverySink, AbsentCellsKeepTheirValue) {
  auto table = server_.Make("absent",
                            "(id INT PRIMARY KEY, v INT, w INT, t TIMESTAMP NOT NULL "
                            "DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)");
  WritePlan plan = WriteAll(table);
  const std::string then = "2001-02-03 04:05:06";
  Apply(plan, {{kIns, {}, {"1", "1", "1", then}}}, ApplyMode::kExact);
  Apply(plan, {{kUpd, {"1", "1", "1", then}, {"1", "2", "", ""}, {0, 2, 3}}}, ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"1", "2", "1", then}}));
}

TEST_P(EverySink, DisplacingChangesWinOverEveryClash) {
  auto table = server_.Make("displaced",
                            "(id INT PRIMARY KEY, u VARCHAR(20), p VARCHAR(20), "
                            "UNIQUE KEY (u), UNIQUE KEY pre (p(2)))");
  WritePlan plan = WriteAll(table);
  server_.session().Execute(
      "INSERT INTO displaced VALUES (1,'a','aa1'),(2,'b','bb1'),(3,'c','cc1'),(4,'d','dd1')");
  Apply(plan,
        {{kIns, {}, {"1", "x", "xx"}},                  // the key
         {kIns, {}, {"9", "b", "yy"}},                  // a unique value
         {kIns, {}, {"10", "z", "cc9"}},                // a unique prefix
         {kUpd, {"77", "q", "qq"}, {"78", "q", "qq"}},  // its old row is missing
         {kDel, {"99", "none", "none"}, {}}},
        ApplyMode::kDisplace);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"1", "x", "xx"},
                                           {"4", "d", "dd1"},
                                           {"9", "b", "yy"},
                                           {"10", "z", "cc9"},
                                           {"78", "q", "qq"}}));
}

TEST_P(EverySink, DisplacingUpdatesLeaveTheRestOfTheirRows) {
  auto table = server_.Make("kept",
                            "(id VARCHAR(10) PRIMARY KEY, u INT, v INT, note VARCHAR(10) DEFAULT "
                            "'new', UNIQUE KEY (u)) DEFAULT CHARSET=utf8mb4");
  WritePlan plan = WriteAll(table);
  plan.columns.pop_back();
  server_.session().Execute(
      "INSERT INTO kept VALUES ('a',1,1,'A'),('b',2,1,'B'),('c',3,1,'C'),('d',4,1,'D'),"
      "('e',NULL,1,'E'),('f',6,1,'F')");
  Apply(plan,
        {{kUpd, {"a", "1", "1"}, {"a", "1", "2"}},
         {kUpd, {"b", "2", "1"}, {"b", "3", "2"}},  // its value is another row's
         {kUpd, {"d", "4", "1"}, {"g", "4", "2"}},
         {kUpd, {"e", {}, "1"}, {"e", "5", "2"}},
         {kUpd, {"x", "8", "1"}, {"y", "6", "2"}}},  // it is not there, and its value is taken
        ApplyMode::kDisplace);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"a", "1", "2", "A"},
                                           {"b", "3", "2", "B"},
                                           {"e", "5", "2", "E"},
                                           {"g", "4", "2", "D"},
                                           {"y", "6", "2", "new"}}));
}

TEST_P(EverySink, LoadDisplacesWhatIsThere) {
  auto table = server_.Make("loaded", "(a INT, b INT, u INT, PRIMARY KEY (a,b), UNIQUE KEY (u))");
  WritePlan plan = WriteAll(table);
  server_.session().Execute("INSERT INTO loaded VALUES (1,1,10),(2,2,20),(3,3,30)");
  RowBatch rows(3);
  AddRow(rows, {"1", "1", "11"});
  AddRow(rows, {"5", "5", "20"});
  AddRow(rows, {"6", "6", {}});
  sink_->Begin({});
  sink_->Load(plan, rows);
  sink_->Commit({});
  EXPECT_EQ(ReadAll(server_, table),
            (Rows{{"1", "1", "11"}, {"3", "3", "30"}, {"5", "5", "20"}, {"6", "6", {}}}));
}

TEST_P(EverySink, KeylessRowsChangeOneByOne) {
  const bool has_json = server_.info().version_number >= 50700;
  auto table = server_.Make(
      "keyless",
      std::string("(v VARCHAR(10), f FLOAT, e ENUM('a','b'), b VARBINARY(5), bi BIT(4), ") +
          "dt DATETIME, j " + (has_json ? "JSON" : "TEXT") + ")");
  WritePlan plan = WriteAll(table);
  auto row = [](Cell v, Cell f) {
    return std::vector<Cell>{v,
                             f,
                             "b",
                             std::string("\0'\\", 3),
                             std::string("\x05", 1),
                             "0000-00-00 00:00:00",
                             "{\"a\": \"ä\"}"};
  };
  std::vector<Cell> nulls(7);
  Apply(plan,
        {{kIns, {}, row("x", "1e-10")},
         {kIns, {}, row("x", "1e-10")},
         {kIns, {}, row("X", "0.1")},
         {kIns, {}, nulls}},
        ApplyMode::kExact);
  Apply(
      plan,
      {{kDel, row("x", "1e-10"), {}}, {kUpd, row("X", "0.1"), row("y", "0.5")}, {kDel, nulls, {}}},
      ApplyMode::kExact);
  auto read = ReadAll(server_, table);
  ASSERT_EQ(read.size(), 2u);
  std::sort(read.begin(), read.end());
  EXPECT_EQ(read[0][0], "x");
  EXPECT_EQ(read[1][0], "y");
  EXPECT_EQ(read[1][1], "0.5");
  ExpectError("CHANGE_ROW_MISSING",
              [&] { Apply(plan, {{kDel, row("X", "1e-10"), {}}}, ApplyMode::kExact); });
}

TEST_P(EverySink, EnumErrorsAreKeptAndNothingElseIsBent) {
  auto table = server_.Make("errors", "(id INT PRIMARY KEY, e ENUM('a',''), v VARCHAR(3))");
  WritePlan plan = WriteAll(table);
  const std::string zero(1, '\0');
  Apply(plan, {{kIns, {}, {"1", zero, "abc"}}, {kIns, {}, {"2", "", "abc"}}}, ApplyMode::kExact);
  Apply(plan, {{kUpd, {"2", "", "abc"}, {"2", zero, "x"}}}, ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{"1", zero, "abc"}, {"2", zero, "x"}}));
  ExpectError("VALUE_REFUSED",
              [&] { Apply(plan, {{kIns, {}, {"3", zero, "too long"}}}, ApplyMode::kExact); });
  ExpectError("VALUE_REFUSED",
              [&] { Apply(plan, {{kIns, {}, {"4", "a", "too long"}}}, ApplyMode::kExact); });
}

TEST_P(EverySink, NothingElseIsBentInStatementsOfOneRow) {
  auto table = server_.Make("errors_keyless", "(e ENUM('a',''), v VARCHAR(3))");
  WritePlan plan = WriteAll(table);
  const std::string zero(1, '\0');
  Apply(plan, {{kIns, {}, {"a", "abc"}}}, ApplyMode::kExact);
  ExpectError("VALUE_REFUSED",
              [&] { Apply(plan, {{kUpd, {"a", "abc"}, {zero, "too long"}}}, ApplyMode::kExact); });
  Apply(plan, {{kUpd, {"a", "abc"}, {zero, "x"}}}, ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, table), (Rows{{zero, "x"}}));
}

TEST_P(EverySink, ForeignKeysCascadeOnlyWhileLive) {
  server_.session().Execute("DROP TABLE IF EXISTS child");
  auto parent = server_.Make("parent", "(id INT PRIMARY KEY)");
  auto child = server_.Make("child",
                            "(id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES "
                            "parent (id) ON DELETE CASCADE)");
  WritePlan plan = WriteAll(parent);
  server_.session().Execute("INSERT INTO parent VALUES (1),(2)");
  server_.session().Execute("INSERT INTO child VALUES (1,1),(2,2)");
  Apply(plan, {{kDel, {"1"}, {}}}, ApplyMode::kExact);
  EXPECT_EQ(ReadAll(server_, child).size(), 2u);
  Apply(plan, {{kDel, {"2"}, {}}}, ApplyMode::kExact, ForeignKeys::kLive);
  EXPECT_EQ(ReadAll(server_, child), (Rows{{"1", "1"}}));
  server_.session().Execute("DROP TABLE child");
}

// The source deletes one row, the others are only in the way.
TEST_P(EverySink, DisplacedRowsTakeNoChildrenWithThem) {
  server_.session().Execute("DROP TABLE IF EXISTS displaced_child");
  auto parent = server_.Make("displaced_parent", "(id INT PRIMARY KEY, u INT, UNIQUE KEY (u))");
  auto child = server_.Make("displaced_child",
                            "(id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES "
                            "displaced_parent (id) ON DELETE CASCADE ON UPDATE CASCADE)");
  WritePlan plan = WriteAll(parent);
  server_.session().Execute(
      "INSERT INTO displaced_parent VALUES (1,10),(2,20),(3,30),(4,40),(5,50)");
  server_.session().Execute("INSERT INTO displaced_child VALUES (1,1),(2,2),(3,3),(4,4),(5,5)");
  Apply(plan,
        {{kIns, {}, {"9", "10"}},            // the value of 1
         {kIns, {}, {"2", "21"}},            // the key of 2
         {kUpd, {"4", "40"}, {"40", "30"}},  // the value of 3
         {kDel, {"5", "50"}, {}}},
        ApplyMode::kDisplace, ForeignKeys::kLive);
  EXPECT_EQ(ReadAll(server_, parent), (Rows{{"2", "21"}, {"9", "10"}, {"40", "30"}}));
  EXPECT_EQ(ReadAll(server_, child), (Rows{{"1", "1"}, {"2", "2"}, {"3", "3"}, {"4", "40"}}));
  server_.session().Execute("DROP TABLE displaced_child");
}

TEST_P(EverySink, RaisedEpochFencesOldSinksAndKeepsProgress) {
  auto table = server_.Make("fenced", "(id INT PRIMARY KEY)");
  WritePlan plan = WriteAll(table);
  LaneProgress progress{.low = 40, .done = {42, 43}, .chunks = {7}};
  sink_->Begin(progress);
  sink_->Commit({});
  auto successor = server_.endpoint().OpenSink();
  auto fence = successor->RaiseEpoch("sink", 3);
  EXPECT_GT(fence.epoch, fence_.epoch);
  ASSERT_EQ(fence.lanes.size(), 3u);
  EXPECT_EQ(fence.lanes[0].progress, progress);
  ExpectError("FENCED", [&] { sink_->Begin({}); });
  ExpectError("FENCED", [&] { sink_->Execute({.sql = "CREATE TABLE never (id INT)"}, {}); });
  ExpectError("FENCED", [&] { sink_->Attach("sink", 0, fence_.epoch); });
  successor->Forget("sink");
  EXPECT_TRUE(server_.Rows("SELECT * FROM godwit.godwit_lane WHERE link='sink'").empty());
}

// A statement that an earlier process has begun may hold up every DDL: an account without a right
// to any shows that none is sent.
TEST_P(EverySink, RaisingTheEpochOfAKnownLinkSendsNoDdl) {
  std::vector<std::string> accounts = {"'raiser'@'%'"};
  if (!server_.is(Flavor::kOceanBase)) accounts.push_back("'raiser'@'localhost'");
  struct Guard {
    ~Guard() {
      for (const std::string& account : accounts) session.Execute("DROP USER " + account);
    }
    mysql::Session& session;
    const std::vector<std::string>& accounts;
  } guard{server_.session(), accounts};
  for (const std::string& account : accounts) {
    server_.session().Execute(fmt::format("CREATE USER {} IDENTIFIED BY 'raiser-0'", account));
    server_.session().Execute(
        fmt::format("GRANT SELECT, INSERT, UPDATE, DELETE ON godwit.* TO {}", account));
  }
  auto endpoint = server_.OpenAs("raiser", "raiser-0");
  EXPECT_GT(endpoint->OpenSink()->RaiseEpoch("sink", 2).epoch, fence_.epoch);
}

TEST_P(EverySink, AStopLetsAStatementEndForSomeTime) {
  std::stop_source stop;
  stop.request_stop();
  server_.session().Execute("DROP TABLE IF EXISTS stopped");
  sink_->Execute({.table = {kDatabase, "stopped"}, .sql = "CREATE TABLE stopped (id INT)"},
                 stop.get_token());
  EXPECT_TRUE(server_.Rows("SELECT * FROM stopped").empty());
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THROW(sink_->Execute({.sql = "SET @slept = SLEEP(60)"}, stop.get_token()), Stopped);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST_P(EverySink, CommitOfALostConnectionTellsTheOutcome) {
  if (!server_.is(Flavor::kOceanBase) && server_.info().version_number < 50700) {
    GTEST_SKIP() << "5.6 may leave a killed idle connection, and its locks, until wait_timeout";
  }
  auto table = server_.Make("lost", "(id INT PRIMARY KEY)");
  WritePlan plan = WriteAll(table);
  RowBatch rows(1);
  AddRow(rows, {"1"});
  sink_->Begin({});
  sink_->Load(plan, rows);
  for (const auto& row : server_.Rows("SHOW FULL PROCESSLIST")) {
    auto own = server_.session().QueryValue("SELECT CONNECTION_ID()");
    if (row[0] == own || !row[0]) continue;
    try {
      server_.session().Execute("KILL " + *row[0]);
    } catch (const Error&) {
      // Gone by itself meanwhile.
    }
  }
  ExpectError("CONNECTION_LOST", [&] { sink_->Commit({}); });
  EXPECT_TRUE(ReadAll(server_, table).empty());
  sink_->Begin({});
  sink_->Load(plan, rows);
  sink_->Commit({});
  EXPECT_EQ(ReadAll(server_, table).size(), 1u);
}

TEST_P(EverySink, ARowAboveThePacketLimitIsRefusedBeforeItIsSent) {
  if (!server_.is(Flavor::kOceanBase)) GTEST_SKIP() << "the limit here is a gigabyte";
  auto table = server_.Make("huge", "(id INT PRIMARY KEY, b LONGBLOB)");
  WritePlan plan = WriteAll(table);
  RowBatch rows(2);
  AddRow(rows, {"1", std::string(server_.info().max_allowed_packet, 'x')});
  sink_->Begin({});
  ExpectError("PACKET_TOO_LARGE", [&] { sink_->Load(plan, rows); });
  RowBatch fits(2);
  AddRow(fits, {"2", std::string(server_.info().max_allowed_packet - 4096, 'x')});
  AddRow(fits, {"3", "small"});
  sink_->Load(plan, fits);
  sink_->Commit({});
  EXPECT_EQ(ReadAll(server_, table).size(), 2u);
}

}  // namespace
}  // namespace godwit::live
