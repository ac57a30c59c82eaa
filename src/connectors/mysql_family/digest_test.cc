// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/digest.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace godwit::mysql {
namespace {

using testing::HasSubstr;
using testing::Not;

// A table of an integer key and one text in this set.
ScanPlan PlanOf(const std::string& charset, TypeKind kind = TypeKind::kVarchar) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  ColumnSchema key;
  key.name = "id";
  key.type = {.kind = TypeKind::kInteger, .bits = 32};
  key.nullable = false;
  ColumnSchema text;
  text.name = "s";
  text.type = {.kind = kind, .length = 9, .labels = {"a"}};
  text.charset = charset;
  table->columns = {key, text};
  return {table, {0, 1}, {0}};
}

std::string StatementOf(const std::string& charset, TypeKind kind = TypeKind::kVarchar) {
  return DigestStatement(PlanOf(charset, kind), {.from = " FROM t"});
}

TEST(DigestTest, TextThatDoesNotComeBackFromUnicodeIsToldByItsBytes) {
  for (const char* charset : {"gbk", "cp1251", "gb18030", "utf16"}) {
    for (TypeKind kind : {TypeKind::kVarchar, TypeKind::kText, TypeKind::kEnum, TypeKind::kSet}) {
      const std::string statement = StatementOf(charset, kind);
      EXPECT_THAT(
          statement,
          HasSubstr("IF(CAST(CONVERT(CONVERT(`s` USING utf8mb4) USING " + std::string(charset) +
                    ") AS BINARY)=CAST(`s` AS BINARY),CONCAT(LENGTH(CONVERT(`s` USING "
                    "utf8mb4)),':',CONVERT(`s` USING utf8mb4)),CONCAT('U',HEX(`s`)))"));
    }
  }
}

TEST(DigestTest, SetsWithoutHolesCostNothingMore) {
  for (const char* charset : {"utf8mb4", "utf8mb3", "ascii"}) {
    EXPECT_THAT(StatementOf(charset), Not(HasSubstr("CONVERT")));
  }
  EXPECT_THAT(StatementOf("latin1"), HasSubstr("LENGTH(CONVERT(`s` USING utf8mb4)),':',CONVERT("));
  for (const char* charset : {"utf8mb4", "latin1"}) {
    for (TypeKind kind : {TypeKind::kVarchar, TypeKind::kEnum}) {
      EXPECT_THAT(StatementOf(charset, kind), Not(HasSubstr("HEX")));
    }
  }
}

// A bucket proves nothing; its rows are digested.
TEST(DigestTest, BucketsAreByThePlainText) {
  ScanPlan plan = PlanOf("gbk");
  plan.key = {1};
  EXPECT_THAT(BucketExpression(plan, 8), Not(HasSubstr("HEX")));
}

}  // namespace
}  // namespace godwit::mysql
