// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "base/error.h"
#include "translate/row_predicate_parser.h"

namespace godwit {
namespace {

ColumnSchema Column(std::string name, LogicalType type, std::string collation = "") {
  ColumnSchema column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.collation = std::move(collation);
  return column;
}

const TableSchema& Table() {
  static const TableSchema table = [] {
    TableSchema t;
    t.name = {"shop", "orders"};
    t.columns = {
        Column("id", {.kind = TypeKind::kInteger, .bits = 64, .is_unsigned = true}),
        Column("price", {.kind = TypeKind::kDecimal, .precision = 65, .scale = 4}),
        Column("ratio", {.kind = TypeKind::kFloat, .bits = 64}),
        Column("name", {.kind = TypeKind::kVarchar, .length = 100}, "utf8mb4_general_ci"),
        Column("code", {.kind = TypeKind::kVarchar, .length = 100}, "utf8mb4_bin"),
        Column("raw", {.kind = TypeKind::kVarbinary, .length = 100}),
        Column("day", {.kind = TypeKind::kDate}),
        Column("at", {.kind = TypeKind::kDatetime, .fsp = 3}),
        Column("took", {.kind = TypeKind::kTime, .fsp = 0}),
        Column("flags", {.kind = TypeKind::kBit, .length = 12}),
        Column("state", {.kind = TypeKind::kEnum, .labels = {"new", "Paid"}}, "utf8mb4_general_ci"),
        Column("doc", {.kind = TypeKind::kJson}),
        Column("label", {.kind = TypeKind::kVarchar, .length = 100}, "utf8mb4_0900_ai_ci"),
        Column("other", {.kind = TypeKind::kInteger, .bits = 32}),
        Column("seen", {.kind = TypeKind::kTimestamp}),
    };
    return t;
  }();
  return table;
}

using Cells = std::map<std::string, std::optional<std::string>>;

// Evaluates over one row that has only the filter's columns, in reverse, so that a wrong place
// shows.
bool Passes(std::string_view where, const Cells& cells) {
  auto predicate = ParseRowFilter(where, Table());
  const std::vector<int>& columns = predicate->columns();
  RowBatch rows(columns.size());
  std::vector<int> cell_of(columns.size());
  for (size_t i = columns.size(); i-- > 0;) {
    cell_of[i] = static_cast<int>(columns.size() - 1 - i);
    auto found = cells.find(Table().columns[static_cast<size_t>(columns[i])].name);
    if (found == cells.end() || !found->second) {
      rows.AddNull();
    } else {
      rows.Add(*found->second);
    }
  }
  if (columns.empty()) rows.Reset(1), rows.AddNull();
  return predicate->Passes(rows, 0, cell_of);
}

std::string Refusal(std::string_view where) {
  try {
    ParseRowFilter(where, Table());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "FILTER_INVALID");
    EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
    EXPECT_EQ(error.fields().object, "shop.orders");
    return error.fields().message;
  }
  return "accepted";
}

TEST(RowFilter, ComparesWholeNumbersExactly) {
  EXPECT_TRUE(Passes("id = 18446744073709551615", {{"id", "18446744073709551615"}}));
  EXPECT_FALSE(Passes("id = 18446744073709551615", {{"id", "18446744073709551614"}}));
  EXPECT_TRUE(Passes("id > 9007199254740992", {{"id", "9007199254740993"}}));
  EXPECT_TRUE(Passes("other < -9", {{"other", "-10"}}));
  EXPECT_FALSE(Passes("other < -10", {{"other", "-9"}}));
  EXPECT_TRUE(Passes("9 < id", {{"id", "10"}}));
  EXPECT_TRUE(Passes("id = '007'", {{"id", "7"}}));
  EXPECT_TRUE(Passes("id = 0x10", {{"id", "16"}}));
  EXPECT_TRUE(Passes("id = 7.0", {{"id", "7"}}));
  EXPECT_TRUE(Passes("id = 1.5e1", {{"id", "15"}}));
  EXPECT_TRUE(Passes("other = -0", {{"other", "0"}}));
  EXPECT_TRUE(Passes("id <> other", {{"id", "4"}, {"other", "5"}}));
}

TEST(RowFilter, ComparesDecimalsOfAnyLength) {
  const std::string big(60, '9');
  EXPECT_TRUE(Passes("price = " + big + ".9999", {{"price", big + ".9999"}}));
  EXPECT_TRUE(Passes("price < " + big + ".9999", {{"price", big + ".9998"}}));
  EXPECT_TRUE(Passes("price = -0.5", {{"price", "-0.5000"}}));
  EXPECT_TRUE(Passes("price < -0.4", {{"price", "-0.5000"}}));
  EXPECT_TRUE(Passes("price > 0.1", {{"price", "0.1001"}}));
  EXPECT_TRUE(Passes("price < id", {{"price", "3.9999"}, {"id", "4"}}));
  EXPECT_TRUE(Passes("price = 1.25E-2", {{"price", "0.0125"}}));
}

TEST(RowFilter, ComparesFloatsAsDoubles) {
  EXPECT_TRUE(Passes("ratio = 0.1", {{"ratio", "0.1"}}));
  EXPECT_TRUE(Passes("ratio > 1e300", {{"ratio", "1e+301"}}));
  EXPECT_TRUE(Passes("ratio < id", {{"ratio", "-2.5"}, {"id", "1"}}));
  EXPECT_TRUE(Passes("ratio < 1e390", {{"ratio", "1e+308"}}));
  EXPECT_TRUE(Passes("ratio > -1e390", {{"ratio", "-1e+308"}}));
  EXPECT_FALSE(Passes("ratio < '-3'", {{"ratio", "-2.5"}}));
}

TEST(RowFilter, ComparesTextByItsCollation) {
  EXPECT_TRUE(Passes("name = 'ABC'", {{"name", "abc"}}));
  EXPECT_TRUE(Passes("name = 'zÜrich'", {{"name", "Zürich"}}));
  EXPECT_FALSE(Passes("name = 'zurich'", {{"name", "Zürich"}}));
  EXPECT_TRUE(Passes("name = 'МОСКВА'", {{"name", "Москва"}}));
  EXPECT_TRUE(Passes("name = '北京'", {{"name", "北京"}}));
  EXPECT_TRUE(Passes("name = 'abc  '", {{"name", "ABC"}}));
  EXPECT_FALSE(Passes("label = 'abc '", {{"label", "abc"}}));
  EXPECT_TRUE(Passes("label = 'ABC'", {{"label", "abc"}}));
  EXPECT_FALSE(Passes("code = 'ABC'", {{"code", "abc"}}));
  EXPECT_TRUE(Passes("code < 'b'", {{"code", "a\x7f"}}));
  EXPECT_TRUE(Passes("code < 'a'", {{"code", "a\t"}}));  // padded with blanks
  EXPECT_TRUE(Passes("state = 'PAID'", {{"state", "Paid"}}));
  EXPECT_TRUE(Passes("raw = x'00ff'", {{"raw", std::string("\0\xff", 2)}}));
  EXPECT_TRUE(Passes("raw > 'a'", {{"raw", "a "}}));
  EXPECT_FALSE(Passes("raw = 'A'", {{"raw", "a"}}));
}

TEST(RowFilter, UnderstandsQuotes) {
  EXPECT_TRUE(Passes("code = 'it''s'", {{"code", "it's"}}));
  EXPECT_TRUE(Passes("code = 'a\\n\\\\'", {{"code", "a\n\\"}}));
  EXPECT_TRUE(Passes("code = \"say \"\"x\"\"\"", {{"code", "say \"x\""}}));
  EXPECT_TRUE(Passes("`Code` = ''", {{"code", ""}}));
  EXPECT_FALSE(Passes("code = ''", {{"code", std::nullopt}}));
}

TEST(RowFilter, MatchesPatterns) {
  EXPECT_TRUE(Passes("name LIKE 'a%C'", {{"name", "AxxxABxc"}}));
  EXPECT_TRUE(Passes("name LIKE '%ab%ab%'", {{"name", "xabyabz"}}));
  EXPECT_FALSE(Passes("name LIKE '%ab%ab%'", {{"name", "xaby"}}));
  EXPECT_TRUE(Passes("name LIKE '_京'", {{"name", "北京"}}));
  EXPECT_FALSE(Passes("raw LIKE '_京'", {{"raw", "北京"}}));
  EXPECT_TRUE(Passes("code LIKE '50\\%'", {{"code", "50%"}}));
  EXPECT_FALSE(Passes("code LIKE '50\\%'", {{"code", "500"}}));
  EXPECT_TRUE(Passes("code LIKE '5!_' ESCAPE '!'", {{"code", "5_"}}));
  EXPECT_FALSE(Passes("code LIKE 'a'", {{"code", "a "}}));  // blanks count in LIKE
  EXPECT_TRUE(Passes("code NOT LIKE 'b%'", {{"code", "a"}}));
  EXPECT_FALSE(Passes("code NOT LIKE 'b%'", {}));
  EXPECT_TRUE(Passes("code LIKE '%'", {{"code", ""}}));
}

TEST(RowFilter, ComparesMoments) {
  EXPECT_TRUE(Passes("day >= '2024-02-29'", {{"day", "2024-03-01"}}));
  EXPECT_TRUE(Passes("at = '2024-01-01'", {{"at", "2024-01-01 00:00:00.000"}}));
  EXPECT_TRUE(Passes("at < '2024-01-01 00:00:00.0015'", {{"at", "2024-01-01 00:00:00.001"}}));
  EXPECT_TRUE(Passes("day < at", {{"day", "2024-01-01"}, {"at", "2024-01-01 00:00:00.001"}}));
  EXPECT_TRUE(Passes("day = '0000-00-00'", {{"day", "0000-00-00"}}));
  EXPECT_TRUE(Passes("took < '-01:00:00'", {{"took", "-838:59:59"}}));
  EXPECT_TRUE(Passes("took > '99:00:00'", {{"took", "100:00:00"}}));
  EXPECT_TRUE(Passes("day IN (DATE '2024-01-01')", {{"day", "2024-01-01"}}));
  EXPECT_TRUE(Passes("flags = 2049", {{"flags", "\x08\x01"}}));
}

TEST(RowFilter, FollowsThreeValuedLogic) {
  const Cells null_id = {{"id", std::nullopt}, {"other", "1"}};
  EXPECT_FALSE(Passes("id = 1", null_id));
  EXPECT_FALSE(Passes("NOT id = 1", null_id));
  EXPECT_FALSE(Passes("id <> 1", null_id));
  EXPECT_TRUE(Passes("id IS NULL", null_id));
  EXPECT_FALSE(Passes("id IS NOT NULL", null_id));
  EXPECT_TRUE(Passes("id <=> NULL", null_id));
  EXPECT_FALSE(Passes("other <=> NULL", null_id));
  EXPECT_FALSE(Passes("id = NULL", null_id));
  EXPECT_TRUE(Passes("id = 1 OR other = 1", null_id));
  EXPECT_FALSE(Passes("id = 1 AND other = 1", null_id));
  EXPECT_TRUE(Passes("NOT (id = 1 AND other = 2)", null_id));
  EXPECT_FALSE(Passes("NOT (id = 1 AND other = 1)", null_id));
  EXPECT_FALSE(Passes("other NOT IN (2, NULL)", null_id));
  EXPECT_TRUE(Passes("other IN (NULL, 1)", null_id));
  EXPECT_FALSE(Passes("id NOT BETWEEN 1 AND 2", null_id));
  EXPECT_TRUE(Passes("other NOT BETWEEN NULL AND 0", null_id));
  EXPECT_TRUE(Passes("doc IS NULL", {}));
}

TEST(RowFilter, BindsAsSqlDoes) {
  EXPECT_TRUE(Passes("id = 1 OR id = 2 AND other = 3", {{"id", "1"}, {"other", "0"}}));
  EXPECT_FALSE(Passes("(id = 1 OR id = 2) AND other = 3", {{"id", "1"}, {"other", "0"}}));
  EXPECT_TRUE(Passes("NOT id = 2", {{"id", "1"}}));
  EXPECT_TRUE(Passes("id BETWEEN 1 AND 3 AND other = 5", {{"id", "2"}, {"other", "5"}}));
  EXPECT_TRUE(Passes("id + 1 * 2 = 4", {{"id", "2"}}));
  EXPECT_TRUE(Passes("(id + 1) * 2 = 6", {{"id", "2"}}));
  EXPECT_TRUE(Passes("id", {{"id", "2"}}));
  EXPECT_FALSE(Passes("NOT id && TRUE", {{"id", "2"}}));
  EXPECT_TRUE(Passes("1 = 1", {}));
  EXPECT_FALSE(Passes("FALSE || NULL", {}));
}

TEST(RowFilter, CalculatesWithWholeNumbers) {
  EXPECT_TRUE(Passes("id % 4 = 3", {{"id", "18446744073709551615"}}));
  EXPECT_TRUE(Passes("id * other = -39614081257132168794624491520",
                     {{"id", "18446744073709551615"}, {"other", "-2147483648"}}));
  EXPECT_TRUE(Passes("id MOD 4 IN (1)", {{"id", "5"}}));
  EXPECT_TRUE(Passes("other DIV 2 = -2", {{"other", "-5"}}));
  EXPECT_TRUE(Passes("other % 3 = -2", {{"other", "-5"}}));
  EXPECT_TRUE(Passes("(id % 0) IS NULL", {{"id", "5"}}));
  EXPECT_TRUE(Passes("-other = 5", {{"other", "-5"}}));
  EXPECT_TRUE(Passes("id - 10 < 0", {{"id", "9"}}));
}

TEST(RowFilter, RefusesWithThePlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "character 1: expected a column or a value, found the end"},
      {"id = ", "character 6: expected a column or a value"},
      {"id == 1", "character 5: expected a column or a value, found ="},
      {"id = 1 other = 2", "character 8: expected AND, OR"},
      {"nothing = 1", "character 1: shop.orders has no column nothing"},
      {"name < 'b'", "text is ordered only in columns of a binary collation"},
      {"state > 'a'", "text is ordered only"},
      {"name = 5", "text is compared with a quoted value"},
      {"id = 'five'", "compared with a number, and is none"},
      {"day = '2024-13-01'", "a date is written"},
      {"day = 20240101", "a date is written"},
      {"took = '25'", "a time is written"},
      {"doc = '{}'", "only be tested with IS NULL"},
      {"name = code", "collations differ"},
      {"seen = at", "instant"},
      {"took = at", "time of day"},
      {"name = raw", "text cannot be compared with bytes"},
      {"id = 1 = 1", "cannot be chained"},
      {"price + 1 = 2", "only whole numbers"},
      {"id / 2 = 1", "use DIV"},
      {"id * id * id = 1", "126 bits"},
      {"lower(name) = 'a'", "functions"},
      {"orders.id = 1", "without its table"},
      {"code = 'a", "character 8: the quote that begins here is not closed"},
      {"id IN ()", "expected a column or a value"},
      {"id BETWEEN 1 OR 2", "expected AND"},
      {"id IS TRUE", "expected NULL"},
      {"name LIKE id", "a quoted pattern"},
      {"id LIKE '1%'", "LIKE needs a column of text"},
      {"!id", "has no meaning here"},
      {"id = 1; drop table x", "has no meaning here"},
      {"id = 1 -- x", "comments"},
      {"id * id = 1", "126 bits"},
      {"name", "a condition is expected"},
      {"'a' = 'a'", "compared with a column"},
      {"id = 12ab", "a number ends in letters"},
      {"id = 1e999", "out of range"},
      {"id = x'1'", "even number"},
  };
  for (const auto& [where, message] : cases) {
    EXPECT_NE(Refusal(where).find(message), std::string::npos) << where << ": " << Refusal(where);
  }
}

TEST(RowFilter, RefusesEndlessNesting) {
  EXPECT_NE(Refusal(std::string(100'000, '(')).find("nested"), std::string::npos);
  std::string signs;
  std::string nots;
  for (int i = 0; i < 100'000; ++i) {
    signs += "- ";
    nots += "NOT ";
  }
  EXPECT_NE(Refusal(signs + "id = 1").find("nested"), std::string::npos);
  EXPECT_NE(Refusal(nots + "id").find("nested"), std::string::npos);
  std::string sum = "id";
  for (int i = 0; i < 100'000; ++i) sum += " % 3";
  EXPECT_NE(Refusal(sum + " = 1").find("too much"), std::string::npos);
  std::string chain = "id = 0";
  for (int i = 0; i < 20'000; ++i) chain += " OR id = 1";
  EXPECT_TRUE(Passes(chain, {{"id", "1"}}));
}

TEST(RowFilter, NeverGuessesAnAbsentCell) {
  auto predicate = ParseRowFilter("id = 1", Table());
  RowBatch rows(1);
  rows.AddAbsent();
  EXPECT_THROW(predicate->Passes(rows, 0, {0}), Error);
}

TEST(RowFilter, ListsItsColumnsOnce) {
  EXPECT_EQ(ParseRowFilter("price > 1 AND id = 2 AND price < 3", Table())->columns(),
            (std::vector<int>{0, 1}));
}

}  // namespace
}  // namespace godwit
