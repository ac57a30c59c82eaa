// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <sstream>

#include "base/task_group.h"
#include "flow_world_for_test.h"
#include "stage/verification.h"

namespace godwit {
namespace {

using ::testing::HasSubstr;

class VerificationFlowTest : public FlowTest {
 protected:
  VerificationOptions Options() {
    VerificationOptions options;
    options.directory = directory_ / "verification";
    options.lane = kLanes;
    options.pairs = 2;
    options.sizes = {.digest_rows = 100, .read_rows = 10, .held_rows = 1000};
    options.settle.first_wait = std::chrono::milliseconds(5);
    return options;
  }

  void Damage() {
    Connection there(destination_server_);
    auto by_key = [&](int key) { return there.ByKey(kTable, {std::to_string(key)}); };
    there.Delete(kTable, by_key(5));
    there.Delete(kTable, by_key(kRows - 1));
    there.Insert(kTable, MakeRow(kRows + 50, "extra"));
    there.Update(kTable, by_key(100), MakeRow(100, "wrong"));
    there.Update(kTable, by_key(101), {"101", std::nullopt, "v"});
  }

  // Something changes on both sides when the first rows are read: of what differs.
  VerificationOptions Meanwhile(const SchemaChange& change) {
    VerificationOptions options = Options();
    options.rates = [this, change, once = std::make_shared<std::once_flag>()] {
      std::call_once(*once, [&] {
        source_server_->Execute(change);
        destination_server_->Execute(change);
      });
      return Throttle::Rates{};
    };
    return options;
  }

  static SchemaChange Rename(const TableName& to) {
    SchemaChange rename;
    rename.kind = SchemaChange::Kind::kRenameTable;
    rename.renames = {{kTable, to}};
    return rename;
  }

  std::string File(const std::string& name) {
    std::ifstream file(directory_ / "verification" / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
};

TEST_F(VerificationFlowTest, EqualSides) {
  VerificationStage stage(*link_, nullptr, nullptr, Options());
  stage.Run({});
  EXPECT_EQ(stage.totals().tables, 1u);
  EXPECT_EQ(stage.totals().consistent_tables, 1u);
  EXPECT_EQ(stage.totals().rows, uint64_t{kRows});
  EXPECT_EQ(stage.totals().inconsistent, 0u);
}

TEST_F(VerificationFlowTest, FindsReportsAndCorrects) {
  Damage();
  VerificationOptions options = Options();
  VerificationStage finds(*link_, nullptr, nullptr, options);
  finds.Run({});
  EXPECT_EQ(finds.totals().only_source, 2u);
  EXPECT_EQ(finds.totals().only_destination, 1u);
  EXPECT_EQ(finds.totals().different, 2u);
  EXPECT_THAT(File("1/d.t.diff"), HasSubstr("different k=100\n  b: 'v' → 'wrong'\n"));
  EXPECT_THAT(File("1/d.t.diff"), HasSubstr("different k=101\n  a: 'name 101' → NULL\n"));
  EXPECT_THAT(File("1/d.t.diff"), HasSubstr("only-source k=5\n"));
  EXPECT_THAT(File("1/d.t.diff"), HasSubstr("only-destination k=450\n"));

  options.correct = true;
  VerificationStage corrects(*link_, nullptr, nullptr, options);
  corrects.Run({});
  EXPECT_EQ(corrects.totals().corrected, 4u);
  EXPECT_EQ(corrects.totals().inconsistent, 1u);
  EXPECT_EQ(corrects.totals().only_destination, 1u);
  EXPECT_EQ(Unequal(), std::vector<std::string>{"450"});
}

TEST_F(VerificationFlowTest, AMissingTableIsInconsistent) {
  SchemaChange drop;
  drop.kind = SchemaChange::Kind::kDropTable;
  drop.tables = {kTable};
  destination_server_->Execute(drop);
  VerificationStage stage(*link_, nullptr, nullptr, Options());
  stage.Run({});
  EXPECT_EQ(stage.totals().missing_tables, 1u);
  EXPECT_EQ(stage.totals().inconsistent, 1u);
}

TEST_F(VerificationFlowTest, ATableThatIsRenamedMeanwhileIsComparedUnderItsNewName) {
  Damage();
  VerificationStage stage(*link_, nullptr, nullptr, Meanwhile(Rename({"d", "renamed"})));
  stage.Run({});
  EXPECT_EQ(stage.totals().tables, 1u);
  EXPECT_EQ(stage.totals().inconsistent, 5u);
  EXPECT_THAT(File("1/d.renamed.diff"), HasSubstr("different k=100\n"));
  EXPECT_EQ(File("1/d.t.diff"), "");
}

TEST_F(VerificationFlowTest, ATableThatIsDroppedMeanwhileIsLeftOut) {
  Damage();
  SchemaChange drop;
  drop.kind = SchemaChange::Kind::kDropTable;
  drop.tables = {kTable};
  VerificationStage stage(*link_, nullptr, nullptr, Meanwhile(drop));
  stage.Run({});
  EXPECT_EQ(stage.totals().tables, 0u);
  EXPECT_EQ(stage.totals().inconsistent, 0u);
}

TEST_F(VerificationFlowTest, StandingReplayForbidsCorrection) {
  spec_.types = {MigrationType::kIncremental};
  Damage();
  VerificationOptions options = Options();
  options.correct = options.goes_on = true;
  VerificationStage stage(*link_, nullptr, nullptr, options);
  EXPECT_THROW(stage.Run({}), Error);
  // What it had found wrong is mended by hand: nothing is left to correct.
  Connection there(destination_server_);
  there.Insert(kTable, MakeRow(5, "v"));
  there.Insert(kTable, MakeRow(kRows - 1, "v"));
  there.Delete(kTable, there.ByKey(kTable, {std::to_string(kRows + 50)}));
  for (int key : {100, 101}) {
    there.Update(kTable, there.ByKey(kTable, {std::to_string(key)}), MakeRow(key, "v"));
  }
  VerificationStage again(*link_, nullptr, nullptr, options);
  again.Run({});
  EXPECT_EQ(again.totals().inconsistent, 0u);
}

// A second table, whose column `a` is unique. It comes behind the other one.
const TableName kUnique{"d", "u"};

class UniqueFlowTest : public VerificationFlowTest {
 protected:
  UniqueFlowTest() {
    TableSchema table = Table();
    table.name = kUnique;
    table.indexes.push_back({.name = "a", .kind = IndexSchema::Kind::kUnique});
    table.indexes[1].parts = {{.column = "a"}};
    for (auto& server : {source_server_, destination_server_}) server->CreateTable(table);
  }

  static void Put(const std::shared_ptr<MemoryServer>& server,
                  const std::map<int, std::string>& values) {
    Connection connection(server);
    connection.Begin();
    for (const auto& [key, value] : values) {
      connection.Insert(kUnique, {std::to_string(key), value, "b"});
    }
    connection.Commit();
  }

  static std::map<int, std::string> Values(const std::shared_ptr<MemoryServer>& server) {
    std::map<int, std::string> out;
    const MemoryServer::Snapshot snapshot = server->TakeSnapshot();
    for (const Row& row : snapshot.rows.at(kUnique)) {
      out[std::stoi(*row[0])] = row[1].value_or("NULL");
    }
    return out;
  }

  VerificationTotals Verify(VerificationOptions options) {
    VerificationStage stage(*link_, nullptr, nullptr, std::move(options));
    stage.Run({});
    return stage.totals();
  }

  // A comparison that has come through the first table when it is stopped in the second one.
  VerificationOptions CutOff() {
    Put(source_server_, {{1, "one"}});
    VerificationOptions options = Options();
    options.pairs = 1;
    options.goes_on = true;
    std::stop_source stop;
    options.rates = [&] {  // asked when rows are read: of what differs
      stop.request_stop();
      return Throttle::Rates{};
    };
    VerificationStage stage(*link_, nullptr, nullptr, options);
    EXPECT_THROW(stage.Run(stop.get_token()), Stopped);
    options.rates = nullptr;
    return options;
  }
};

TEST_F(UniqueFlowTest, ACutOffComparisonGoesOnWithWhatWasEqual) {
  const VerificationOptions options = CutOff();
  Damage();
  EXPECT_EQ(Verify(options).inconsistent, 1u) << "the first table is not looked at again";
  EXPECT_EQ(Verify(options).inconsistent, 6u) << "that round is closed";
}

TEST_F(UniqueFlowTest, ACommandComparesAnew) {
  VerificationOptions options = CutOff();
  options.goes_on = false;
  Damage();
  EXPECT_EQ(Verify(options).inconsistent, 6u);
}

TEST_F(UniqueFlowTest, AnotherComparisonThanTheOneCutOffComparesAnew) {
  VerificationOptions options = CutOff();
  options.strength = DigestStrength::kCertain;
  Damage();
  EXPECT_EQ(Verify(options).inconsistent, 6u);
}

// Under its new name nobody has asked for it; the other table was there, and not asked for.
TEST_F(UniqueFlowTest, ATableThatWasAskedForIsFollowedToItsNewName) {
  Put(source_server_, {{1, "one"}});
  Damage();
  VerificationOptions options = Meanwhile(Rename({"d", "renamed"}));
  options.tables = {kTable};
  const VerificationTotals totals = Verify(options);
  EXPECT_EQ(totals.tables, 1u);
  EXPECT_EQ(totals.inconsistent, 5u);
}

TEST_F(UniqueFlowTest, ARowThatOnlyTheDestinationHasKeepsItsUniqueValue) {
  Put(source_server_, {{1, "one"}, {2, "two"}, {3, "three"}, {4, "four"}});
  Put(destination_server_, {{1, "zero"}, {2, "three"}, {3, "two"}, {9, "one"}});
  VerificationOptions options = Options();
  options.correct = true;
  const VerificationTotals totals = Verify(options);
  EXPECT_EQ(
      Values(destination_server_),
      (std::map<int, std::string>{{1, "zero"}, {2, "two"}, {3, "three"}, {4, "four"}, {9, "one"}}));
  EXPECT_EQ(totals.corrected, 3u);
  EXPECT_EQ(totals.refused, 1u);
  EXPECT_EQ(totals.inconsistent, 2u);
  const std::string diff = File("2/d.u.diff");
  EXPECT_THAT(diff, HasSubstr("not corrected k=1\n  CORRECTION_CLASH: "));
  EXPECT_THAT(diff, HasSubstr("k='9'"));
}

// What needs a row's value waits with it: taken out for another's sake, it could not come back.
TEST_F(UniqueFlowTest, WhoNeedsARefusedRowsValueIsRefusedToo) {
  Put(source_server_, {{1, "one"}, {2, "two"}, {3, "three"}});
  Put(destination_server_, {{1, "two"}, {2, "three"}, {3, "x"}, {9, "one"}});
  VerificationOptions options = Options();
  options.correct = true;
  const VerificationTotals totals = Verify(options);
  EXPECT_EQ(totals.corrected, 0u);
  EXPECT_EQ(totals.refused, 3u);
  EXPECT_EQ(Values(destination_server_),
            (std::map<int, std::string>{{1, "two"}, {2, "three"}, {3, "x"}, {9, "one"}}));
}

// Each row needs the value of another one, this that of a third: more than are written together.
TEST_F(UniqueFlowTest, LongCirclesOfUniqueValuesAreCorrected) {
  constexpr int kCircle = 1500;
  std::map<int, std::string> here;
  std::map<int, std::string> there;
  for (int key = 0; key < kCircle; ++key) {
    here[key] = "n" + std::to_string(key);
    there[(key + 500) % kCircle] = here[key];
  }
  Put(source_server_, here);
  Put(destination_server_, there);
  VerificationOptions options = Options();
  options.pairs = 1;
  options.sizes = {.digest_rows = 2000, .read_rows = 2000, .held_rows = 10'000};
  options.correct = true;
  const VerificationTotals totals = Verify(options);
  EXPECT_EQ(totals.corrected, uint64_t{kCircle});
  EXPECT_EQ(totals.inconsistent, 0u);
  EXPECT_EQ(totals.refused, 0u);
  EXPECT_EQ(Values(destination_server_), here);
}

// A table that has a column at the destination only.
const TableName kWider{"d", "w"};

TEST_F(VerificationFlowTest, ColumnsOfTheDestinationAloneStayAsTheyAre) {
  TableSchema table = Table();
  table.name = kWider;
  table.indexes.push_back({.name = "a", .kind = IndexSchema::Kind::kUnique});
  table.indexes[1].parts = {{.column = "a"}};
  source_server_->CreateTable(table);
  table.columns.push_back(Column("note", {.kind = TypeKind::kVarchar, .length = 100}, true));
  destination_server_->CreateTable(table);
  Connection here(source_server_);
  Connection there(destination_server_);
  for (const char* a : {"1 one", "2 two", "3 three", "4 four", "5 five", "6 six"}) {
    here.Insert(kWider, {std::string(1, *a), a, "b"});
  }
  // Of two that differ one needs what the other one gives up; two have each other's value.
  for (const Row& row : std::vector<Row>{{"1", "zero", "b", "note 1"},
                                         {"3", "free", "b", "note 3"},
                                         {"4", "3 three", "b", "note 4"},
                                         {"5", "6 six", "b", "note 5"},
                                         {"6", "5 five", "b", "note 6"}}) {
    there.Insert(kWider, row);
  }
  VerificationOptions options = Options();
  options.correct = true;
  VerificationStage stage(*link_, nullptr, nullptr, options);
  stage.Run({});
  const MemoryServer::Snapshot snapshot = destination_server_->TakeSnapshot();
  EXPECT_EQ(snapshot.rows.at(kWider), (std::vector<Row>{{"1", "1 one", "b", "note 1"},
                                                        {"2", "2 two", "b", std::nullopt},
                                                        {"3", "3 three", "b", "note 3"},
                                                        {"4", "4 four", "b", "note 4"},
                                                        {"5", "6 six", "b", "note 5"},
                                                        {"6", "5 five", "b", "note 6"}}));
  EXPECT_EQ(stage.totals().corrected, 4u);
  EXPECT_EQ(stage.totals().refused, 2u);
  EXPECT_EQ(stage.totals().inconsistent, 2u);
  EXPECT_THAT(File("2/d.w.diff"), HasSubstr("not corrected k=5\n  CORRECTION_CLASH: "));
}

// Everything runs: an application writes all the time, to damaged rows too, while the stage finds
// the damage, corrects it and looks again.
TEST_F(VerificationFlowTest, CorrectsUnderWrites) {
  spec_.types = {MigrationType::kIncremental, MigrationType::kVerification};
  CaptureCounters capture_counters;
  ReplayCounters replay_counters;
  Capturer capturer(source_, *store_, spec_.rules, capture_counters, {});
  TaskGroup flows;
  flows.Start("capture", [&](std::stop_token stop) { capturer.Run(stop); });
  capturer.WaitReady(flows.stop_token());
  Damage();
  Replayer replayer(*link_, capturer, fence_.lanes, replay_counters, {.lanes = kLanes});
  flows.Start("replay", [&](std::stop_token stop) { replayer.Run(stop); });
  std::atomic<int> writes{0};
  TaskGroup application(flows.stop_token());
  application.Start("application", [&](std::stop_token stop) {
    Connection here(source_server_);
    std::mt19937 random(7);
    while (!stop.stop_requested()) {
      // Rows missing at the destination are left alone: their exact replay would stop the link.
      int key = 6 + static_cast<int>(random() % 200);
      here.Begin();
      here.Update(kTable, here.ByKey(kTable, {std::to_string(key)}),
                  MakeRow(key, "w" + std::to_string(++writes)));
      here.Commit();
      WaitForStop(stop, Deadline::In(std::chrono::milliseconds(1)));
    }
  });
  VerificationOptions options = Options();
  options.correct = true;
  options.rounds = 5;
  VerificationStage stage(*link_, &capturer, &replayer, options);
  stage.Run(flows.stop_token());
  EXPECT_GT(writes.load(), 0);
  EXPECT_EQ(stage.totals().only_source, 0u);
  EXPECT_EQ(stage.totals().different, 0u);
  EXPECT_EQ(stage.totals().only_destination, 1u);
  EXPECT_GE(stage.totals().corrected, 2u);
  application.RequestStop();
  application.Join();
  replayer.WaitApplied(capturer.SequencePast(source_.OpenChangeReader()->Current(), {}), {});
  EXPECT_EQ(Unequal(), std::vector<std::string>{"450"});
  flows.RequestStop();
  flows.Join();
}

}  // namespace
}  // namespace godwit
