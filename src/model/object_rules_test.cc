// SPDX-License-Identifier: Apache-2.0
#include "model/object_rules.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace godwit {
namespace {

TEST(MatchesPattern, KnowsWildcardsSetsAndEscapes) {
  EXPECT_TRUE(MatchesPattern("ord*s", "orders"));
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("t?", "t1"));
  EXPECT_FALSE(MatchesPattern("t?", "t12"));
  EXPECT_TRUE(MatchesPattern("t[0-9]x", "t7x"));
  EXPECT_FALSE(MatchesPattern("t[!0-9]x", "t7x"));
  EXPECT_TRUE(MatchesPattern("t[!0-9]x", "tax"));
  EXPECT_TRUE(MatchesPattern("t?", "tü"));  // a character, not a byte
  EXPECT_FALSE(MatchesPattern("t??", "tü"));
  EXPECT_TRUE(MatchesPattern("t[ä-ü]", "tö"));
  EXPECT_FALSE(MatchesPattern("t[a-z]", "tö"));
  EXPECT_TRUE(MatchesPattern("t[!a-z]", "tö"));
  EXPECT_TRUE(MatchesPattern("*?ö", "größö"));
  EXPECT_TRUE(MatchesPattern("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "aXbYbZ"));
  EXPECT_TRUE(MatchesPattern("a\\*", "a*"));
  EXPECT_FALSE(MatchesPattern("a\\*", "ab"));
}

TEST(TableName, ReadsWhatItWrites) {
  EXPECT_EQ((TableName{"shop", "a*b c"}.ToString()), "shop.a*b c");
  EXPECT_EQ((TableName{"a.b", "c"}.ToString()), "`a.b`.c");
  EXPECT_EQ((TableName{"a", "b.c"}.ToString()), "a.`b.c`");
  for (const TableName& name :
       {TableName{"shop", "orders"}, TableName{"a.b", "c"}, TableName{"a", "b.c"},
        TableName{"`", ".`."}, TableName{"", "t"}, TableName{"a``b", "."}}) {
    EXPECT_EQ(TableName::FromText(name.ToString()), name) << name.ToString();
    ObjectRule rule =
        ObjectRule::Parse(name.ToString().insert(0, name.database.empty() ? "x" : ""));
    EXPECT_TRUE(MatchesPattern(rule.table_pattern, name.table)) << name.ToString();
  }
}

TEST(ObjectRule, ParsesItsForms) {
  ObjectRule rule = ObjectRule::Parse("shop.tab*=archive.all");
  EXPECT_EQ(rule.database_pattern, "shop");
  EXPECT_EQ(rule.table_pattern, "tab*");
  EXPECT_EQ(rule.to_database, "archive");
  EXPECT_EQ(rule.to_table, "all");
  ObjectRule quoted = ObjectRule::Parse("`a.b`.`c*`");
  EXPECT_EQ(quoted.database_pattern, "a.b");
  EXPECT_TRUE(MatchesPattern(quoted.table_pattern, "c*"));
  EXPECT_FALSE(MatchesPattern(quoted.table_pattern, "cd"));
}

TEST(ObjectRule, RefusesWhatIsNoRule) {
  for (const char* bad : {"", "shop", "shop.", ".t", "a.b=", "a.b=c.", "a.b.c", "a.b=c.d.e", "`a.b",
                          "a.b=c=d", "a.[x"}) {
    EXPECT_THROW(ObjectRule::Parse(bad), Error) << bad;
  }
}

TEST(ObjectRules, LaterRulesAndExclusionsWin) {
  ObjectRules rules({ObjectRule::Parse("shop.*"), ObjectRule::Parse("shop.log*=archive")},
                    {ObjectRule::Parse("shop.tmp_?")});
  EXPECT_EQ(rules.Find({"shop", "orders"})->destination, (TableName{"shop", "orders"}));
  EXPECT_EQ(rules.Find({"shop", "log_1"})->destination, (TableName{"archive", "log_1"}));
  EXPECT_FALSE(rules.Find({"shop", "tmp_1"}).has_value());
  EXPECT_FALSE(rules.Find({"other", "orders"}).has_value());
  EXPECT_FALSE(ObjectRules({ObjectRule::Parse("*.*")}, {}).Find({"godwit", "godwit_lane"}));
}

TEST(TableMapping, FindsColumnsWithoutCase) {
  TableMapping mapping;
  mapping.column_names = {{"Id", "order_id"}};
  mapping.excluded_columns = {"SECRET"};
  EXPECT_EQ(mapping.NameOf("ID"), "order_id");
  EXPECT_EQ(mapping.NameOf("other"), "other");
  EXPECT_FALSE(mapping.Carries("secret"));
  EXPECT_TRUE(mapping.Carries("id"));
  mapping.columns = {"ID", "Secret"};
  EXPECT_TRUE(mapping.Carries("id"));
  EXPECT_FALSE(mapping.Carries("secret"));
  EXPECT_FALSE(mapping.Carries("other"));
}

}  // namespace
}  // namespace godwit
