// SPDX-License-Identifier: Apache-2.0
#include "translate/translator.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "endpoint/dialect_for_test.h"
#include "translate/unlogged_cascades.h"
#include "translate/view_columns.h"

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
    for (const SchemaChange& change : translator.Change(Rename(from, to)).changes) {
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

// The database that is dropped at the destination with "d", or the code of the error.
std::string DroppedWith(const std::vector<ObjectRule>& include) {
  const PlainDialect dialect;
  const ObjectRules rules(include, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange drop;
  drop.kind = SchemaChange::Kind::kDropDatabase;
  drop.table.database = "d";
  try {
    return translator.Change(drop).changes.at(0).table.database;
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(TranslatorTest, ADatabaseGoesWhereAllOfItIsAndNothingElse) {
  EXPECT_EQ(DroppedWith({Rule("d.*")}), "d");
  EXPECT_EQ(DroppedWith({Rule("d.*=e"), Rule("d.t=e.u")}), "e");
  EXPECT_EQ(DroppedWith({Rule("d.t=f.u"), Rule("d.*=e")}), "e");  // the later one has d.t too
  EXPECT_EQ(DroppedWith({Rule("d.*"), Rule("d.t=archive.t_old")}), "DDL_NOT_CONVERTIBLE");
  EXPECT_EQ(DroppedWith({Rule("d.t*=e")}), "DDL_NOT_CONVERTIBLE");
  EXPECT_EQ(DroppedWith({Rule("d.*=e"), Rule("other.*=e")}), "DDL_NOT_CONVERTIBLE");
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
  const std::vector<SchemaChange> converted = translator.Change(change).changes;
  ASSERT_EQ(converted.size(), 1u);
  EXPECT_EQ(converted[0].actions[0].partitioning->level.expression, "`key`");
  EXPECT_EQ(converted[0].time_zone, "+08:00");
}

// Writes "default database.name" for a SELECT, and has no column without a note.
class NotingDialect : public PlainDialect {
 public:
  std::string MapTableNames(std::string_view select, std::string_view default_database,
                            const TableNameMap& map) const override {
    return map({std::string(default_database), std::string(select)}).ToString();
  }
  TableSchema Adapted(const TableSchema& table, std::vector<DialectNote>& notes) const override {
    for (const ColumnSchema& column : table.columns) notes.push_back({column.name, "is adapted"});
    return table;
  }
  bool HasCollation(std::string_view collation) const override {
    return collation.starts_with("utf8mb4_general");
  }
};

ForeignKeySchema KeyTo(const TableName& parent) {
  ForeignKeySchema key;
  key.name = "k";
  key.columns = {"id"};
  key.referenced = parent;
  return key;
}

// "object: text" of each.
std::vector<std::string> NotesOf(const TranslatedChange& change) {
  std::vector<std::string> out;
  for (const TranslationNote& note : change.notes) out.push_back(note.object + ": " + note.text);
  return out;
}

// MySQL and MariaDB log a view's SELECT as it was written.
TEST(TranslatorTest, ALoggedViewIsReadInItsSessionsDatabase) {
  const NotingDialect dialect;
  const ObjectRules rules({Rule("a.*=x"), Rule("b.*=y")}, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateView;
  change.table = {"b", "v"};
  change.default_database = "a";
  change.view.emplace();
  change.view->name = change.table;
  change.view->select = "t";
  EXPECT_EQ(translator.Change(change).changes.at(0).view->select, "x.t");
  EXPECT_EQ(translator.View(*change.view).select, "y.t");
}

TEST(TranslatorTest, WhatAFollowedTableLosesIsTold) {
  const NotingDialect dialect;
  const ObjectRules rules({Rule("d.*=e")}, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange change;
  change.kind = SchemaChange::Kind::kCreateTable;
  change.table = {"d", "t"};
  change.definition.emplace();
  change.definition->columns.resize(1);
  change.definition->columns[0].name = "id";
  change.definition->foreign_keys = {KeyTo({"other", "p"}), KeyTo({"d", "p"})};
  const TranslatedChange converted = translator.Change(change);
  EXPECT_EQ(converted.changes.at(0).definition->foreign_keys.size(), 1u);
  EXPECT_EQ(NotesOf(converted),
            (std::vector<std::string>{"d.t: foreign key k is left out: other.p is not selected",
                                      "d.t.id: is adapted"}));
}

TEST(TranslatorTest, WhatAnAlteredTableLosesIsTold) {
  const NotingDialect dialect;
  ObjectRule rule = Rule("d.t=e.t");
  rule.excluded_columns = {"secret"};
  const ObjectRules rules({rule}, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = {"d", "t"};
  change.actions.resize(3);
  change.actions[0].kind = AlterAction::Kind::kAddForeignKey;
  change.actions[0].foreign_key = KeyTo({"d", "p"});
  change.actions[1].kind = AlterAction::Kind::kAddIndex;
  change.actions[1].index = {.name = "s", .parts = {{.column = "secret"}}};
  change.actions[2].kind = AlterAction::Kind::kAddColumn;
  change.actions[2].column.name = "v";
  change.actions[2].column.type.kind = TypeKind::kText;
  change.actions[2].column.charset = "utf8mb4";
  change.actions[2].column.collation = "utf8mb4_0900_ai_ci";
  const TranslatedChange converted = translator.Change(change);
  EXPECT_EQ(converted.changes.at(0).actions.size(), 1u);
  EXPECT_EQ(
      NotesOf(converted),
      (std::vector<std::string>{"d.t: foreign key k is left out: d.p or a column of it is not "
                                "selected",
                                "d.t: index s is left out: a column of it is not selected",
                                "d.t.v: collation utf8mb4_0900_ai_ci becomes utf8mb4_general_ci",
                                "d.t.v: is adapted"}));
}

// What it means there is nobody's to guess.
TEST(TranslatorTest, AViewDoesNotNameColumnsThatGetOtherNames) {
  const PlainDialect dialect;
  ObjectRule rule = Rule("a.*=x");
  rule.column_names = {{"price_new", "price"}};
  const ObjectRules rules({rule}, {});
  const Translator translator(dialect, dialect, rules, {});
  ViewSchema view;
  view.name = {"a", "v"};
  EXPECT_NO_THROW(CheckViewColumns(view, {"a", "t"}, *rules.Find({"a", "t"})));
  for (const char* select : {"select `price` from `t`", "select 1+price_NEW from t"}) {
    view.select = select;
    EXPECT_THROW(CheckViewColumns(view, {"a", "t"}, *rules.Find({"a", "t"})), Error) << select;
  }
}

TEST(TranslatorTest, CascadesThatNobodyLogsNeedParentAndChildWhole) {
  ObjectRule filtered = Rule("d.f");
  filtered.where = "deleted = 0";
  ObjectRule child = Rule("d.c");
  child.where = "g > 0 AND a = 1";
  child.excluded_columns = {"x"};
  const ObjectRules rules({Rule("d.p"), filtered, child}, {});
  auto why = [&](const TableName& parent, const std::string& column, const std::string& on_delete,
                 const std::string& on_update) {
    const std::vector<ColumnSchema> columns = {
        {.name = "b"},
        {.name = "end", .generation_expression = "case `b` end"},
        {.name = "g", .generation_expression = "`b`+1"}};
    ForeignKeySchema key = KeyTo(parent);
    key.columns = {column};
    if (column == "x, id") key.columns = {"x", "id"};
    key.on_delete = on_delete;
    key.on_update = on_update;
    return WhyCascadeDiffers({"d", "c"}, columns, key, rules);
  };
  EXPECT_EQ(why({"d", "p"}, "id", "CASCADE", "CASCADE"), "");
  EXPECT_EQ(why({"d", "f"}, "id", "RESTRICT", "NO ACTION"), "");
  EXPECT_EQ(why({"d", "q"}, "id", "CASCADE", ""), "refers to d.q, which is not selected");
  EXPECT_EQ(why({"d", "f"}, "id", "CASCADE", ""),
            "refers to d.f, of whose rows a filter leaves some out");
  EXPECT_EQ(why({"d", "p"}, "x", "CASCADE", ""), "is over x, which is not selected");
  EXPECT_EQ(why({"d", "p"}, "x", "SET NULL", "CASCADE"), "");
  EXPECT_EQ(why({"d", "p"}, "x, id", "", "CASCADE"), "is over x, which is not selected");
  EXPECT_EQ(why({"d", "p"}, "a", "CASCADE", ""), "") << "rows go as they go at the source";
  EXPECT_EQ(why({"d", "p"}, "a", "SET NULL", ""), "changes a, which the filter of the rows reads");
  EXPECT_EQ(why({"d", "p"}, "b", "", "CASCADE"), "changes b, which the filter of the rows reads");
}

TEST(TranslatorTest, AProblemStopsAlsoWhatIsUnderstood) {
  const PlainDialect dialect;
  const ObjectRules rules({Rule("d.*")}, {});
  const Translator translator(dialect, dialect, rules, {});
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = {"d", "t"};
  change.problem = "text becomes bytes";
  try {
    translator.Change(change);
    FAIL() << "it was converted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "DDL_NOT_CONVERTIBLE");
    EXPECT_EQ(error.fields().cause, "text becomes bytes");
  }
}

TEST(TranslatorTest, ADatabasesDefaultsAreMapped) {
  const NotingDialect dialect;
  const ObjectRules rules;
  const Translator translator(dialect, dialect, rules, {{{"gbk_bin", "utf8mb4_general_ci"}}});
  EXPECT_EQ(translator.Defaults({"latin1", "latin1_swedish_ci"}),
            (TextDefaults{"utf8mb4", "utf8mb4_general_ci"}));
  EXPECT_EQ(translator.Defaults({"gbk", "gbk_bin"}),
            (TextDefaults{"utf8mb4", "utf8mb4_general_ci"}));
  EXPECT_EQ(translator.Defaults({}), TextDefaults{});
}

}  // namespace
}  // namespace godwit
