// SPDX-License-Identifier: Apache-2.0
#include "pipeline/table_plan.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace godwit {
namespace {

using Texts = std::vector<std::string>;

ColumnSchema Column(const std::string& name, const char* literal = nullptr) {
  ColumnSchema column;
  column.name = name;
  column.type.kind = TypeKind::kInteger;
  if (literal != nullptr) {
    column.default_value =
        ColumnSchema::Default{.kind = ColumnSchema::Default::Kind::kLiteral, .text = literal};
  }
  return column;
}

// t(id primary key, a, b default 7).
std::shared_ptr<TableSchema> Table() {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  table->columns = {Column("id"), Column("a"), Column("b", "7")};
  table->indexes.push_back(
      {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}});
  return table;
}

// "?" is a cell that the log leaves out.
void AddRow(RowBatch& rows, const Texts& cells) {
  for (const std::string& cell : cells) cell == "?" ? rows.AddAbsent() : rows.Add(cell);
}

std::string Text(const RowBatch& rows, size_t row) {
  std::string out;
  for (size_t c = 0; c < rows.columns(); ++c) {
    out += c != 0 ? "," : "";
    out += rows.is_absent(row, c) ? "?" : std::string(rows.cell(row, c));
  }
  return out;
}

RowsChange Change(const TableSchemaPtr& table, ChangeOp op, const Texts& before,
                  const Texts& after) {
  RowsChange change;
  change.op = op;
  change.table = table;
  change.before.Reset(table->columns.size());
  change.after.Reset(table->columns.size());
  if (!before.empty()) AddRow(change.before, before);
  if (!after.empty()) AddRow(change.after, after);
  return change;
}

class PartialImages : public testing::Test {
 protected:
  std::string Map(ChangeOp op, const Texts& before, const Texts& after) {
    auto plan = TablePlan::Make(source_, destination_, mapping_);
    MappedChange out;
    plan->MapChange(Change(source_, op, before, after), out);
    if (out.ops.empty()) return "nothing";
    std::string text;
    if (out.ops[0] != ChangeOp::kInsert) text += Text(out.before, 0);
    text += ">";
    if (out.ops[0] != ChangeOp::kDelete) text += Text(out.after, 0);
    return text;
  }
  bool IsRefused(ChangeOp op, const Texts& before, const Texts& after) {
    try {
      Map(op, before, after);
      return false;
    } catch (const Error& error) {
      return error.code() == "CHANGE_IMAGE_PARTIAL" && error.kind() == ErrorKind::kBlocked;
    }
  }

  std::shared_ptr<TableSchema> source_ = Table();
  std::shared_ptr<TableSchema> destination_ = Table();
  TableMapping mapping_{.destination = {"d", "t"}};
};

TEST_F(PartialImages, AnUpdateNeedsOnlyItsKeyAndWhatChanged) {
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"1", "?", "?"}, {"?", "5", "?"}), "1,?,?>1,5,?");
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"1", "?", "?"}, {"2", "?", "?"}), "1,?,?>2,?,?");
  EXPECT_EQ(Map(ChangeOp::kDelete, {"1", "?", "?"}, {}), "1,?,?>");
}

TEST_F(PartialImages, TheNewImageTakesFromTheOldOne) {
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"1", "2", "3"}, {"?", "5", "?"}), "1,2,3>1,5,3");
}

TEST_F(PartialImages, ARowIsNotFoundByLessThanItsKey) {
  EXPECT_TRUE(IsRefused(ChangeOp::kUpdate, {"?", "2", "?"}, {"?", "5", "?"}));
  EXPECT_TRUE(IsRefused(ChangeOp::kDelete, {"?", "2", "3"}, {}));
  source_->indexes.clear();
  EXPECT_TRUE(IsRefused(ChangeOp::kDelete, {"1", "?", "3"}, {}));
  EXPECT_EQ(Map(ChangeOp::kDelete, {"1", "2", "3"}, {}), "1,2,3>");
}

TEST_F(PartialImages, AKeyThatIsNotUniqueAtTheDestinationFindsNothing) {
  destination_->indexes.clear();
  EXPECT_TRUE(IsRefused(ChangeOp::kUpdate, {"1", "?", "?"}, {"?", "5", "?"}));
}

TEST_F(PartialImages, AnInsertMayLeaveADefaultOutThatBothSidesHave) {
  EXPECT_EQ(Map(ChangeOp::kInsert, {}, {"1", "2", "?"}), ">1,2,?");
  EXPECT_TRUE(IsRefused(ChangeOp::kInsert, {}, {"1", "?", "3"}));
  destination_->columns[2].default_value->text = "7.0";
  EXPECT_FALSE(IsRefused(ChangeOp::kInsert, {}, {"1", "2", "?"}));
  destination_->columns[2].default_value->text = "8";
  EXPECT_TRUE(IsRefused(ChangeOp::kInsert, {}, {"1", "2", "?"}));
  destination_->columns[2].default_value->kind = ColumnSchema::Default::Kind::kExpression;
  EXPECT_TRUE(IsRefused(ChangeOp::kInsert, {}, {"1", "2", "?"}));
}

TEST_F(PartialImages, AFilterIsNeverGuessed) {
  mapping_.where = "a < 10";
  EXPECT_TRUE(IsRefused(ChangeOp::kUpdate, {"1", "?", "?"}, {"?", "?", "4"}));
  EXPECT_TRUE(IsRefused(ChangeOp::kDelete, {"1", "?", "?"}, {}));
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"1", "5", "?"}, {"?", "?", "4"}), "1,5,?>1,5,4");
}

TEST_F(PartialImages, ARowThatComesIntoTheFilterMustBeWhole) {
  mapping_.where = "id < 10";
  EXPECT_TRUE(IsRefused(ChangeOp::kUpdate, {"11", "?", "?"}, {"1", "?", "?"}));
  EXPECT_TRUE(IsRefused(ChangeOp::kUpdate, {"11", "2", "?"}, {"1", "?", "?"}));
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"11", "2", "?"}, {"1", "?", "3"}), ">1,2,3");
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"1", "?", "?"}, {"11", "?", "?"}), "1,?,?>");
  EXPECT_EQ(Map(ChangeOp::kUpdate, {"11", "?", "?"}, {"12", "?", "?"}), "nothing");
}

TEST_F(PartialImages, AChangeThatIsRefusedIsAsItWas) {
  auto plan = TablePlan::Make(source_, destination_, mapping_);
  RowsChange change = Change(source_, ChangeOp::kUpdate, {"?", "2", "3"}, {"1", "5", "3"});
  MappedChange out;
  EXPECT_THROW(plan->MapChange(std::move(change), out), Error);
  EXPECT_EQ(Text(change.before, 0) + ">" + Text(change.after, 0), "?,2,3>1,5,3");
}

TEST_F(PartialImages, AreToldFromWholeOnes) {
  auto is_partial = [&](ChangeOp op, const Texts& before, const Texts& after) {
    return Change(source_, op, before, after).has_partial_images();
  };
  EXPECT_TRUE(is_partial(ChangeOp::kUpdate, {"1", "?", "?"}, {"?", "5", "?"}));
  EXPECT_TRUE(is_partial(ChangeOp::kInsert, {}, {"1", "2", "?"}));
  EXPECT_FALSE(is_partial(ChangeOp::kUpdate, {"1", "2", "3"}, {"?", "5", "?"}));
  EXPECT_FALSE(is_partial(ChangeOp::kUpdate, {"1", "?", "?"}, {"1", "2", "3"}));
  EXPECT_FALSE(is_partial(ChangeOp::kDelete, {"1", "?", "?"}, {}));
  source_->columns[2].generated = ColumnSchema::Generated::kVirtual;
  EXPECT_FALSE(is_partial(ChangeOp::kInsert, {}, {"1", "2", "?"}));
}

}  // namespace
}  // namespace godwit
