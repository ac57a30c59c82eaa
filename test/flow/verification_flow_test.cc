// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/task_group.h"
#include "connectors/memory/connection.h"
#include "connectors/memory/endpoint.h"
#include "stage/verification.h"

namespace godwit {
namespace {

using memory::Connection;
using memory::MemoryServer;
using memory::Row;
using ::testing::HasSubstr;

constexpr int kRows = 400;
constexpr int kLanes = 2;
const TableName kTable{"d", "t"};

ColumnSchema Column(std::string name, LogicalType type, bool nullable) {
  ColumnSchema column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.nullable = nullable;
  return column;
}

TableSchema Table() {
  TableSchema table;
  table.name = kTable;
  table.dialect = "memory";
  const LogicalType text{.kind = TypeKind::kVarchar, .length = 100};
  table.columns = {Column("k", {.kind = TypeKind::kInteger, .bits = 64}, false),
                   Column("a", text, true), Column("b", text, false)};
  IndexSchema primary;
  primary.name = "PRIMARY";
  primary.kind = IndexSchema::Kind::kPrimary;
  primary.parts = {{.column = "k"}};
  table.indexes = {primary};
  return table;
}

Row MakeRow(int key, std::string value) {
  return {std::to_string(key), "name " + std::to_string(key), std::move(value)};
}

// Two memory servers with the same rows, and a link between them.
class VerificationFlowTest : public ::testing::Test {
 protected:
  VerificationFlowTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("godwit-verification-" + std::to_string(getpid()))),
        source_server_(NewServer("verification-source")),
        destination_server_(NewServer("verification-destination")),
        source_(source_server_),
        destination_(destination_server_) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    spec_.rules = ObjectRules({ObjectRule::Parse("d.*")}, {});
    metadata_ = Metadata::Open(directory_ / "metadata.db");
    project_ = metadata_->CreateProject("p", "{}").id;
    store_ = Store::Open(directory_ / "store", {});
    translator_ = std::make_unique<Translator>(source_.dialect(), destination_.dialect(),
                                               spec_.rules, CharsetOverlay{});
    link_ = std::make_unique<Link>(Link{"p", project_, spec_, source_, destination_, *store_,
                                        *metadata_, *translator_});
    fence_ = destination_.OpenSink()->RaiseEpoch("p", kLanes + 1);
    link_->epoch = fence_.epoch;
  }
  ~VerificationFlowTest() override {
    MemoryServer::Remove("verification-source");
    MemoryServer::Remove("verification-destination");
    store_.reset();
    metadata_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::shared_ptr<MemoryServer> NewServer(const std::string& name) {
    MemoryServer::Remove(name);
    auto server = MemoryServer::Get(name);
    server->CreateTable(Table());
    Connection connection(server);
    connection.Begin();
    for (int i = 0; i < kRows; ++i) connection.Insert(kTable, MakeRow(i, "v"));
    connection.Commit();
    return server;
  }

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

  // Keys whose rows are not the same on both sides, without Godwit's help.
  std::vector<std::string> Unequal() {
    std::map<std::string, Row> rows[2];
    int side = 0;
    for (auto& server : {source_server_, destination_server_}) {
      const MemoryServer::Snapshot snapshot = server->TakeSnapshot();
      for (const Row& row : snapshot.rows.at(kTable)) rows[side][*row[0]] = row;
      ++side;
    }
    std::vector<std::string> out;
    for (auto& [key, row] : rows[0]) {
      if (!rows[1].contains(key) || rows[1][key] != row) out.push_back(key);
    }
    for (auto& [key, row] : rows[1]) {
      if (!rows[0].contains(key)) out.push_back(key);
    }
    return out;
  }

  std::filesystem::path directory_;
  std::shared_ptr<MemoryServer> source_server_;
  std::shared_ptr<MemoryServer> destination_server_;
  memory::MemoryEndpoint source_;
  memory::MemoryEndpoint destination_;
  ProjectSpec spec_;
  std::unique_ptr<Metadata> metadata_;
  int64_t project_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Translator> translator_;
  std::unique_ptr<Link> link_;
  Sink::Fence fence_;
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
