// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

constexpr const char* kLink = "contract_link";

class SinkContract : public Contract {
 protected:
  void SetUp() override {
    Contract::SetUp();
    table_ = subject_->Make(Shape::kKeyed, "written");
    plan_ = WriteOf(table_);
    sink_ = endpoint().OpenSink();
    sink_->Forget(kLink);
    epoch_ = sink_->RaiseEpoch(kLink, 2).epoch;
    sink_->Attach(kLink, 0, epoch_);
  }
  void TearDown() override {
    if (!sink_) return;
    endpoint().OpenSink()->Forget(kLink);
  }

  struct Change {
    ChangeOp op;
    Cells before;
    Cells after;
  };
  void Apply(Sink& sink, const WritePlan& plan, const std::vector<Change>& changes,
             ApplyMode mode) {
    RowBatch before(plan.columns.size());
    RowBatch after(plan.columns.size());
    const Cells none(plan.columns.size());
    std::vector<RowChange> refs;
    for (const Change& change : changes) {
      const size_t row = refs.size();
      AddRow(before, change.before.empty() ? none : change.before);
      AddRow(after, change.after.empty() ? none : change.after);
      RowChange ref{.plan = &plan, .op = change.op};
      if (change.op != ChangeOp::kInsert) ref.before = &before, ref.before_row = row;
      if (change.op != ChangeOp::kDelete) ref.after = &after, ref.after_row = row;
      refs.push_back(ref);
    }
    sink.Apply(refs, mode, ForeignKeys::kOff);
  }
  // One whole transaction; the code of its error after a rollback, "" if none.
  std::string Commit(const std::vector<Change>& changes, ApplyMode mode) {
    return CommitTo(plan_, changes, mode);
  }
  std::string CommitTo(const WritePlan& plan, const std::vector<Change>& changes, ApplyMode mode) {
    std::string code = CodeOf([&] {
      sink_->Begin({});
      Apply(*sink_, plan, changes, mode);
      sink_->Commit({});
    });
    if (!code.empty()) sink_->Rollback();
    return code;
  }
  LaneProgress ProgressOfLane(int lane) {
    for (const LaneState& state : endpoint().OpenSink()->RaiseEpoch(kLink, 1).lanes) {
      if (state.lane == lane) return state.progress;
    }
    ADD_FAILURE() << "no such lane";
    return {};
  }

  TableSchemaPtr table_;
  WritePlan plan_;
  std::unique_ptr<Sink> sink_;
  uint64_t epoch_ = 0;
};
GODWIT_CONTRACT(SinkContract);

const Cells kOne = {"1", "c1", "a", std::nullopt};
const Cells kTwo = {"2", "c2", "", "b"};

TEST_P(SinkContract, LoadsRowsAsTheyAre) {
  const std::vector<Cells> rows = {kOne, kTwo, {"3", std::nullopt, "it's \\ \"q\" \n", "ü北😀"}};
  sink_->Begin({});
  sink_->Load(plan_, BatchOf(rows));
  EXPECT_TRUE(ReadAll(table_).empty());
  sink_->Commit({});
  EXPECT_EQ(ReadAll(table_), rows);
  EXPECT_GT(sink_->bytes_written(), 0u);
}

TEST_P(SinkContract, LoadDisplacesOnAnyUniqueKey) {
  Write(*table_, {{"1", "c2", "old", "old"}, {"9", "c1", "old", "old"}});
  sink_->Begin({});
  sink_->Load(plan_, BatchOf({kOne, kTwo}));
  sink_->Commit({});
  EXPECT_EQ(ReadAll(table_), (std::vector<Cells>{kOne, kTwo}));
}

TEST_P(SinkContract, ASavepointUndoesALoadThatFailed) {
  const WritePlan plan = WriteOf(subject_->Make(Shape::kKeyed, "sink_savepoint"));
  const auto refused = BatchOf({{"3", "c3", "a", "a"}, {std::nullopt, "c4", "a", "a"}});
  sink_->Begin({});
  sink_->Load(plan, BatchOf({kOne}));
  sink_->Savepoint();
  try {
    sink_->Load(plan, refused);
    ADD_FAILURE() << "a key cannot be NULL";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData) << error.what();
  }
  sink_->RollbackToSavepoint();
  sink_->Savepoint();
  sink_->Load(plan, BatchOf({kTwo}));
  sink_->RollbackToSavepoint();
  sink_->Load(plan, BatchOf({{"5", "c2", "later", "later"}}));
  sink_->Commit({});
  EXPECT_EQ(ReadAll(plan.table), (std::vector<Cells>{kOne, {"5", "c2", "later", "later"}}));
}

TEST_P(SinkContract, AppliesExactly) {
  EXPECT_EQ(
      Commit({{ChangeOp::kInsert, {}, kOne}, {ChangeOp::kInsert, {}, kTwo}}, ApplyMode::kExact),
      "");
  EXPECT_EQ(Commit({{ChangeOp::kUpdate, kOne, {"7", "c1", "new", std::nullopt}},
                    {ChangeOp::kDelete, kTwo, {}}},
                   ApplyMode::kExact),
            "");
  EXPECT_EQ(ReadAll(table_), (std::vector<Cells>{{"7", "c1", "new", std::nullopt}}));
}

TEST_P(SinkContract, AnExactClashOrMissingRowIsAnErrorAndNothingIsWritten) {
  Write(*table_, {kOne, kTwo});
  const std::vector<std::pair<Change, std::string>> cases = {
      {{ChangeOp::kInsert, {}, {"1", "new", "", ""}}, "CHANGE_ROW_EXISTS"},
      {{ChangeOp::kInsert, {}, {"3", "c1", "", ""}}, "CHANGE_ROW_EXISTS"},
      {{ChangeOp::kUpdate, kOne, {"2", "c1", "", ""}}, "CHANGE_ROW_EXISTS"},
      {{ChangeOp::kUpdate, kOne, {"1", "c2", "", ""}}, "CHANGE_ROW_EXISTS"},
      {{ChangeOp::kUpdate, {"5", "c5", "", ""}, {"5", "c5", "x", ""}}, "CHANGE_ROW_MISSING"},
      {{ChangeOp::kDelete, {"5", "c5", "", ""}, {}}, "CHANGE_ROW_MISSING"},
  };
  for (const auto& [change, code] : cases) {
    EXPECT_EQ(Commit({{ChangeOp::kInsert, {}, {"8", "c8", "", ""}}, change}, ApplyMode::kExact),
              code);
    EXPECT_EQ(ReadAll(table_), (std::vector<Cells>{kOne, kTwo}));
  }
}

TEST_P(SinkContract, AnUpdateThatChangesNothingFindsItsRow) {
  Write(*table_, {kOne});
  EXPECT_EQ(Commit({{ChangeOp::kUpdate, kOne, kOne}}, ApplyMode::kExact), "");
}

TEST_P(SinkContract, DisplacesUntilTheImageIsThere) {
  Write(*table_, {kOne, kTwo, {"3", "c3", "", ""}});
  // Takes the key of one row and the code of another; its own old row is not there.
  EXPECT_EQ(Commit({{ChangeOp::kUpdate, {"9", "c9", "", ""}, {"1", "c2", "new", ""}},
                    {ChangeOp::kDelete, {"5", "c5", "", ""}, {}},
                    {ChangeOp::kUpdate, {"3", "c3", "", ""}, {"4", "c3", "moved", ""}}},
                   ApplyMode::kDisplace),
            "");
  EXPECT_EQ(ReadAll(table_),
            (std::vector<Cells>{{"1", "c2", "new", ""}, {"4", "c3", "moved", ""}}));
}

TEST_P(SinkContract, DisplacingUpdatesKeepWhatIsNotCarried) {
  Write(*table_, {{"1", "c1", "a", "kept"}, {"2", "c2", "a", "kept"}, {"3", "c3", "a", "kept"}});
  WritePlan plan = plan_;
  plan.columns.pop_back();
  // One takes the code of another, one moves to another key, one is not there.
  EXPECT_EQ(CommitTo(plan,
                     {{ChangeOp::kUpdate, {"1", "c1", "a"}, {"1", "c2", "x"}},
                      {ChangeOp::kUpdate, {"3", "c3", "a"}, {"4", "c3", "y"}},
                      {ChangeOp::kUpdate, {"9", "c9", "a"}, {"9", "c9", "z"}}},
                     ApplyMode::kDisplace),
            "");
  EXPECT_EQ(ReadAll(table_), (std::vector<Cells>{{"1", "c2", "x", "kept"},
                                                 {"4", "c3", "y", "kept"},
                                                 {"9", "c9", "z", std::nullopt}}));
}

TEST_P(SinkContract, DisplacingTwiceIsAsGoodAsOnce) {
  const std::vector<Change> changes = {{ChangeOp::kInsert, {}, kOne},
                                       {ChangeOp::kUpdate, kOne, {"2", "c1", "x", "y"}},
                                       {ChangeOp::kInsert, {}, {"1", "c9", "", ""}}};
  EXPECT_EQ(Commit(changes, ApplyMode::kDisplace), "");
  const std::vector<Cells> once = ReadAll(table_);
  EXPECT_EQ(once, (std::vector<Cells>{{"1", "c9", "", ""}, {"2", "c1", "x", "y"}}));
  EXPECT_EQ(Commit(changes, ApplyMode::kDisplace), "");
  EXPECT_EQ(ReadAll(table_), once);
}

TEST_P(SinkContract, ChangesOfOneRowKeepTheirOrder) {
  EXPECT_EQ(Commit({{ChangeOp::kInsert, {}, kOne},
                    {ChangeOp::kDelete, kOne, {}},
                    {ChangeOp::kInsert, {}, {"2", "c1", "", ""}},
                    {ChangeOp::kUpdate, {"2", "c1", "", ""}, {"1", "c1", "end", ""}}},
                   ApplyMode::kExact),
            "");
  EXPECT_EQ(ReadAll(table_), (std::vector<Cells>{{"1", "c1", "end", ""}}));
}

TEST_P(SinkContract, AKeylessImageMatchesOneRow) {
  auto table = subject_->Make(Shape::kKeyless, "keyless");
  const WritePlan plan = WriteOf(table);
  Write(*table, {{"x", std::nullopt}, {"x", std::nullopt}, {"x", ""}});
  EXPECT_EQ(CommitTo(plan, {{ChangeOp::kDelete, {"x", std::nullopt}, {}}}, ApplyMode::kExact), "");
  EXPECT_EQ(CommitTo(plan, {{ChangeOp::kUpdate, {"x", ""}, {"y", "z"}}}, ApplyMode::kExact), "");
  std::vector<Cells> rows = ReadAll(table);
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(rows, (std::vector<Cells>{{"x", std::nullopt}, {"y", "z"}}));
  EXPECT_EQ(CommitTo(plan, {{ChangeOp::kDelete, {"y", std::nullopt}, {}}}, ApplyMode::kExact),
            "CHANGE_ROW_MISSING");
}

TEST_P(SinkContract, ProgressCommitsWithTheData) {
  LaneProgress progress;
  progress.low = 7;
  progress.done = {9, 12};
  progress.shares = {{20, 31, 4, 2}};
  progress.chunks = {3};
  sink_->Begin(progress);
  sink_->Load(plan_, BatchOf({kOne}));
  sink_->Commit({});
  EXPECT_EQ(ProgressOfLane(0), progress);
  EXPECT_EQ(ReadAll(table_).size(), 1u);
}

TEST_P(SinkContract, ProgressIsForgottenWithTheData) {
  LaneProgress progress;
  progress.low = 7;
  sink_->Begin(progress);
  sink_->Load(plan_, BatchOf({kOne}));
  sink_->Rollback();
  EXPECT_TRUE(ReadAll(table_).empty());
  EXPECT_EQ(ProgressOfLane(0), LaneProgress{});
}

TEST_P(SinkContract, ANewEpochFencesEveryLane) {
  auto successor = endpoint().OpenSink();
  const Sink::Fence fence = successor->RaiseEpoch(kLink, 1);
  EXPECT_GT(fence.epoch, epoch_);
  EXPECT_EQ(fence.lanes.size(), 2u);  // those above the new number too
  EXPECT_EQ(CodeOf([&] { sink_->Begin({}); }), "FENCED");
  const Statement drop{Statement::Part::kTable, table_->name, "",
                       endpoint().dialect().DropTable(table_->name)};
  EXPECT_EQ(CodeOf([&] { sink_->Execute(drop, {}); }), "FENCED");
  EXPECT_TRUE(endpoint().OpenCatalog()->Table(table_->name).has_value());
  successor->Attach(kLink, 0, fence.epoch);
  successor->Begin({});
  successor->Load(plan_, BatchOf({kOne}));
  successor->Commit({});
  EXPECT_EQ(ReadAll(table_).size(), 1u);
}

TEST_P(SinkContract, LinksDoNotFenceEachOther) {
  auto other = endpoint().OpenSink();
  other->RaiseEpoch("contract_other", 1);
  EXPECT_EQ(Commit({{ChangeOp::kInsert, {}, kOne}}, ApplyMode::kExact), "");
  other->Forget("contract_other");
}

TEST_P(SinkContract, AnUnknownCommitIsResolvedByTheLaneRow) {
  for (bool happened : {true, false}) {
    if (!subject_->LoseNextCommitAnswer(happened)) GTEST_SKIP() << "cannot be provoked here";
    const Cells row = happened ? kOne : kTwo;
    sink_->Begin({});
    sink_->Load(plan_, BatchOf({row}));
    ErrorKind kind = ErrorKind::kBug;
    try {
      sink_->Commit({});
      EXPECT_TRUE(happened);
    } catch (const Error& error) {
      kind = error.kind();
      EXPECT_FALSE(happened) << error.what();
      EXPECT_EQ(kind, ErrorKind::kTransient);
    }
    EXPECT_EQ(ReadAll(table_), std::vector<Cells>{kOne});
  }
}

}  // namespace
}  // namespace godwit::contract
