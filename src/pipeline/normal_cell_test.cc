// SPDX-License-Identifier: Apache-2.0
#include "pipeline/normal_cell.h"

#include <gtest/gtest.h>

namespace godwit {
namespace {

using enum TypeKind;

// Whether the two cells count as one value; what one type has written is always equal to itself.
bool AreOne(const LogicalType& a, std::string_view x, const LogicalType& b, std::string_view y) {
  const NormalCell form = NormalCellOf(a, b);
  EXPECT_EQ(form, NormalCellOf(b, a));
  return Normalized(form, x) == Normalized(form, y);
}

LogicalType Integer(int bits = 32) { return {.kind = kInteger, .bits = bits}; }
LogicalType Decimal(int scale, int precision = 20) {
  return {.kind = kDecimal, .precision = precision, .scale = scale};
}
LogicalType Double() { return {.kind = kFloat, .bits = 64}; }
LogicalType Moment(TypeKind kind, int fsp = 0) { return {.kind = kind, .fsp = fsp}; }
LogicalType Set(std::vector<std::string> labels) {
  return {.kind = kSet, .labels = std::move(labels)};
}

TEST(NormalCell, NumbersAreEqualByValue) {
  EXPECT_TRUE(AreOne(Decimal(2), "-1.50", Decimal(4), "-1.5000"));
  EXPECT_FALSE(AreOne(Decimal(2), "-1.50", Decimal(4), "-1.5001"));
  EXPECT_TRUE(AreOne(Integer(), "100", Decimal(2), "100.00"));
  EXPECT_FALSE(AreOne(Integer(), "1", Decimal(2), "100.00"));
  EXPECT_TRUE(AreOne(Integer(), "0", Decimal(1), "0.0"));
  EXPECT_TRUE(AreOne(Integer(), "1000000", Double(), "1e+06"));
  EXPECT_TRUE(AreOne(Decimal(2, 15), "0.10", Double(), "0.1"));
  EXPECT_FALSE(AreOne(Decimal(2, 15), "0.10", Double(), "0.11"));
  // Two that one double stands for are two values.
  EXPECT_FALSE(AreOne(Integer(64), "9007199254740993", Double(), "9007199254740992"));
  EXPECT_FALSE(AreOne(Decimal(4), "1.0000000000000001", Double(), "1"));
  EXPECT_TRUE(AreOne({.kind = kFloat, .bits = 32}, "0.1", Double(), "0.1"));
}

TEST(NormalCell, MomentsAreEqualByValue) {
  EXPECT_TRUE(AreOne(Moment(kDatetime), "2020-01-02 03:04:05", Moment(kDatetime, 3),
                     "2020-01-02 03:04:05.000"));
  EXPECT_FALSE(AreOne(Moment(kDatetime), "2020-01-02 03:04:05", Moment(kDatetime, 3),
                      "2020-01-02 03:04:05.001"));
  EXPECT_TRUE(AreOne(Moment(kDate), "2020-01-02", Moment(kDatetime), "2020-01-02 00:00:00"));
  EXPECT_TRUE(AreOne(Moment(kTime, 1), "-100:00:00.5", Moment(kTime, 6), "-100:00:00.500000"));
  EXPECT_TRUE(AreOne(Moment(kTime), "-100:00:00", Moment(kTime, 2), "-100:00:00.00"));
}

TEST(NormalCell, BitsAndSetsAreEqualByValue) {
  const LogicalType narrow{.kind = kBit, .length = 8}, wide{.kind = kBit, .length = 16};
  EXPECT_TRUE(AreOne(narrow, "\x01", wide, std::string_view("\0\x01", 2)));
  EXPECT_TRUE(AreOne(narrow, std::string_view("\0", 1), wide, std::string_view("\0\0", 2)));
  EXPECT_FALSE(AreOne(narrow, "\x01", wide, std::string_view("\x01\0", 2)));
  EXPECT_TRUE(AreOne(Set({"a", "b"}), "a,b", Set({"b", "a"}), "b,a"));
  EXPECT_FALSE(AreOne(Set({"a", "b"}), "a", Set({"b", "a"}), "b,a"));
  EXPECT_TRUE(AreOne(Set({"a", "b"}), "", Set({"b", "a"}), ""));
}

// Blanks that one side keeps are a difference; a CHAR's own are no part of its value.
TEST(NormalCell, BlanksAreLeftOutWhereNeitherSideKeepsThem) {
  EXPECT_EQ(NormalCellOf({.kind = kChar, .length = 5}, {.kind = kChar, .length = 9}),
            NormalCell::kChar);
  EXPECT_EQ(NormalCellOf({.kind = kChar, .length = 5}, {.kind = kVarchar, .length = 5}),
            NormalCell::kBytes);
  EXPECT_EQ(NormalCellOf({.kind = kText}, {.kind = kChar, .length = 5}), NormalCell::kBytes);
}

TEST(NormalCell, TypesThatAreAlikeAreComparedByTheirBytes) {
  EXPECT_EQ(NormalCellOf(Decimal(2), Decimal(2)), NormalCell::kBytes);
  EXPECT_EQ(NormalCellOf(Integer(32), Integer(64)), NormalCell::kBytes);
  EXPECT_EQ(NormalCellOf(Moment(kTimestamp, 3), Moment(kDatetime, 3)), NormalCell::kBytes);
  EXPECT_EQ(NormalCellOf({.kind = kVarchar, .length = 5}, {.kind = kText}), NormalCell::kBytes);
  EXPECT_EQ(NormalCellOf({.kind = kBinary, .length = 2}, {.kind = kVarbinary}), NormalCell::kBytes);
}

}  // namespace
}  // namespace godwit
