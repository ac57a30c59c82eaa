// SPDX-License-Identifier: Apache-2.0
#include "pipeline/table_plan_losses.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "pipeline/table_plan.h"

namespace godwit {
namespace {

using enum TypeKind;

ColumnSchema Column(const std::string& name, LogicalType type, const std::string& words = "") {
  ColumnSchema column;
  column.name = name;
  column.type = std::move(type);
  column.native_type = words;
  return column;
}

bool Loses(const LogicalType& from, const LogicalType& to, const std::string& from_words = "",
           const std::string& to_words = "") {
  return !LossOf(Column("c", from, from_words), Column("c", to, to_words)).empty();
}

LogicalType Integer(int bits) { return {.kind = kInteger, .bits = bits}; }
LogicalType Decimal(int precision, int scale) {
  return {.kind = kDecimal, .precision = precision, .scale = scale};
}
LogicalType Float(int bits) { return {.kind = kFloat, .bits = bits}; }
LogicalType Moment(TypeKind kind, int fsp) { return {.kind = kind, .fsp = fsp}; }
LogicalType Sized(TypeKind kind, uint64_t length) { return {.kind = kind, .length = length}; }
LogicalType Labelled(TypeKind kind, std::vector<std::string> labels) {
  return {.kind = kind, .labels = std::move(labels)};
}

TEST(LossOf, NumbersAreRounded) {
  EXPECT_TRUE(Loses(Decimal(10, 4), Decimal(10, 2)));
  EXPECT_FALSE(Loses(Decimal(10, 2), Decimal(12, 4)));
  EXPECT_TRUE(Loses(Decimal(10, 1), Integer(64)));
  EXPECT_FALSE(Loses(Decimal(10, 0), Integer(64)));
  EXPECT_FALSE(Loses(Integer(64), Decimal(20, 0)));
  EXPECT_TRUE(Loses(Float(64), Decimal(65, 30)));
  EXPECT_TRUE(Loses(Float(64), Float(32)));
  EXPECT_FALSE(Loses(Float(32), Float(64)));
  EXPECT_TRUE(Loses(Integer(64), Float(64)));
  EXPECT_FALSE(Loses(Integer(32), Float(64)));
  EXPECT_TRUE(Loses(Integer(32), Float(32)));
  EXPECT_TRUE(Loses(Decimal(16, 2), Float(64)));
  EXPECT_FALSE(Loses(Integer(32), Integer(8))) << "the server refuses what is too large";
}

TEST(LossOf, AFloatingPointNumbersDigitsStandInItsWords) {
  EXPECT_TRUE(Loses(Float(32), Float(32), "float", "float(7,3)"));
  EXPECT_TRUE(Loses(Float(64), Float(64), "double(20,4)", "double(20,2)"));
  EXPECT_FALSE(Loses(Float(32), Float(32), "float(7,3)", "float(7,3) unsigned"));
  EXPECT_FALSE(Loses(Float(32), Float(32), "float(7,3)", "float"));
  EXPECT_TRUE(Loses(Decimal(5, 2), Float(64), "decimal(5,2)", "double(10,1)"));
}

TEST(LossOf, AYearTakesSmallNumbersForOthers) {
  EXPECT_TRUE(Loses(Integer(16), Integer(16), "smallint", "year"));
  EXPECT_FALSE(Loses(Integer(16), Integer(16), "year(2)", "year(4)"));
  EXPECT_FALSE(Loses(Integer(16), Integer(32), "year", "int"));
}

TEST(LossOf, MomentsAreRoundedAndCut) {
  EXPECT_TRUE(Loses(Moment(kDatetime, 6), Moment(kDatetime, 0)));
  EXPECT_TRUE(Loses(Moment(kTimestamp, 3), Moment(kDatetime, 2)));
  EXPECT_TRUE(Loses(Moment(kTime, 1), Moment(kTime, 0)));
  EXPECT_FALSE(Loses(Moment(kDatetime, 0), Moment(kDatetime, 6)));
  EXPECT_FALSE(Loses(Moment(kTimestamp, 6), Moment(kDatetime, 6)));
  EXPECT_TRUE(Loses(Moment(kDatetime, 0), Moment(kDate, 0)));
  EXPECT_FALSE(Loses(Moment(kDate, 0), Moment(kDatetime, 0)));
  EXPECT_TRUE(Loses(Moment(kTime, 0), Moment(kDatetime, 0))) << "it would get today's date";
  EXPECT_TRUE(Loses(Moment(kDatetime, 0), Moment(kTime, 0)));
}

TEST(LossOf, FixedLengthsFillUpOrCut) {
  EXPECT_TRUE(Loses(Sized(kVarbinary, 8), Sized(kBinary, 8)));
  EXPECT_TRUE(Loses(Sized(kBinary, 8), Sized(kBinary, 16)));
  EXPECT_FALSE(Loses(Sized(kBinary, 8), Sized(kBinary, 8)));
  EXPECT_FALSE(Loses(Sized(kBinary, 8), Sized(kVarbinary, 8)));
  EXPECT_TRUE(Loses(Sized(kVarchar, 8), Sized(kChar, 8)));
  EXPECT_FALSE(Loses(Sized(kChar, 8), Sized(kVarchar, 8)));
  EXPECT_FALSE(Loses(Sized(kVarchar, 20), Sized(kVarchar, 5))) << "refused, not cut";
}

TEST(LossOf, LabelsAreTakenForOthers) {
  EXPECT_FALSE(Loses(Labelled(kEnum, {"a", "b"}), Labelled(kEnum, {"b", "a", "c"})));
  EXPECT_FALSE(Loses(Labelled(kEnum, {"a", "b"}), Labelled(kEnum, {"a"}))) << "refused";
  EXPECT_TRUE(Loses(Labelled(kEnum, {"a", "2"}), Labelled(kEnum, {"a", "b"})));
  EXPECT_TRUE(Loses(Labelled(kSet, {"A"}), Labelled(kSet, {"a"})));
  EXPECT_TRUE(Loses(Sized(kVarchar, 9), Labelled(kEnum, {"a"})));
  EXPECT_FALSE(Loses(Labelled(kEnum, {"a"}), Sized(kVarchar, 9)));
}

TEST(LossOf, AnotherKindIsAnotherValue) {
  EXPECT_TRUE(Loses(Sized(kVarchar, 9), Integer(64)));
  EXPECT_TRUE(Loses(Sized(kVarchar, 9), Moment(kDatetime, 6)));
  EXPECT_TRUE(Loses(Sized(kBit, 8), Integer(8))) << "its bytes would be read as digits";
  EXPECT_TRUE(Loses(Integer(8), Sized(kBit, 8)));
  EXPECT_FALSE(Loses(Integer(64), Sized(kVarchar, 30)));
  EXPECT_FALSE(Loses({.kind = kJson}, Sized(kText, 1 << 20)));
  EXPECT_FALSE(Loses(Sized(kText, 1 << 20), {.kind = kJson}));
  EXPECT_FALSE(Loses(Sized(kBlob, 12), Sized(kVarbinary, 12))) << "a VECTOR, where there is none";
  EXPECT_FALSE(Loses({.kind = kUnknown}, Sized(kVarchar, 9)));
}

// t(id primary key, at, n) with the destination's names.
TableSchemaPtr Table(const char* at, int fsp, int scale) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  table->columns = {Column("id", Integer(32)), Column(at, Moment(kDatetime, fsp)),
                    Column("n", Decimal(10, scale))};
  table->indexes.push_back(
      {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}});
  return table;
}

TEST(TablePlanLosses, AreRefusedByTheNamesOfTheColumns) {
  TableMapping mapping;
  mapping.column_names = {{"at", "moment"}};
  const auto source = Table("at", 6, 4);
  const auto coarser = Table("moment", 0, 2);
  try {
    TablePlan::Make(source, coarser, mapping);
    ADD_FAILURE() << "it must be refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "PLAN_COLUMN_COARSER");
    EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
    EXPECT_NE(error.fields().message.find("column moment"), std::string::npos) << error.what();
    EXPECT_NE(error.fields().message.find("column n"), std::string::npos) << error.what();
    EXPECT_EQ(error.fields().object, "d.t");
  }
  EXPECT_EQ(FindLossyColumns(*source, *coarser, mapping).size(), 2u);
  EXPECT_NO_THROW(TablePlan::ForComparing(source, coarser, mapping));
  EXPECT_NO_THROW(TablePlan::Make(coarser, Table("moment", 3, 2), {}));
  mapping.excluded_columns = {"at", "n"};
  EXPECT_NO_THROW(TablePlan::Make(source, coarser, mapping));
}

}  // namespace
}  // namespace godwit
