// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "connectors/mysql_family/cell_sql.h"
#include "connectors/mysql_family/dialect.h"

namespace godwit::mysql {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kLenient = "SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES';\n";

ColumnSchema Column(std::string name, LogicalType type, std::string native_type) {
  ColumnSchema column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.native_type = std::move(native_type);
  return column;
}

class DialectRowsTest : public testing::Test {
 protected:
  DialectRowsTest() {
    ServerInfo info;
    info.flavor = Flavor::kOceanBase;
    info.version_number = 50725;
    dialect_ = std::make_unique<MysqlDialect>(info);
    table_.name = {"d", "t"};
    table_.columns = {Column("id", {.kind = TypeKind::kInteger, .bits = 32}, "int(11)"),
                      Column("v", {.kind = TypeKind::kVarchar, .length = 9}, "varchar(9)"),
                      Column("e", {.kind = TypeKind::kEnum, .labels = {"a", "b"}}, "enum('a','b')"),
                      Column("f", {.kind = TypeKind::kFloat, .bits = 32}, "float(7,3)"),
                      Column("up", {.kind = TypeKind::kTimestamp}, "timestamp")};
    table_.columns[0].nullable = false;
    table_.columns[4].on_update = "CURRENT_TIMESTAMP";
    IndexSchema primary;
    primary.name = "PRIMARY";
    primary.kind = IndexSchema::Kind::kPrimary;
    primary.parts = {{.column = "id"}};
    table_.indexes = {primary};
  }

  static RowImage Row(const std::string& v, const std::string& e) {
    return {"1", v, e, "9999.999", "2001-02-03 04:05:06"};
  }

  std::string Change(const std::optional<RowImage>& before, const std::optional<RowImage>& after) {
    return dialect_->ChangeRow(table_, {0, 1, 2, 3, 4}, before, after);
  }

  std::unique_ptr<MysqlDialect> dialect_;
  TableSchema table_;
  const std::string error_ = std::string(1, '\0');
};

TEST_F(DialectRowsTest, AMomentThatTheServerWouldMakeIsSetThoughItIsEqual) {
  EXPECT_THAT(Change(Row("x", "a"), Row("y", "a")),
              HasSubstr("UPDATE `d`.`t` SET `v`='y',`up`='2001-02-03 04:05:06' WHERE "));
  EXPECT_EQ(Change(Row("x", "a"), Row("x", "a")), "");
}

TEST_F(DialectRowsTest, AFloatWithDigitsTakesThoseThatItHas) {
  const std::string insert = Change(std::nullopt, Row("x", "a"));
  EXPECT_THAT(insert, HasSubstr("'a',9999.999e0,"));
}

TEST_F(DialectRowsTest, AnEnumsErrorValueAloneIsWrittenInALenientMode) {
  const std::string insert = Change(std::nullopt, Row("x", error_));
  const size_t at = insert.find(kLenient);
  ASSERT_NE(at, std::string::npos) << insert;
  EXPECT_THAT(insert.substr(0, at), HasSubstr("INSERT INTO `d`.`t` "));
  EXPECT_THAT(insert.substr(0, at), Not(HasSubstr(std::string(kEnumErrorLiteral))));
  const std::string rest = insert.substr(at + std::string(kLenient).size());
  EXPECT_TRUE(
      rest.starts_with("UPDATE `d`.`t` SET `e`=0/*enum error*/,`up`='2001-02-03 04:05:06' "
                       "WHERE `id`=1 AND "))
      << rest;
  EXPECT_THAT(rest, HasSubstr(" AND `e`=1 AND "));
  EXPECT_TRUE(rest.ends_with(" LIMIT 1;\n" + std::string(kStrictMode))) << rest;
}

TEST_F(DialectRowsTest, AnUpdateToTheErrorValueToo) {
  const std::string update = Change(Row("x", "b"), Row("y", error_));
  EXPECT_TRUE(update.starts_with("UPDATE `d`.`t` SET `v`='y',`e`='a',")) << update;
  EXPECT_THAT(update, HasSubstr(std::string(kLenient) + "UPDATE `d`.`t` SET `e`=0/*enum error*/"));
  // The label that stands in for it is there already: one statement is enough.
  const std::string alone = Change(Row("x", "a"), Row("x", error_));
  EXPECT_TRUE(alone.starts_with(kLenient)) << alone;
}

TEST_F(DialectRowsTest, AnErrorValueThatStaysNeedsNoOtherMode) {
  const std::string update = Change(Row("x", error_), Row("y", error_));
  EXPECT_THAT(update, Not(HasSubstr("sql_mode")));
  EXPECT_THAT(update, HasSubstr(" AND `e`=0 AND "));
}

}  // namespace
}  // namespace godwit::mysql
