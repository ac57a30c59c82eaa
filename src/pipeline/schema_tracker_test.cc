// SPDX-License-Identifier: Apache-2.0
#include "pipeline/schema_tracker.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

using Action = AlterAction::Kind;
using Kind = SchemaChange::Kind;
using Object = CatalogObject::Kind;

// A source as it is now, which may be later than the log is read.
class Source : public Catalog {
 public:
  std::map<TableName, TableSchema> tables;
  std::map<TableName, Object> others;
  std::set<TableName> not_understood;

  std::optional<TextDefaults> defaults = TextDefaults{};
  std::optional<TextDefaults> DefaultsOf(const std::string&) override { return defaults; }

  std::vector<std::string> Databases() override { return {"d"}; }
  std::vector<CatalogObject> Objects(const std::string&) override {
    std::vector<CatalogObject> out;
    for (const auto& [name, table] : tables) out.push_back({name});
    for (const auto& [name, kind] : others) out.push_back({name, kind});
    return out;
  }
  std::optional<TableSchema> Table(const TableName& name) override {
    if (not_understood.contains(name)) {
      throw Error({.code = "DEFINITION_NOT_UNDERSTOOD", .kind = ErrorKind::kBlocked});
    }
    auto found = tables.find(name);
    if (found == tables.end()) return {};
    return found->second;
  }
  std::optional<ViewSchema> View(const TableName&) override { return {}; }
  TableEstimate Estimate(const TableName&) override { return {}; }
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName&) override {
    return {};
  }
  std::string Fingerprint(const TableName&) override { return ""; }
};

// Keeps what it is given.
class KeepingStore : public TestStore {
 public:
  uint64_t NextSchemaVersion() override { return ++version_; }
  void AddSchemas(const std::vector<SchemaVersion>& schemas) override {
    for (const SchemaVersion& schema : schemas) latest_[schema.name] = schema;
  }
  std::vector<SchemaVersion> LatestSchemas() override {
    std::vector<SchemaVersion> out;
    for (const auto& [name, schema] : latest_) {
      if (schema.table) out.push_back(schema);
    }
    return out;
  }

 private:
  std::map<TableName, SchemaVersion> latest_;
  uint64_t version_ = 0;
};

TableName Named(const std::string& table) { return {"d", table}; }

TableSchema Table(const std::string& name, const std::vector<std::string>& columns) {
  TableSchema table;
  table.name = Named(name);
  table.charset = "latin1";
  for (const std::string& column : columns) {
    table.columns.emplace_back().name = column;
    table.columns.back().type.kind = TypeKind::kInteger;
  }
  return table;
}

AlterAction Do(Action kind, const std::string& name = "") {
  AlterAction action;
  action.kind = kind;
  action.name = name;
  return action;
}

SchemaChange Alter(const std::string& table, std::vector<AlterAction> actions) {
  SchemaChange change;
  change.kind = Kind::kAlterTable;
  change.table = Named(table);
  change.actions = std::move(actions);
  return change;
}

SchemaChange NotParsed(const std::string& table) {
  SchemaChange change;
  change.table = Named(table);
  return change;
}

SchemaChange Rename(const std::string& from, const std::string& to) {
  SchemaChange change;
  change.kind = Kind::kRenameTable;
  change.renames = {{Named(from), Named(to)}};
  return change;
}

// d (CREATE or ALTER DATABASE).
SchemaChange Database(Kind kind, const std::string& charset = "") {
  SchemaChange change;
  change.kind = kind;
  change.table.database = "d";
  change.charset = charset;
  return change;
}

// n (id, v), which leaves the charset to its database.
SchemaChange CreateOpen() {
  SchemaChange change;
  change.kind = Kind::kCreateTable;
  change.creates_table = true;
  change.table = Named("n");
  change.definition = Table("n", {"id"});
  change.definition->charset.clear();
  ColumnSchema& text = change.definition->columns.emplace_back();
  text.name = "v";
  text.type = {.kind = TypeKind::kVarchar, .length = 20};
  return change;
}

class SchemaTrackerTest : public testing::Test {
 protected:
  // Follows t (id, a) and p, which is partitioned; x… is not selected.
  SchemaTrackerTest() {
    source_.tables[Named("t")] = Table("t", {"id", "a"});
    TableSchema partitioned = Table("p", {"id", "a"});
    partitioned.partitioning.emplace();
    partitioned.partitioning->partitions = {{"p0", "10"}, {"p1", "20"}};
    partitioned.checks = {{"", "(`a` > 0)"}, {"", "(`a` < 9)"}};
    source_.tables[Named("p")] = partitioned;
    source_.tables[Named("x")] = Table("x", {"id"});
    tracker_.ReadAll();
  }

  // "id a", "unknown" where nobody knows them, "none" for a table that is not followed.
  std::string Columns(const std::string& table) {
    auto found = tracker_.Find(Named(table));
    if (!found) return "none";
    std::string out;
    for (const ColumnSchema& column : found->table->columns) {
      out += (out.empty() ? "" : " ") + column.name;
    }
    return out.empty() ? "unknown" : out;
  }

  Source source_;
  TestStore store_;
  const ObjectRules rules_{{ObjectRule::Parse("d.*")}, {ObjectRule::Parse("d.x*")}};
  SchemaTracker tracker_{store_, source_, rules_};
};

TEST_F(SchemaTrackerTest, ATableThatCouldNotBeParsedIsNotForgotten) {
  SchemaChange create = NotParsed("u");
  create.creates_table = true;
  ASSERT_EQ(tracker_.Apply(create).size(), 1u);
  EXPECT_EQ(Columns("u"), "unknown");
  tracker_.Apply(Alter("u", {Do(Action::kDropColumn, "a")}));
  EXPECT_EQ(Columns("u"), "unknown");
  tracker_.Apply(Rename("u", "w"));
  EXPECT_EQ(Columns("u"), "none");
  EXPECT_EQ(Columns("w"), "unknown");
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("copy");
  like.like_table = Named("w");
  tracker_.Apply(like);
  EXPECT_EQ(Columns("copy"), "unknown");
  SchemaChange drop;
  drop.kind = Kind::kDropTable;
  drop.tables = {Named("w"), Named("copy")};
  tracker_.Apply(drop);
  EXPECT_EQ(Columns("w"), "none");
  EXPECT_EQ(Columns("copy"), "none");
  // Not selected; a view; one that was there already.
  create.table = Named("x1");
  EXPECT_TRUE(tracker_.Apply(create).empty());
  EXPECT_TRUE(tracker_.Apply(NotParsed("v")).empty());
  create.table = Named("t");
  create.if_exists = true;
  EXPECT_FALSE(tracker_.Complete(create));
  create.if_exists = false;  // CREATE OR REPLACE
  EXPECT_TRUE(tracker_.Complete(create));
  tracker_.Apply(create);
  EXPECT_EQ(Columns("t"), "unknown");
}

TEST_F(SchemaTrackerTest, AnAlteredTableThatCouldNotBeParsedIsUnknown) {
  source_.tables[Named("t")] = Table("t", {"id", "a", "later"});
  tracker_.Apply(NotParsed("t"));
  EXPECT_EQ(Columns("t"), "unknown");
}

TEST_F(SchemaTrackerTest, PartitionsTakeNoColumnsOfLater) {
  source_.tables[Named("p")].columns.pop_back();  // dropped since
  AlterAction reorganize = Do(Action::kReorganize);
  reorganize.text = "COALESCE PARTITION";
  reorganize.number = 1;
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  EXPECT_EQ(tracker_.Find(Named("p"))->table->partitioning->partitions.size(), 1u);
  reorganize.number = 7;  // of partitions that are not known
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  source_.tables.erase(Named("p"));  // renamed since
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
  AlterAction exchange = Do(Action::kUnknown);
  exchange.text = "EXCHANGE PARTITION";
  exchange.new_table = Named("t");
  tracker_.Apply(Alter("p", {exchange}));
  EXPECT_EQ(Columns("p"), "id a");
}

TEST_F(SchemaTrackerTest, WhatRowsDoNotDependOnComesFromALikeTable) {
  const SchemaChange drop = Alter("p", {Do(Action::kDropConstraint, "p_chk_2")});
  source_.tables[Named("p")].checks.pop_back();
  tracker_.Apply(drop);
  EXPECT_EQ(tracker_.Find(Named("p"))->table->checks.size(), 1u);
  // Not if its rows have become others.
  source_.tables[Named("p")].checks.clear();
  source_.tables[Named("p")].columns[1].type.is_unsigned = true;
  AlterAction reorganize = Do(Action::kReorganize);
  reorganize.text = "COALESCE PARTITION";
  reorganize.number = 7;
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(tracker_.Find(Named("p"))->table->checks.size(), 1u);
  EXPECT_FALSE(tracker_.Find(Named("p"))->table->columns[1].type.is_unsigned);
  source_.not_understood.insert(Named("p"));
  tracker_.Apply(Alter("p", {reorganize}));
  EXPECT_EQ(Columns("p"), "id a");
}

TEST_F(SchemaTrackerTest, AnUnknownColumnMakesTheTableUnknown) {
  AlterAction add = Do(Action::kAddColumn);
  add.column.name = "b";
  add.after = "nowhere";
  tracker_.Apply(Alter("t", {add}));
  EXPECT_EQ(Columns("t"), "unknown");
}

// The source has its definition, which may be a later one.
TEST_F(SchemaTrackerTest, ATableThatComesIntoTheSelectionIsUnknown) {
  source_.tables[Named("in")] = Table("in", {"id"});
  tracker_.Apply(Rename("x", "in"));
  EXPECT_EQ(Columns("in"), "unknown");
  AlterAction rename = Do(Action::kRenameTable);
  rename.new_table = Named("too");
  tracker_.Apply(Alter("x", {rename}));
  EXPECT_EQ(Columns("too"), "unknown");
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("like");
  like.like_table = Named("x");
  tracker_.Apply(like);
  EXPECT_EQ(Columns("like"), "unknown");
  // Views have rows in no log, and sequences none that count.
  source_.others = {{Named("v"), Object::kView}, {Named("s"), Object::kOther}};
  tracker_.Apply(Rename("old_view", "v"));
  EXPECT_EQ(Columns("v"), "none");
  tracker_.Apply(Alter("s", {Do(Action::kNoEffect)}));
  EXPECT_EQ(Columns("s"), "none");
  tracker_.Apply(Rename("older_view", "gone"));  // since dropped
  EXPECT_EQ(Columns("gone"), "unknown");
  SchemaChange drop;
  drop.kind = Kind::kDropView;
  drop.tables = {Named("gone"), Named("t")};
  tracker_.Apply(drop);
  EXPECT_EQ(Columns("gone"), "none");
  EXPECT_EQ(Columns("t"), "id a");
}

TEST_F(SchemaTrackerTest, OnlyTablesThatTheSourceHasAreMissed) {
  source_.others = {{Named("v"), Object::kView}, {Named("s"), Object::kOther}};
  for (const char* name : {"v", "s", "dropped_since", "x", "made_without_a_log"}) {
    EXPECT_FALSE(tracker_.IsSelected(Named(name))) << name;
  }
  source_.tables[Named("made_without_a_log")] = Table("made_without_a_log", {"id"});
  EXPECT_FALSE(tracker_.IsSelected(Named("made_without_a_log")));  // as far as was looked
  tracker_.Apply(Rename("t", "renamed"));
  EXPECT_TRUE(tracker_.IsSelected(Named("made_without_a_log")));
  EXPECT_FALSE(tracker_.IsSelected({"mysql", "user"}));
}

TEST_F(SchemaTrackerTest, NamesThatTheServerMadeOfTheTablesFollowIt) {
  TableSchema table = Table("t", {"id"});
  table.foreign_keys = {{"t_ibfk_1", {"id"}, Named("p"), {"id"}, "", ""}};
  table.checks = {{"t_chk_2", "(`id` > 0)"}};
  SchemaChange create;
  create.kind = Kind::kCreateTable;
  create.table = Named("t");
  create.definition = table;
  tracker_.Apply(create);
  tracker_.Apply(Rename("t", "u"));
  EXPECT_EQ(tracker_.Find(Named("u"))->table->foreign_keys[0].name, "u_ibfk_1");
  EXPECT_EQ(tracker_.Find(Named("u"))->table->checks[0].name, "u_chk_2");
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("n");
  like.like_table = Named("u");
  tracker_.Complete(like);
  EXPECT_FALSE(like.like_table);
  EXPECT_EQ(like.definition->foreign_keys.size(), 0u);
  tracker_.Apply(like);
  EXPECT_EQ(tracker_.Find(Named("n"))->table->checks[0].name, "n_chk_2");
}

TEST_F(SchemaTrackerTest, ForeignKeysFollowTheirParentsNames) {
  TableSchema child = Table("p", {"id", "a", "b"});
  child.foreign_keys = {{"k", {"a", "b"}, Named("t"), {"id", "a"}, "CASCADE", ""},
                        {"other", {"a"}, Named("q"), {"id"}, "", ""}};
  source_.tables[Named("p")] = child;
  tracker_.ReadAll();
  AlterAction first = Do(Action::kRenameColumn, "id");
  first.new_name = "a";
  AlterAction second = Do(Action::kRenameColumn, "a");
  second.new_name = "id";
  tracker_.Apply(Alter("t", {first, second}));
  tracker_.Apply(Rename("t", "t2"));
  const auto versions = tracker_.Apply(Rename("t2", "t"));
  const auto keys = [&] { return tracker_.Find(Named("p"))->table->foreign_keys; };
  EXPECT_EQ(keys()[0].referenced, Named("t"));
  EXPECT_EQ(keys()[0].referenced_columns, (std::vector<std::string>{"a", "id"}));
  EXPECT_EQ(keys()[1].referenced, Named("q"));
  EXPECT_EQ(versions.size(), 3u);  // one that is gone, the child's, the new name's
  AlterAction rename = Do(Action::kRenameTable);
  rename.new_table = Named("q");
  tracker_.Apply(Alter("t", {rename}));
  EXPECT_EQ(keys()[0].referenced, Named("q"));
}

// Names of checks are one database's at some servers: `positive` could not be there twice.
TEST_F(SchemaTrackerTest, ATableMadeLikeAnotherHasChecksUnderNamesOfItsOwn) {
  TableSchema table = Table("t", {"id"});
  table.checks = {{"positive", "(`id` > 0)"}, {"t_chk_7", "(`id` > 1)"}};
  SchemaChange create;
  create.kind = Kind::kCreateTable;
  create.table = Named("t");
  create.definition = table;
  tracker_.Apply(create);
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("_t_gho");
  like.like_table = Named("t");
  like.check_names = "_t_gho_chk_";
  tracker_.Complete(like);
  EXPECT_EQ(like.definition->checks[0].name, "_t_gho_chk_1");
  EXPECT_EQ(like.definition->checks[1].name, "_t_gho_chk_2");
}

TEST_F(SchemaTrackerTest, ATableIsMadeAsItsPatternWasThen) {
  SchemaChange like;
  like.kind = Kind::kCreateTable;
  like.table = Named("n");
  like.like_table = Named("t");
  source_.tables.clear();
  tracker_.ReadAll();
  SchemaChange create;
  create.kind = Kind::kCreateTable;
  create.table = Named("t");
  create.definition = Table("t", {"a"});
  tracker_.Apply(create);
  tracker_.Complete(like);
  ASSERT_TRUE(like.definition.has_value());
  EXPECT_EQ(like.definition->name, Named("n"));
  EXPECT_EQ(like.definition->columns.size(), 1u);
  like.definition.reset();
  like.like_table = Named("x1");  // not selected
  tracker_.Complete(like);
  EXPECT_FALSE(like.definition.has_value());
  EXPECT_TRUE(like.like_table.has_value());
}

TEST_F(SchemaTrackerTest, WhatMovesRowsAcrossTheFilterIsAsked) {
  ObjectRule rule = ObjectRule::Parse("d.t");
  rule.where = "a < 10 AND `id` > 0";
  const ObjectRules rules({rule}, {});
  SchemaTracker tracker(store_, source_, rules);
  tracker.ReadAll();
  const TableSchema known = *tracker.Find(Named("t"))->table;
  auto is_asked = [&](AlterAction action) {
    SchemaChange change = Alter("t", {std::move(action)});
    tracker.Complete(change);
    return !change.problem.empty();
  };
  AlterAction modify = Do(Action::kModifyColumn, "A");
  modify.column = known.columns[1];
  EXPECT_FALSE(is_asked(modify));
  modify.column.nullable = false;
  EXPECT_EQ(is_asked(modify), known.columns[1].nullable);
  modify.column = known.columns[1];
  modify.column.collation = "other";
  EXPECT_TRUE(is_asked(modify));
  modify.column = known.columns[1];
  modify.column.type.kind = TypeKind::kDecimal;
  EXPECT_TRUE(is_asked(modify));
  modify.name = "other";
  EXPECT_TRUE(is_asked(modify));  // takes the name
  modify.column.name = "other";
  EXPECT_FALSE(is_asked(modify));
  AlterAction rename = Do(Action::kRenameColumn, "other");
  rename.new_name = "a";
  EXPECT_TRUE(is_asked(rename));
  rename.name = "A";
  EXPECT_FALSE(is_asked(rename));
  AlterAction add = Do(Action::kAddColumn, "");
  add.column.name = "a";
  EXPECT_TRUE(is_asked(add));
  EXPECT_FALSE(is_asked(Do(Action::kDropColumn, "b")));
}

TEST_F(SchemaTrackerTest, ADroppedDatabaseNamesItsTables) {
  tracker_.ReadAll();
  SchemaChange drop;
  drop.kind = Kind::kDropDatabase;
  drop.table.database = "d";
  tracker_.Complete(drop);
  EXPECT_EQ(drop.tables, tracker_.tables());
  EXPECT_FALSE(drop.tables.empty());
}

TEST_F(SchemaTrackerTest, ADatabasesDefaultsAreThoseOfThePlaceInTheLog) {
  EXPECT_EQ(tracker_.DefaultsOf("d"), TextDefaults{});
  source_.defaults = {"gbk", "gbk_bin"};
  tracker_.ReadAll();
  source_.defaults = {"latin1", "latin1_bin"};  // later
  EXPECT_EQ(tracker_.DefaultsOf("d"), (TextDefaults{"gbk", "gbk_bin"}));
  EXPECT_EQ(tracker_.DefaultsOf("other"), TextDefaults{});
  tracker_.Apply(Database(Kind::kAlterDatabase));  // of its encryption
  SchemaChange create = Database(Kind::kCreateDatabase, "utf8mb4");
  create.if_exists = true;  // it does
  tracker_.Apply(create);
  EXPECT_EQ(tracker_.DefaultsOf("d").charset, "gbk");
  tracker_.Apply(Database(Kind::kAlterDatabase, "big5"));
  EXPECT_EQ(tracker_.DefaultsOf("d").charset, "big5");
  tracker_.Apply(Database(Kind::kDropDatabase));
  EXPECT_EQ(tracker_.DefaultsOf("d"), TextDefaults{});
  EXPECT_EQ(Columns("t"), "none");
  tracker_.Apply(create);
  EXPECT_EQ(tracker_.DefaultsOf("d").charset, "utf8mb4");
}

TEST_F(SchemaTrackerTest, DefaultsAreStoredBesideTheTables) {
  KeepingStore store;
  SchemaTracker before(store, source_, rules_);
  source_.defaults = {"gbk", "gbk_bin"};
  before.ReadAll();
  const std::vector<TableName> tables = before.tables();
  for (const SchemaVersion& version : store.LatestSchemas()) {
    EXPECT_EQ(rules_.Find(version.name).has_value(), before.Find(version.name).has_value())
        << version.name.ToString();
  }
  SchemaTracker after(store, source_, rules_);
  after.Load();
  EXPECT_EQ(after.DefaultsOf("d"), (TextDefaults{"gbk", "gbk_bin"}));
  EXPECT_EQ(after.tables(), tables);
  store.AddSchemas(after.Apply(Database(Kind::kAlterDatabase, "big5")));
  before.Load();
  EXPECT_EQ(before.DefaultsOf("d").charset, "big5");
  store.AddSchemas(after.Apply(Database(Kind::kCreateDatabase)));
  before.Load();
  EXPECT_EQ(before.DefaultsOf("d"), TextDefaults{});
}

TEST_F(SchemaTrackerTest, BinaryTextHasTheBinaryCollationOfItsTablesCharset) {
  source_.tables[Named("t")].charset = "utf8mb4";
  source_.tables[Named("t")].collation = "utf8mb4_general_ci";
  tracker_.ReadAll();
  AlterAction binary = Do(Action::kAddColumn);
  binary.column.name = "v";
  binary.column.type = {.kind = TypeKind::kVarchar, .length = 9};
  binary.column.collation = kBinaryText;
  AlterAction modify = binary;
  modify.kind = Action::kModifyColumn;
  modify.name = modify.column.name = "a";
  AlterAction plain = binary;
  plain.column.name = "w";
  plain.column.collation.clear();
  tracker_.Apply(Alter("t", {binary, modify, plain}));
  ASSERT_EQ(Columns("t"), "id a v w");
  const TableSchemaPtr table = tracker_.Find(Named("t"))->table;
  EXPECT_EQ(table->columns[1].collation, "utf8mb4_bin");
  EXPECT_EQ(table->columns[2].charset, "utf8mb4");
  EXPECT_EQ(table->columns[2].collation, "utf8mb4_bin");
  EXPECT_EQ(table->columns[3].collation, "utf8mb4_general_ci");
  source_.defaults = {"gbk", "gbk_chinese_ci"};
  SchemaChange create = CreateOpen();
  create.definition->columns[1].collation = kBinaryText;
  tracker_.Complete(create);
  EXPECT_EQ(create.definition->columns[1].collation, "gbk_bin");
}

// Where the log does not tell the database's defaults: of an older project.
TEST_F(SchemaTrackerTest, PresentDefaultsAreTakenUnlessTheTableHasOthers) {
  source_.defaults = {"gbk", "gbk_bin"};
  SchemaChange create = CreateOpen();
  tracker_.Complete(create);
  EXPECT_EQ(create.definition->charset, "gbk");
  EXPECT_EQ(create.definition->columns[1].collation, "gbk_bin");
  source_.tables[Named("n")] = *create.definition;
  source_.tables[Named("n")].columns[0].type.is_unsigned = true;  // altered since
  create = CreateOpen();
  tracker_.Complete(create);
  tracker_.Apply(create);
  TableSchemaPtr table = tracker_.Find(Named("n"))->table;
  EXPECT_EQ(table->columns[1].charset, "gbk");
  EXPECT_FALSE(table->columns[0].type.is_unsigned);
  tracker_.Apply(Database(Kind::kDropDatabase));
  source_.tables[Named("n")].columns[1].charset = "utf8mb4";  // made or converted to it
  create = CreateOpen();
  tracker_.Complete(create);
  EXPECT_EQ(create.kind, Kind::kUnknown);
  EXPECT_THAT(create.problem, testing::HasSubstr("character set"));
  tracker_.Apply(create);
  EXPECT_EQ(Columns("n"), "unknown");
  create = CreateOpen();  // is there
  create.if_exists = true;
  EXPECT_FALSE(tracker_.Complete(create));
  EXPECT_EQ(create.kind, Kind::kCreateTable);
}

// Servers log it all the same; the destination may have such a table of its own.
TEST_F(SchemaTrackerTest, AStatementThatDidNothingIsLeftOut) {
  SchemaChange drop;
  drop.kind = Kind::kDropTable;
  drop.if_exists = true;
  drop.tables = {Named("missing")};
  EXPECT_FALSE(tracker_.Complete(drop));
  drop.tables = {Named("missing"), Named("t")};
  EXPECT_TRUE(tracker_.Complete(drop));
  EXPECT_EQ(drop.tables, (std::vector<TableName>{Named("t")}));
  EXPECT_EQ(drop.table, Named("t"));
  SchemaChange create;
  create.kind = Kind::kCreateTable;
  create.table = Named("t");
  create.definition = Table("t", {"id"});
  create.if_exists = true;
  EXPECT_FALSE(tracker_.Complete(create));
  tracker_.Apply(drop);
  create.if_exists = true;
  EXPECT_TRUE(tracker_.Complete(create));
  EXPECT_FALSE(create.if_exists) << "it made the table: one at the destination is another";
}

TEST_F(SchemaTrackerTest, WhatADatabaseThatIsGoneGaveIsNotGuessed) {
  SchemaChange create = CreateOpen();
  tracker_.Complete(create);  // a source without character sets
  EXPECT_EQ(create.kind, Kind::kCreateTable);
  source_.defaults.reset();
  create.table = {"e", "n"};  // of which nothing is selected
  tracker_.Complete(create);
  EXPECT_EQ(create.kind, Kind::kCreateTable);
  create.table = Named("n");
  tracker_.Complete(create);
  EXPECT_EQ(create.kind, Kind::kUnknown);
}

}  // namespace
}  // namespace godwit
