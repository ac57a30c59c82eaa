// SPDX-License-Identifier: Apache-2.0
#include "pipeline/merge_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit {
namespace {

enum class Code { kUnique, kPlain, kInKey };

// Rows of t(id primary key, code unique, note); one change a call. A cell "?" is absent.
class Window {
 public:
  explicit Window(uint32_t shares, Code code = Code::kUnique) : window_(shares) {
    auto schema = std::make_shared<TableSchema>();
    schema->name = {"d", "t"};
    for (const char* name : {"id", "code", "note"}) {
      ColumnSchema column;
      column.name = name;
      column.type.kind = TypeKind::kInteger;
      column.nullable = false;
      schema->columns.push_back(column);
    }
    schema->indexes.push_back(
        {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}});
    if (code == Code::kInKey) schema->indexes[0].parts.push_back({.column = "code"});
    if (code == Code::kUnique) {
      schema->indexes.push_back(
          {.name = "code", .kind = IndexSchema::Kind::kUnique, .parts = {{.column = "code"}}});
    }
    schema_ = schema;
    From({"d", "t"});
  }

  // Of another table of the source, whose rows go to the same.
  void From(const TableName& source) {
    auto from = std::make_shared<TableSchema>(*schema_);
    from->name = source;
    auto table = std::make_shared<ReplayTable>();
    table->plan = TablePlan::Make(from, schema_, {.destination = schema_->name});
    table->conflicts =
        std::make_unique<ConflictPlan>(*table->plan, 0, std::vector<LiveForeignKey>{});
    table_ = table;
  }

  void Insert(std::vector<std::string> row) { Add(ChangeOp::kInsert, {}, row); }
  void Update(std::vector<std::string> before, std::vector<std::string> after) {
    Add(ChangeOp::kUpdate, before, after);
  }
  void Delete(std::vector<std::string> row) { Add(ChangeOp::kDelete, row, {}); }

  // "+1,1,a", "1,1,a>1,1,b", "-1,1,a" of one share.
  std::vector<std::string> Share(uint32_t share) {
    std::vector<std::string> out;
    window_.Visit(share, 1000, [&](const ChangeRun& run) {
      for (const RowChange& c : run.changes) {
        std::string text = c.op == ChangeOp::kInsert ? "+" : Text(*c.before, c.before_row);
        if (c.op == ChangeOp::kDelete) text = "-" + text;
        if (c.op == ChangeOp::kUpdate) text += ">";
        if (c.op != ChangeOp::kDelete) text += Text(*c.after, c.after_row);
        out.push_back(text);
      }
    });
    return out;
  }
  void Cut() { window_.Cut(); }
  void Apply(ApplyMode mode) { mode_ = mode; }

 private:
  static std::string Text(const RowBatch& rows, size_t row) {
    std::string out;
    for (size_t c = 0; c < rows.columns(); ++c) {
      out += (c ? "," : "") + (rows.is_absent(row, c) ? "?" : std::string(rows.cell(row, c)));
    }
    return out;
  }
  static void AddCells(RowBatch& batch, std::vector<std::string> row) {
    row.resize(3, "?");
    for (const std::string& cell : row) cell == "?" ? batch.AddAbsent() : batch.Add(cell);
  }
  void Add(ChangeOp op, const std::vector<std::string>& before,
           const std::vector<std::string>& after) {
    auto transaction = std::make_unique<ReplayTransaction>();
    ReplayRows& rows = transaction->parts.emplace_back();
    rows.table = table_;
    rows.mode = mode_;
    rows.change.ops = {op};
    rows.change.before.Reset(3);
    rows.change.after.Reset(3);
    AddCells(rows.change.before, before);
    AddCells(rows.change.after, after);
    window_.Add(std::move(transaction));
  }

  MergeWindow window_;
  TableSchemaPtr schema_;
  ApplyMode mode_ = ApplyMode::kExact;
  std::shared_ptr<const ReplayTable> table_;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST(MergeWindow, FoldsTheChangesOfARowWhoseUniqueValuesStay) {
  Window window(1);
  window.Insert({"1", "1", "a"});
  window.Update({"1", "1", "a"}, {"1", "1", "b"});
  window.Update({"2", "2", "x"}, {"2", "2", "y"});
  window.Update({"1", "1", "b"}, {"?", "?", "c"});
  window.Update({"2", "2", "y"}, {"2", "2", "z"});
  window.Insert({"3", "3", "a"});
  window.Delete({"3", "3", "a"});
  window.Update({"4", "4", "a"}, {"4", "4", "b"});
  window.Delete({"4", "4", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("+1,1,c", "2,2,x>2,2,z", "-4,4,a"));
}

TEST(MergeWindow, AMovedUniqueValueKeepsItsPlace) {
  Window window(1);
  window.Update({"1", "7", "a"}, {"1", "8", "a"});
  window.Update({"2", "6", "a"}, {"2", "7", "a"});
  window.Update({"1", "8", "a"}, {"1", "6", "a"});
  window.Update({"1", "6", "a"}, {"1", "6", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("1,7,a>1,8,a", "2,6,a>2,7,a", "1,8,a>1,6,b"));
}

TEST(MergeWindow, ADeleteAndALaterInsertStayApart) {
  Window window(1);
  window.Delete({"1", "7", "a"});
  window.Insert({"2", "7", "a"});
  window.Update({"2", "7", "a"}, {"2", "5", "a"});
  window.Insert({"1", "7", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "+2,7,a", "2,7,a>2,5,a", "+1,7,b"));
}

TEST(MergeWindow, ARowThatComesBackUnderItsOnlyKeyIsUpdated) {
  Window window(1, Code::kPlain);
  window.Delete({"1", "7", "a"});
  window.Insert({"1", "8", "b"});
  window.Update({"1", "8", "b"}, {"?", "?", "c"});
  window.Update({"2", "7", "a"}, {"2", "7", "b"});
  window.Delete({"2", "7", "b"});
  window.Insert({"2", "9", "c"});
  window.Delete({"2", "9", "c"});
  window.Insert({"3", "1", "a"});
  window.Delete({"3", "1", "a"});
  window.Insert({"3", "2", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("1,7,a>1,8,c", "-2,7,a", "+3,2,b"));
}

TEST(MergeWindow, WhatComesBackStaysApartWhereItsKeyWasTaken) {
  Window window(1, Code::kPlain);
  window.Delete({"1", "7", "a"});
  window.Update({"2", "8", "b"}, {"1", "8", "b"});
  window.Update({"1", "8", "b"}, {"3", "8", "b"});
  window.Insert({"1", "9", "c"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "2,8,b>1,8,b", "1,8,b>3,8,b", "+1,9,c"));
}

TEST(MergeWindow, WhatComesBackWithCellsMissingStaysApart) {
  Window window(1, Code::kPlain);
  window.Delete({"1", "7", "a"});
  window.Insert({"1", "?", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "+1,?,b"));
}

TEST(MergeWindow, WhatDisplacesStaysApart) {
  Window window(1, Code::kPlain);
  window.Apply(ApplyMode::kDisplace);
  window.Delete({"1", "7", "a"});
  window.Insert({"1", "8", "b"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "+1,8,b"));
}

TEST(MergeWindow, WhatComesBackStaysApartWhereItsKeyMayHaveBeenTakenUnseen) {
  Window window(1, Code::kPlain);
  window.Delete({"1", "7", "a"});
  window.Insert({"?", "8", "b"});
  window.Insert({"1", "9", "c"});
  window.Cut();
  EXPECT_THAT(window.Share(0), testing::UnorderedElementsAre("-1,7,a", "+?,8,b", "+1,9,c"));
}

TEST(MergeWindow, WhatComesBackStaysApartWhereOtherTablesGoThereToo) {
  Window window(1, Code::kPlain);
  window.Delete({"1", "7", "a"});
  window.From({"d", "other"});
  window.Insert({"1", "8", "b"});
  window.Update({"1", "8", "b"}, {"6", "8", "b"});
  window.From({"d", "t"});
  window.Insert({"1", "9", "c"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "+1,8,b", "1,8,b>6,8,b", "+1,9,c"));
}

TEST(MergeWindow, TheExitPointOfATableKeepsTheLogsOrder) {
  Window window(1, Code::kPlain);
  window.Apply(ApplyMode::kDisplace);
  window.Insert({"9", "1", "a"});
  window.Insert({"1", "1", "a"});
  window.Apply(ApplyMode::kExact);
  window.Update({"9", "1", "a"}, {"9", "1", "b"});
  window.Insert({"2", "1", "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("+9,1,a", "9,1,a>9,1,b", "+1,1,a", "+2,1,a"));
}

TEST(MergeWindow, KeysOfSeveralColumnsLieByAllOfThem) {
  Window window(2, Code::kInKey);
  for (const char* code : {"10", "7", "11", "9"}) window.Insert({"12345678", code, "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("+12345678,7,a", "+12345678,9,a"));
  EXPECT_THAT(window.Share(1), ElementsAre("+12345678,10,a", "+12345678,11,a"));
}

TEST(MergeWindow, SharesAreEqualInWhatIsLeft) {
  Window window(2, Code::kPlain);
  for (int i = 0; i < 100; ++i) {
    window.Update({"1", "1", std::to_string(i)}, {"1", "1", std::to_string(i + 1)});
  }
  for (const char* id : {"2", "3", "4"}) window.Insert({id, "1", "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("1,1,0>1,1,100", "+2,1,a"));
  EXPECT_THAT(window.Share(1), ElementsAre("+3,1,a", "+4,1,a"));
}

TEST(MergeWindow, SharesArePiecesOfTheTableInTheOrderOfItsKey) {
  Window window(2, Code::kPlain);
  for (const char* id : {"10", "7", "100", "8", "9", "11"}) window.Insert({id, "1", "a"});
  window.Update({"100", "1", "a"}, {"300", "1", "a"});
  window.Delete({"7", "1", "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("+8,1,a", "+9,1,a", "+10,1,a"));
  EXPECT_THAT(window.Share(1), ElementsAre("+11,1,a", "+100,1,a", "100,1,a>300,1,a"));
}

TEST(MergeWindow, WhatSharesAUniqueValueStaysInOneShareInOrder) {
  Window window(2);
  window.Delete({"1", "7", "a"});
  window.Insert({"5", "5", "a"});
  window.Insert({"2", "7", "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), ElementsAre("-1,7,a", "+2,7,a"));
  EXPECT_THAT(window.Share(1), ElementsAre("+5,5,a"));
}

TEST(MergeWindow, AllMayFoldAway) {
  Window window(2);
  window.Insert({"1", "7", "a"});
  window.Delete({"1", "7", "a"});
  window.Cut();
  EXPECT_THAT(window.Share(0), IsEmpty());
  EXPECT_THAT(window.Share(1), IsEmpty());
}

TEST(MergeWindow, PartialImagesFoldIntoWhatIsKnown) {
  Window window(1);
  window.Insert({"1", "10", "a"});
  window.Update({"1", "?", "?"}, {"1", "?", "b"});
  window.Update({"2", "?", "?"}, {"2", "?", "c"});
  window.Update({"2", "?", "?"}, {"2", "?", "d"});
  window.Cut();
  EXPECT_THAT(window.Share(0), testing::ElementsAre("+1,10,b", "2,?,?>2,?,d"));
}

// Whose unique value an update without its old one gives up is not known.
TEST(MergeWindow, AnUnknownUniqueValueKeepsTheOrder) {
  Window window(2);
  window.Update({"1", "?", "?"}, {"1", "11", "?"});
  window.Update({"2", "?", "?"}, {"2", "10", "?"});
  window.Cut();
  EXPECT_EQ(window.Share(0).size() + window.Share(1).size(), 2u);
  EXPECT_TRUE(window.Share(0).empty() || window.Share(1).empty());
}

}  // namespace
}  // namespace godwit
