// SPDX-License-Identifier: Apache-2.0
#include "project/figures.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace godwit {
namespace {

class FiguresTest : public testing::Test {
 protected:
  FiguresTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = testing::TempDir() + "figures_" + std::to_string(getpid()) + test->name();
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    metadata_ = Metadata::Open(path_ + "/godwit.db");
    project_ = metadata_->CreateProject("p", "{}").id;
  }
  ~FiguresTest() override { std::filesystem::remove_all(path_); }

  static TableSchemaPtr Table(const std::string& name) {
    auto table = std::make_shared<TableSchema>();
    table->name = {"shop", name};
    table->columns.resize(1);
    return table;
  }

  static RowsChange Change(uint64_t table, ChangeOp op, size_t rows) {
    RowsChange change;
    change.table = Table(table == 1 ? "t" : "u");
    change.schema_version = table;
    change.op = op;
    for (RowBatch* batch : {&change.before, &change.after}) batch->Reset(1);
    for (size_t i = 0; i < rows; ++i) {
      if (op != ChangeOp::kInsert) change.before.Add("0");
      if (op != ChangeOp::kDelete) change.after.Add("1");
    }
    return change;
  }

  static void Commit(Store& store, const std::vector<RowsChange>& changes) {
    const uint64_t spool = store.BeginTransaction();
    for (const RowsChange& change : changes) store.AppendRows(spool, change);
    store.Commit(spool, {}, {});
    store.Sync({}, {});
  }
  static void Commit(Store& store, size_t rows) {
    Commit(store, {Change(1, ChangeOp::kInsert, rows)});
  }

  std::unique_ptr<Store> OpenStore() {
    auto store = Store::Open(path_ + "/store", {});
    if (store->LatestSchemas().empty()) {
      store->AddSchemas({{1, {"shop", "t"}, Table("t")}, {2, {"shop", "u"}, Table("u")}});
    }
    return store;
  }

  std::string path_;
  std::unique_ptr<Metadata> metadata_;
  int64_t project_ = 0;
};

TEST_F(FiguresTest, ChangesAreCountedOnceOverAllRuns) {
  auto store = OpenStore();
  for (size_t rows : {3, 4, 5}) Commit(*store, rows);
  EXPECT_EQ(ChangeTally(*metadata_, project_).count(), 0u);
  EXPECT_EQ(ChangeTally(*metadata_, project_).CountOn(*store, 2), 7u);
  // A run that was killed applied more; its successor counts from where the last count ended.
  EXPECT_EQ(ChangeTally(*metadata_, project_).CountOn(*store, 3), 12u);
  EXPECT_EQ(ChangeTally(*metadata_, project_).CountOn(*store, 1), 12u);
  store->Release(3);
  EXPECT_EQ(ChangeTally(*metadata_, project_).count(), 12u);
  Commit(*store, 1);
  EXPECT_EQ(ChangeTally(*metadata_, project_).CountOn(*store, 99), 13u);
  ChangeTally(*metadata_, project_).Reset();
  EXPECT_EQ(ChangeTally(*metadata_, project_).count(), 0u);
}

TEST_F(FiguresTest, ChangesAreCountedByTableAndKind) {
  using Counts = std::map<TableName, ChangeCounts>;
  auto store = OpenStore();
  Commit(*store, {Change(1, ChangeOp::kInsert, 3), Change(2, ChangeOp::kUpdate, 2),
                  Change(1, ChangeOp::kDelete, 1)});
  const uint64_t spool = store->BeginTransaction();
  store->AppendRows(spool, Change(2, ChangeOp::kInsert, 5));
  const uint64_t mark = store->Mark(spool);
  store->AppendRows(spool, Change(1, ChangeOp::kInsert, 100));
  store->AppendRows(spool, Change(2, ChangeOp::kDelete, 100));
  store->RollbackTo(spool, mark);
  store->Commit(spool, {}, {});
  store->Sync({}, {});
  EXPECT_EQ(ChangeTally(*metadata_, project_).CountOn(*store, 1), 6u);
  EXPECT_EQ(ChangeTally(*metadata_, project_).tables(),
            (Counts{{{"shop", "t"}, {3, 0, 1}}, {{"shop", "u"}, {0, 2, 0}}}));
  // Another process goes on, with the same Log.
  store.reset();
  store = OpenStore();
  ChangeTally tally(*metadata_, project_);
  EXPECT_EQ(tally.CountOn(*store, 2), 11u);
  EXPECT_EQ(tally.tables(), (Counts{{{"shop", "t"}, {3, 0, 1}}, {{"shop", "u"}, {5, 2, 0}}}));
  EXPECT_EQ(tally.CountOn(*store, 2), 11u);
  tally.Reset();
  EXPECT_TRUE(ChangeTally(*metadata_, project_).tables().empty());
}

// What an older program has stored.
TEST_F(FiguresTest, ACountWithoutTablesIsGoneOnWith) {
  metadata_->PutSetting(project_, "changes", "1 40");
  auto store = OpenStore();
  for (size_t rows : {1, 2}) Commit(*store, rows);
  ChangeTally tally(*metadata_, project_);
  EXPECT_EQ(tally.CountOn(*store, 2), 42u);
  EXPECT_EQ(tally.tables().at({"shop", "t"}), (ChangeCounts{2, 0, 0}));
}

TEST_F(FiguresTest, CopiedRowsOfTablesThatAreThroughAndOfThoseThatAreNot) {
  metadata_->PutEntry(project_, {"full", "shop.a", "done", R"({"rows":10})"});
  metadata_->PutEntry(project_, {"full", "shop.gone", "done", R"({"rows":0,"dropped":true})"});
  metadata_->PutEntry(project_, {"full", "shop.b", "running", R"({"generation":1})"});
  metadata_->PutChunk(project_, {.id = 1, .table = {"shop", "b"}, .generation = 0});
  metadata_->FinishChunk(project_, 1, 100);  // of a copy that was made again
  metadata_->PutChunk(project_, {.id = 2, .table = {"shop", "b"}, .generation = 1});
  metadata_->FinishChunk(project_, 2, 5);
  metadata_->PutChunk(project_, {.id = 3, .table = {"shop", "b"}, .generation = 1});
  const CopiedFigures copied = CopiedSoFar(*metadata_, project_);
  EXPECT_EQ(copied.tables, 1u);
  EXPECT_EQ(copied.rows, 15u);
}

}  // namespace
}  // namespace godwit
