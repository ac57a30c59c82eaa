// SPDX-License-Identifier: Apache-2.0
#include <fstream>
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

TEST_F(VerificationFlowTest, StandingReplayForbidsCorrection) {
  spec_.types = {MigrationType::kIncremental};
  Damage();
  VerificationOptions options = Options();
  options.correct = true;
  VerificationStage stage(*link_, nullptr, nullptr, options);
  EXPECT_THROW(stage.Run({}), Error);
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
