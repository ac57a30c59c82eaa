// SPDX-License-Identifier: Apache-2.0
#include "translate/translator.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "endpoint/dialect_for_test.h"

namespace godwit {
namespace {

ObjectRule Rule(std::string_view text, const std::string& where = "") {
  ObjectRule rule = ObjectRule::Parse(text);
  rule.where = where;
  return rule;
}

SchemaChange Rename(const std::string& from, const std::string& to) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kRenameTable;
  change.renames = {{TableName{"d", from}, TableName{"d", to}}};
  return change;
}

// "old>new …" at the destination, or the code of the error.
std::string Renamed(const std::vector<ObjectRule>& include, const std::string& from,
                    const std::string& to) {
  const PlainDialect dialect;
  const ObjectRules rules(include, {});
  const Translator translator(dialect, dialect, rules, {});
  try {
    std::string out;
    for (const SchemaChange& change : translator.Change(Rename(from, to))) {
      for (const auto& [old_name, new_name] : change.renames) {
        out += old_name.ToString() + ">" + new_name.ToString();
      }
    }
    return out;
  } catch (const Error& error) {
    return error.code();
  }
}

// What tools for online changes do: the copy takes the table's name, and would bring rows and
// columns that the table's rule keeps out.
TEST(TranslatorTest, ANameWithAnotherFilterIsNotTakenOver) {
  const std::vector<ObjectRule> all{Rule("d.*=e")};
  EXPECT_EQ(Renamed(all, "_t_gho", "t"), "e._t_gho>e.t");
  std::vector<ObjectRule> filtered{Rule("d.*=e"), Rule("d.t=e", "v > 1")};
  EXPECT_EQ(Renamed(filtered, "_t_gho", "t"), "DDL_NOT_CONVERTIBLE");
  EXPECT_EQ(Renamed(filtered, "t", "_t_del"), "DDL_NOT_CONVERTIBLE");
  EXPECT_EQ(Renamed(filtered, "a", "b"), "e.a>e.b");
  filtered.push_back(Rule("d._t_*=e", "v > 1"));
  EXPECT_EQ(Renamed(filtered, "_t_gho", "t"), "e._t_gho>e.t");
  // Into one table, of which one has all rows.
  EXPECT_EQ(Renamed({Rule("d.*=e.one"), Rule("d.t=e.one", "v > 1")}, "a", "t"),
            "DDL_NOT_CONVERTIBLE");
}

TEST(TranslatorTest, ANameWithOtherColumnsIsNotTakenOver) {
  for (int which = 0; which < 3; ++which) {
    ObjectRule rule = Rule("d.t");
    if (which == 0) rule.columns = {"id"};
    if (which == 1) rule.excluded_columns = {"secret"};
    if (which == 2) rule.column_names = {{"a", "b"}};
    EXPECT_EQ(Renamed({Rule("d.*"), rule}, "_t_gho", "t"), "DDL_NOT_CONVERTIBLE") << which;
  }
}

TEST(TranslatorTest, ATableWhoseColumnsNobodyKnowsIsNotMade) {
  const PlainDialect dialect;
  const ObjectRules rules({Rule("d.*")}, {});
  const Translator translator(dialect, dialect, rules, {});
  TableSchema table;
  table.name = {"d", "t"};
  try {
    translator.Table(table);
    FAIL() << "it was translated";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "LOG_DEFINITION_UNKNOWN");
  }
}

TEST(TranslatorTest, PartitionByFollowsTheColumnsNames) {
  const PlainDialect dialect;
  ObjectRule rule = Rule("d.t");
  rule.column_names = {{"id", "key"}};
  const ObjectRules rules({rule}, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = {"d", "t"};
  change.time_zone = "+08:00";
  change.actions.resize(1);
  change.actions[0].kind = AlterAction::Kind::kReorganize;
  change.actions[0].text = "PARTITION BY KEY (id)";
  change.actions[0].partitioning.emplace();
  change.actions[0].partitioning->level = {Partitioning::Method::kKey, false, "id"};
  const std::vector<SchemaChange> converted = translator.Change(change);
  ASSERT_EQ(converted.size(), 1u);
  EXPECT_EQ(converted[0].actions[0].partitioning->level.expression, "`key`");
  EXPECT_EQ(converted[0].time_zone, "+08:00");
}

}  // namespace
}  // namespace godwit
