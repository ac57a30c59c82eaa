// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/json_sql.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "connectors/mysql_family/cell_sql.h"

namespace godwit::mysql {
namespace {

std::string Expression(std::string_view document) {
  std::string out;
  AppendJsonExpression(out, document);
  return out;
}

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST(JsonSqlTest, WhatTheTextSaysExactlyStaysText) {
  for (const char* document :
       {"{}", "[]", "null", "-7", "18446744073709551615", "0.1", "-12.50", "99999999999999.5",
        "1e22", "1.5e-21", "[1, 2.5, {\"k\": \"0.30000000000000004\"}]", ""}) {
    EXPECT_TRUE(IsExactAsText(document)) << document;
  }
  for (const char* number : {"19.810000000000002", "0.30000000000000004", "-1e23", "1.5e-22",
                             "5e-324", "1E+66", "1234567890123456.0"}) {
    EXPECT_FALSE(IsExactAsText(number)) << number;
    EXPECT_FALSE(IsExactAsText(fmt::format("{{\"k\" : [1,{}]}}", number))) << number;
  }
  EXPECT_EQ(Expression("[1, \"it's\"]"), R"(CAST('[1, "it\'s"]' AS JSON))");
}

TEST(JsonSqlTest, OtherNumbersArePutIntoTheDocument) {
  EXPECT_EQ(Expression(" 19.810000000000002 "), "CAST(19.810000000000002e0 AS JSON)");
  EXPECT_EQ(Expression("[-1.5e+300, [0.1], 2]"),
            "JSON_ARRAY(-1.5e+300,CAST('[0.1]' AS JSON),CAST('2' AS JSON))");
  EXPECT_EQ(Expression(R"({"a\n'": {"b": [1e23]} , "c":"x, y"})"),
            R"(JSON_OBJECT(JSON_UNQUOTE('"a\\n\'"'),JSON_OBJECT(JSON_UNQUOTE('"b"'),)"
            R"(JSON_ARRAY(1e23)),JSON_UNQUOTE('"c"'),CAST('"x, y"' AS JSON)))");
}

TEST(JsonSqlTest, ALongRunOfOthersIsOneText) {
  const std::string text = fmt::format("\"{}\"", std::string(300, 'x'));
  EXPECT_EQ(Expression(fmt::format("[1e23, {0}, 2, 1e24]", text)),
            fmt::format("JSON_MERGE_PRESERVE(JSON_ARRAY(1e23),CAST('[{0}, 2]' AS JSON),"
                        "JSON_ARRAY(1e24))",
                        text));
  EXPECT_EQ(Expression(fmt::format(R"({{"k":{0}, "l":1e23}})", text)),
            fmt::format(R"(JSON_MERGE_PRESERVE(CAST('{{"k":{0}}}' AS JSON),)"
                        R"(JSON_OBJECT(JSON_UNQUOTE('"l"'),1e23)))",
                        text));
}

// OceanBase loses arguments above 65,535.
TEST(JsonSqlTest, NoCallHasTooManyArguments) {
  std::string document = "[";
  for (int i = 0; i < 1'001'000; ++i) document += "1e23,";
  document.back() = ']';
  const std::string expression = Expression(document);
  EXPECT_EQ(Count(expression, "1e23"), 1'001'000u);
  EXPECT_EQ(Count(expression, "JSON_ARRAY("), 1'001u);
  EXPECT_EQ(Count(expression, "JSON_MERGE_PRESERVE("), 2u);
  EXPECT_EQ(Count(expression, "("), Count(expression, ")"));
}

// The server has the word on it, and nothing of it becomes part of a statement.
TEST(JsonSqlTest, WhatIsNoJsonGoesAsItIs) {
  for (const char* text : {"1e23 x", "[1e23", "{1e23}", "[1e23}", "[1e23);DROP/**/TABLE/**/t;#]",
                           "[1e23,,1]", "[1e23]]", "[1e23"}) {
    EXPECT_EQ(Expression(text), fmt::format("CAST('{}' AS JSON)", text));
  }
  for (const char* text : {"{\"a\":1e23", "{\"a", "[\"\\", "\"", "{\"a\"", "]", "-", "[,"}) {
    EXPECT_TRUE(Expression(text).starts_with("CAST('")) << text;
  }
}

TEST(JsonSqlTest, EqualKeysStayText) {
  EXPECT_EQ(Expression(R"([{"a": 1e23, "b": 2, "a": 3}])"),
            R"(JSON_ARRAY(CAST('{"a": 1e23, "b": 2, "a": 3}' AS JSON)))");
}

TEST(JsonSqlTest, OnlyColumnsOfTheServersOwnTypeTakeIt) {
  ColumnSchema column;
  column.type = {.kind = TypeKind::kJson};
  auto literal = [&](const char* native_type) {
    column.native_type = native_type;
    std::string out;
    AppendLiteral(out, LiteralFormOf(column), "[1e23]");
    return out;
  };
  EXPECT_EQ(literal("json"), "JSON_ARRAY(1e23)");
  EXPECT_EQ(literal("longtext"), "'[1e23]'");
  column.native_type = "json";
  std::string match;
  AppendMatch(match, "`j`", column, "[1e23]");
  EXPECT_EQ(match,
            "CAST(CAST(`j` AS CHAR) AS BINARY)=CAST(CAST(JSON_ARRAY(1e23) AS CHAR) AS BINARY)");
}

TEST(CellSqlTest, AVectorIsMatchedByItsBytes) {
  ColumnSchema column;
  column.type = {.kind = TypeKind::kBlob, .length = 4};
  column.native_type = "vector(1)";
  std::string match;
  AppendMatch(match, "`v`", column, "abcd");
  EXPECT_EQ(match, "CAST(`v` AS BINARY)=_binary'abcd'");
}

}  // namespace
}  // namespace godwit::mysql
