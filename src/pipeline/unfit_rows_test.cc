// SPDX-License-Identifier: Apache-2.0
#include "pipeline/unfit_rows.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <set>

namespace godwit {
namespace {

// Takes rows of (id, v) unless v is "bad"; like a server it keeps what came before the refused one.
class PickySink : public Sink {
 public:
  Fence RaiseEpoch(const std::string&, int) override { return {}; }
  void Attach(const std::string&, int, uint64_t) override {}
  void Begin(const LaneProgress&) override {}
  void Load(const WritePlan&, const RowBatch& rows) override {
    for (size_t row = 0; row < rows.rows(); ++row) {
      if (rows.cell(row, 1) == "gone") {
        throw Error({.code = "CONNECTION_LOST", .kind = ErrorKind::kTransient});
      }
      if (rows.cell(row, 1) == "bad") {
        throw Error({.code = "VALUE_REFUSED",
                     .kind = ErrorKind::kData,
                     .message = std::string(rows.cell(row, 0))});
      }
      ids.emplace_back(rows.cell(row, 0));
    }
  }
  void Savepoint() override { saved_ = ids.size(); }
  void RollbackToSavepoint() override { ids.resize(saved_); }
  void Apply(std::span<const RowChange>, ApplyMode, ForeignKeys) override {}
  void Commit(std::stop_token) override {}
  void Rollback() override {}
  void Execute(const Statement&, std::stop_token) override {}
  void AwaitStatements(Leftover) override {}
  void Forget(const std::string&) override {}
  double Pressure() override { return 0; }
  uint64_t bytes_written() const override { return 0; }

  std::vector<std::string> ids;

 private:
  size_t saved_ = 0;
};

WritePlan Plan(std::vector<int> key) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  table->columns.resize(2);
  table->columns[0].name = "id";
  table->columns[1].name = "v";
  return {.table = table,
          .columns = {0, 1},
          .key = std::move(key),
          .unique_keys = {},
          .byte_texts = {},
          .case_texts = {}};
}

RowBatch Rows(int count, const std::set<int>& bad) {
  RowBatch rows(2);
  for (int i = 0; i < count; ++i) {
    rows.Add(std::to_string(i));
    rows.Add(bad.contains(i) ? "bad" : "good");
  }
  return rows;
}

TEST(LoadWhatFits, LeavesOutTheRefusedRowsAlone) {
  for (const std::set<int>& bad :
       std::vector<std::set<int>>{{}, {0}, {6}, {2, 3}, {0, 1, 2, 3, 4, 5, 6}}) {
    PickySink sink;
    std::vector<std::string> expected;
    for (int i = 0; i < 7; ++i) {
      if (!bad.contains(i)) expected.push_back(std::to_string(i));
    }
    std::set<int> unfit;
    EXPECT_EQ(LoadWhatFits(sink, Plan({0}), Rows(7, bad),
                           [&](UnfitRow row) {
                             EXPECT_EQ(row.description, "id='" + std::to_string(row.row) + "'");
                             EXPECT_EQ(row.error.fields().message, std::to_string(row.row));
                             return unfit.insert(static_cast<int>(row.row)).second;
                           }),
              expected.size());
    EXPECT_EQ(sink.ids, expected);
    EXPECT_EQ(unfit, bad);
  }
}

TEST(LoadWhatFits, EndsWhenToldAndThrowsWhatIsNoRowsFault) {
  PickySink sink;
  int calls = 0;
  LoadWhatFits(sink, Plan({0}), Rows(9, {1, 2, 8}), [&](UnfitRow) { return ++calls < 2; });
  EXPECT_EQ(calls, 2);
  RowBatch rows(2);
  rows.Add("1");
  rows.Add("gone");
  EXPECT_THROW(LoadWhatFits(sink, Plan({0}), rows, [](UnfitRow) { return true; }), Error);
}

TEST(LeftOutRows, RemembersARowByItsKeyOrByAllOfIt) {
  const auto path =
      std::filesystem::temp_directory_path() / ("godwit-unfit-" + std::to_string(getpid()) + ".db");
  {
    auto metadata = Metadata::Open(path);
    const int64_t project = metadata->CreateProject("p", "{}").id;
    const TableName table{"d", "t"};
    const auto unfit = [](const WritePlan& plan, const char* id) {
      RowBatch rows(2);
      rows.Add(id);
      rows.Add("bad");
      std::vector<UnfitRow> found;
      PickySink sink;
      LoadWhatFits(sink, plan, rows, [&](UnfitRow row) {
        found.push_back(std::move(row));
        return true;
      });
      return found.at(0);
    };
    LeftOutRows left_out(*metadata, project);
    const UnfitRow one = unfit(Plan({0}), "1");
    left_out.Note(table, one, {Answer::Choice::kRetry, ""});
    EXPECT_FALSE(left_out.Contains(table, one));
    left_out.Note(table, one, {Answer::Choice::kSkip, ""});
    LeftOutRows later(*metadata, project);
    EXPECT_TRUE(later.Contains(table, unfit(Plan({0}), "1")));
    EXPECT_FALSE(later.Contains(table, unfit(Plan({0}), "11")));
    EXPECT_FALSE(later.Contains({"d", "u"}, one));
    EXPECT_FALSE(later.Contains(table, unfit(Plan({}), "1")));
    EXPECT_FALSE(later.Contains(table, unfit(Plan({0, 1}), "1")));
  }
  std::filesystem::remove(path);
}

TEST(LeftOutRows, ForgetsWhatWasWrittenByHandInATableThatIsEmptied) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("godwit-emptied-" + std::to_string(getpid()) + ".db");
  {
    auto metadata = Metadata::Open(path);
    const int64_t project = metadata->CreateProject("p", "{}").id;
    const TableName table{"d", "t"};
    const TableName other{"d", "t2"};
    const TableName destination{"there", "t"};
    const auto row = [](std::string id) {
      return UnfitRow{
          .row = 0, .id = std::move(id), .description = "a row", .error = Error(ErrorFields{})};
    };
    LeftOutRows left_out(*metadata, project);
    left_out.Note(table, row("1"), {Answer::Choice::kDone, ""});
    left_out.Note(table, row("2"), {Answer::Choice::kSkip, ""});
    left_out.Note(other, row("1"), {Answer::Choice::kDone, ""});
    const auto answered = [&](const TableName& name, const char* status) {
      const BlockedItem item = ItemOf(name, row("3"));
      return metadata->AddFinding(project, {.stage = item.stage,
                                            .kind = item.kind,
                                            .object = item.object,
                                            .status = status,
                                            .detail = "{}"});
    };
    const int64_t done = answered(destination, "done");
    const int64_t skipped = answered(destination, "skip");
    const int64_t elsewhere = answered(other, "done");
    left_out.ForgetDone(table, destination);
    EXPECT_FALSE(left_out.Contains(table, row("1")));
    EXPECT_TRUE(left_out.Contains(table, row("2")));
    EXPECT_TRUE(left_out.Contains(other, row("1")));
    EXPECT_EQ(metadata->FindFinding(project, done)->status, "open");
    EXPECT_EQ(metadata->FindFinding(project, skipped)->status, "skip");
    EXPECT_EQ(metadata->FindFinding(project, elsewhere)->status, "done");
    left_out.Note(table, row("1"), {Answer::Choice::kDone, ""});
    EXPECT_TRUE(left_out.Contains(table, row("1")));
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace godwit
