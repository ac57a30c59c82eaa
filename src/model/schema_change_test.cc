// SPDX-License-Identifier: Apache-2.0
#include "model/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/charset_width.h"
#include "model/expression_names.h"

namespace godwit {
namespace {

using Kind = AlterAction::Kind;
using IndexKind = IndexSchema::Kind;

ColumnSchema Column(const std::string& name, TypeKind kind = TypeKind::kInteger) {
  ColumnSchema column;
  column.name = name;
  column.type.kind = kind;
  if (kind == TypeKind::kVarchar) column.type.length = 50;
  return column;
}

// shop.t (id, a, b, note) with a primary key on id, UNIQUE ab (a, b), INDEX n (note(10)).
TableSchema Table() {
  TableSchema table;
  table.name = {"shop", "t"};
  table.charset = "latin1";
  table.collation = "latin1_swedish_ci";
  table.columns = {Column("id"), Column("a"), Column("b"), Column("note", TypeKind::kVarchar)};
  table.columns[0].nullable = false;
  table.columns[3].charset = "latin1";
  table.columns[3].collation = "latin1_swedish_ci";
  table.indexes = {{"PRIMARY", IndexKind::kPrimary, {{"id"}}},
                   {"ab", IndexKind::kUnique, {{"a"}, {"b"}}},
                   {"n", IndexKind::kPlain, {{"note", "", 10}}}};
  return table;
}

AlterAction Do(Kind kind, const std::string& name = "") {
  AlterAction action;
  action.kind = kind;
  action.name = name;
  return action;
}
AlterAction Add(const std::string& name, const std::string& after = "") {
  AlterAction action = Do(Kind::kAddColumn);
  action.column = Column(name);
  action.first = after == "first";
  if (!action.first) action.after = after;
  return action;
}
AlterAction Modify(const std::string& name, ColumnSchema column) {
  AlterAction action = Do(Kind::kModifyColumn, name);
  action.column = std::move(column);
  return action;
}
AlterAction Rename(Kind kind, const std::string& from, const std::string& to) {
  AlterAction action = Do(kind, from);
  action.new_name = to;
  return action;
}
AlterAction AddIndex(IndexSchema index) {
  AlterAction action = Do(Kind::kAddIndex);
  action.index = std::move(index);
  return action;
}

std::string Columns(const std::optional<TableSchema>& table) {
  std::string out;
  if (!table) return "unknown";
  for (const ColumnSchema& column : table->columns) {
    out += (out.empty() ? "" : " ") + column.name;
  }
  return out;
}
// "name(col,col) name(col)"
std::string Indexes(const std::optional<TableSchema>& table) {
  std::string out;
  if (!table) return "unknown";
  for (const IndexSchema& index : table->indexes) {
    out += (out.empty() ? "" : " ") + index.name + "(";
    for (size_t i = 0; i < index.parts.size(); ++i) {
      const KeyPart& part = index.parts[i];
      out += (i == 0 ? "" : ",") + (part.column.empty() ? part.expression : part.column);
      if (part.prefix_length != 0) out += ":" + std::to_string(part.prefix_length);
    }
    out += ")";
  }
  return out;
}

TEST(ApplyActions, PlacesColumns) {
  EXPECT_EQ(Columns(ApplyActions(Table(), {Add("x")})), "id a b note x");
  EXPECT_EQ(Columns(ApplyActions(Table(), {Add("x", "first"), Add("y", "A"), Add("z", "y")})),
            "x id a y z b note");
  EXPECT_EQ(Columns(ApplyActions(Table(), {Add("x", "nowhere")})), "unknown");
  EXPECT_EQ(Columns(ApplyActions(Table(), {Add("A")})), "id a b note");  // IF NOT EXISTS
  AlterAction move = Modify("a", Column("a"));
  move.after = "note";
  EXPECT_EQ(Columns(ApplyActions(Table(), {move})), "id b note a");
  move.after.clear();
  move.first = true;
  move.column.name = "z";
  EXPECT_EQ(Columns(ApplyActions(Table(), {move, Add("x", "z")})), "z x id b note");
}

TEST(ApplyActions, LooksOldNamesUpInTheOldTable) {
  const auto swapped = ApplyActions(
      Table(), {Rename(Kind::kRenameColumn, "a", "b"), Rename(Kind::kRenameColumn, "b", "a")});
  EXPECT_EQ(Columns(swapped), "id b a note");
  EXPECT_EQ(Indexes(swapped), "PRIMARY(id) ab(b,a) n(note:10)");
  EXPECT_EQ(Columns(ApplyActions(Table(), {Do(Kind::kDropColumn, "a"), Add("a")})), "id b note a");
  EXPECT_EQ(Columns(ApplyActions(Table(), {Add("x", "c"), Rename(Kind::kRenameColumn, "b", "c")})),
            "id a c x note");
}

TEST(ApplyActions, DroppedColumnsVanishFromIndexes) {
  EXPECT_EQ(Indexes(ApplyActions(Table(), {Do(Kind::kDropColumn, "a")})),
            "PRIMARY(id) ab(b) n(note:10)");
  EXPECT_EQ(Indexes(ApplyActions(Table(), {Do(Kind::kDropColumn, "A"), Do(Kind::kDropColumn, "b"),
                                           Do(Kind::kDropColumn, "gone")})),
            "PRIMARY(id) n(note:10)");
  EXPECT_EQ(Indexes(ApplyActions(Table(), {Do(Kind::kDropColumn, "a"), Add("a")})),
            "PRIMARY(id) ab(b) n(note:10)");
}

TEST(ApplyActions, ModifiesColumns) {
  ColumnSchema text = Column("note", TypeKind::kVarchar);
  text.type.length = 8;
  auto table = ApplyActions(Table(), {Modify("note", text)});
  EXPECT_EQ(Indexes(table), "PRIMARY(id) ab(a,b) n(note)");  // the prefix is the whole column now
  EXPECT_EQ(table->columns[3].charset, "latin1");            // the table's
  EXPECT_EQ(table->columns[3].type.length, 8u);
  table = ApplyActions(Table(), {Modify("id", Column("key"))});
  EXPECT_EQ(Indexes(table), "PRIMARY(key) ab(a,b) n(note:10)");
  EXPECT_FALSE(table->columns[0].nullable);
  AlterAction set = Do(Kind::kSetDefault, "a");
  set.column.default_value = {ColumnSchema::Default::Kind::kLiteral, "5"};
  table = ApplyActions(Table(), {set});
  EXPECT_EQ(table->columns[1].default_value->text, "5");
  table = ApplyActions(*table, {Do(Kind::kDropDefault, "a")});
  EXPECT_FALSE(table->columns[1].default_value);
  AlterAction hide = Do(Kind::kSetVisibility, "b");
  hide.column.invisible = true;
  EXPECT_TRUE(ApplyActions(Table(), {hide})->columns[2].invisible);
}

TEST(ApplyActions, ChangesIndexes) {
  EXPECT_EQ(Indexes(ApplyActions(Table(), {Do(Kind::kDropIndex, "AB"),
                                           AddIndex({"ab", IndexKind::kPlain, {{"b"}}})})),
            "PRIMARY(id) n(note:10) ab(b)");
  auto table = ApplyActions(Table(), {Do(Kind::kDropPrimaryKey),
                                      AddIndex({"PRIMARY", IndexKind::kPrimary, {{"b"}, {"a"}}})});
  EXPECT_EQ(Indexes(table), "PRIMARY(b,a) ab(a,b) n(note:10)");
  EXPECT_FALSE(table->columns[1].nullable);
  EXPECT_FALSE(table->columns[0].nullable);  // stays
  EXPECT_EQ(Indexes(ApplyActions(Table(), {AddIndex({"", IndexKind::kPlain, {{"a"}}}),
                                           AddIndex({"", IndexKind::kPlain, {{"a"}, {"id"}}}),
                                           AddIndex({"", IndexKind::kPlain, {{"", "a+1"}}}),
                                           AddIndex({"n", IndexKind::kPlain, {{"a"}}})})),
            "PRIMARY(id) ab(a,b) n(note:10) a(a) a_2(a,id) functional_index(a+1)");
  EXPECT_EQ(Indexes(ApplyActions(
                Table(), {Rename(Kind::kRenameIndex, "n", "m"), Do(Kind::kDropConstraint, "ab")})),
            "PRIMARY(id) m(note:10)");
}

TEST(ApplyActions, CarriesRenamesIntoExpressionsWhereThatIsSafe) {
  TableSchema table = Table();
  table.checks = {{"c", "(`a` > 0) and (`b` <> 'a')"}};
  table.foreign_keys = {{"f", {"a"}, {"shop", "t"}, {"id"}, "", ""},
                        {"g", {"b"}, {"shop", "other"}, {"a"}, "", ""}};
  table.partitioning.emplace();
  table.partitioning->level = {Partitioning::Method::kKey, false, "a, b"};
  const auto swap =
      std::vector{Rename(Kind::kRenameColumn, "a", "b"), Rename(Kind::kRenameColumn, "b", "a")};
  auto after = ApplyActions(table, swap);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->checks[0].expression, "(`b` > 0) and (`a` <> 'a')");
  EXPECT_EQ(after->partitioning->level.expression, "`b`, `a`");
  EXPECT_THAT(after->foreign_keys[0].columns, testing::ElementsAre("b"));
  EXPECT_THAT(after->foreign_keys[1].columns, testing::ElementsAre("a"));
  EXPECT_THAT(after->foreign_keys[1].referenced_columns, testing::ElementsAre("a"));
  table.checks[0].expression = "a > 0";
  EXPECT_FALSE(ApplyActions(table, swap));
  EXPECT_TRUE(ApplyActions(table, {Rename(Kind::kRenameColumn, "b", "c")}));
}

TEST(ApplyActions, ConstraintsComeAndGo) {
  TableSchema table = Table();
  table.checks = {{"t_chk_1", "(`a` > 0)"}, {"", "(`b` > 0)"}};
  table.foreign_keys = {{"t_ibfk_2", {"a"}, {"shop", "p"}, {"id"}, "", ""}};
  EXPECT_THAT(ApplyActions(table, {Do(Kind::kDropColumn, "b")})->checks, testing::SizeIs(1));
  EXPECT_THAT(ApplyActions(table, {Do(Kind::kDropCheck, "T_chk_1")})->checks[0].name, "");
  EXPECT_THAT(ApplyActions(table, {Do(Kind::kDropConstraint, "t_chk_2")})->checks,
              testing::SizeIs(1));
  table.checks.push_back({"", "(`id` > 0)"});
  EXPECT_FALSE(ApplyActions(table, {Do(Kind::kDropConstraint, "t_chk_2")}));  // which one?
  AlterAction add = Do(Kind::kAddForeignKey);
  add.foreign_key = {"", {"b"}, {"shop", "p"}, {"id"}, "", ""};
  EXPECT_EQ(ApplyActions(table, {add})->foreign_keys[1].name, "t_ibfk_3");
  EXPECT_TRUE(ApplyActions(table, {Do(Kind::kDropForeignKey, "t_ibfk_2")})->foreign_keys.empty());
  AlterAction rename = Do(Kind::kRenameTable);
  rename.new_table = {"shop", "u"};
  const auto renamed = ApplyActions(table, {rename});
  EXPECT_EQ(renamed->name.ToString(), "shop.u");
  EXPECT_EQ(renamed->foreign_keys[0].name, "u_ibfk_2");
  EXPECT_EQ(renamed->checks[0].name, "u_chk_1");
  AlterAction enforce = Do(Kind::kCheckEnforcement, "t_chk_1");
  enforce.check.enforced = false;
  EXPECT_FALSE(ApplyActions(table, {enforce})->checks[0].enforced);
}

// MariaDB's MODIFY defines the column's own check anew, or no more.
TEST(ApplyActions, AColumnsOwnCheckGoesWithItsDefinition) {
  TableSchema table = Table();
  table.checks = {{"", "(`a` > 0)", true, "a"}, {"c", "(`a` < 9)"}};
  AlterAction modify = Modify("A", Column("z"));
  modify.check.column = "A";
  auto after = ApplyActions(table, {modify});
  ASSERT_THAT(after->checks, testing::SizeIs(1));
  EXPECT_EQ(after->checks[0].name, "c");
  after = ApplyActions(table, {Modify("b", Column("b")), Rename(Kind::kRenameColumn, "a", "z")});
  EXPECT_EQ(after->checks[0].column, "z");
  EXPECT_THAT(ApplyActions(table, {Do(Kind::kDropConstraint, "other")})->checks,
              testing::SizeIs(2));
  // One that no statement of MariaDB's asked for says nothing of checks.
  EXPECT_THAT(ApplyActions(table, {Modify("a", Column("a"))})->checks, testing::SizeIs(2));
}

std::string Names(const std::vector<AlterAction>& actions) {
  std::string out;
  for (const AlterAction& action : actions) {
    const bool is_index = action.kind == Kind::kAddIndex;
    const bool is_check = action.kind == Kind::kAddCheck;
    out += (out.empty() ? "" : " ") + (is_index   ? action.index.name
                                       : is_check ? action.check.name
                                                  : action.foreign_key.name);
  }
  return out;
}
AlterAction AddCheck(const std::string& name, const std::string& begin) {
  AlterAction action = Do(Kind::kAddCheck);
  action.check.name = name;
  action.text = begin;
  return action;
}
AlterAction AddForeignKey(const std::string& name, const std::string& column) {
  AlterAction action = Do(Kind::kAddForeignKey);
  action.foreign_key = {name, {column}, {"shop", "p"}, {"id"}, "", ""};
  return action;
}

TEST(WithNames, GivesThoseThatTheServerGives) {
  TableSchema table = Table();
  table.checks = {{"s_chk_4", ""}, {"CONSTRAINT_2", ""}};
  EXPECT_EQ(Names(WithNames(table, {AddIndex({"", IndexKind::kPlain, {{"A"}}}),
                                    AddIndex({"", IndexKind::kUnique, {{"a"}, {"id"}}})})),
            "a a_2");
  AlterAction drop = Do(Kind::kDropIndex, "n");
  EXPECT_EQ(WithNames(table, {drop, AddIndex({"", IndexKind::kPlain, {{"", "a + 1"}}}),
                              AddIndex({"n", IndexKind::kPlain, {{"note"}}})})[2]
                .index.name,
            "n");
  EXPECT_EQ(Names(WithNames(table, {AddCheck("", "s_chk_"), AddCheck("mine", "s_chk_"),
                                    AddCheck("", "s_chk_"), AddCheck("", "")})),
            "s_chk_5 mine s_chk_6 ");
  EXPECT_EQ(Names(WithNames(table, {AddCheck("", "CONSTRAINT_"), AddCheck("", "CONSTRAINT_")})),
            "CONSTRAINT_1 CONSTRAINT_3");
}

TEST(WithNames, AddsTheIndexThatAForeignKeyNeeds) {
  const TableSchema table = Table();
  EXPECT_EQ(Names(WithNames(table, {AddForeignKey("fk", "b")})), "fk fk");
  EXPECT_EQ(Names(WithNames(table, {AddForeignKey("", "b")})), "t_ibfk_1 b");
  EXPECT_EQ(Names(WithNames(table, {AddForeignKey("fk", "a")})), "fk");
  EXPECT_EQ(Names(WithNames(table, {AddForeignKey("fk", "b"),
                                    AddIndex({"", IndexKind::kPlain, {{"b"}, {"id"}}})})),
            "fk b");
  EXPECT_EQ(Indexes(ApplyActions(table, {AddForeignKey("fk", "b")})),
            "PRIMARY(id) ab(a,b) n(note:10) fk(b)");
}

// Two bytes become three, though the widest characters have four in both.
TEST(CharsetWidth, ATextHoldsItsBytesInAnotherCharset) {
  auto widened = [](const char* from, const char* to, auto widen) {
    ColumnSchema text = Column("body", TypeKind::kText);
    text.native_type = "text";
    text.type.length = 0xffff;
    text.charset = from;
    EXPECT_TRUE(widen(text, to)) << from;
    return text.native_type;
  };
  for (const char* charset : {"gb18030", "utf16", "utf16le", "ucs2", "gbk", "ujis", "latin1"}) {
    EXPECT_EQ(widened(charset, "utf8mb4", WidenText), "mediumtext") << charset;
  }
  for (const char* charset : {"ascii", "utf8mb3", "utf32", "utf8mb4"}) {
    EXPECT_EQ(widened(charset, "utf8mb4", WidenText), "text") << charset;
  }
  EXPECT_EQ(widened("utf8mb4", "gb18030", WidenText), "mediumtext");
  EXPECT_EQ(widened("utf8mb4", "latin1", WidenText), "text");
  // A server counts characters.
  EXPECT_EQ(widened("gb18030", "utf8mb4", ConvertText), "text");
  EXPECT_EQ(widened("gbk", "utf8mb4", ConvertText), "mediumtext");
}

TEST(ApplyActions, ConvertsCharsets) {
  TableSchema table = Table();
  ColumnSchema text = Column("body", TypeKind::kText);
  text.type.length = 0xffff;
  text.native_type = "text";
  text.charset = "latin1";
  table.columns.push_back(text);
  AlterAction convert = Do(Kind::kConvertCharset);
  convert.charset = "utf8mb4";
  convert.collation = "utf8mb4_bin";
  auto after = ApplyActions(table, {convert, Add("x")});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->charset, "utf8mb4");
  EXPECT_EQ(after->columns[3].collation, "utf8mb4_bin");
  EXPECT_EQ(after->columns[1].charset, "");
  EXPECT_EQ(after->columns[4].native_type, "mediumtext");
  EXPECT_EQ(after->columns[4].type.length, 0xffffffu);
  convert.kind = Kind::kTableCharset;
  AlterAction add = Add("y");
  add.column.type.kind = TypeKind::kVarchar;
  after = ApplyActions(table, {add, convert});
  EXPECT_EQ(after->columns[3].charset, "latin1");
  EXPECT_EQ(after->columns[5].charset, "utf8mb4");
  convert.kind = Kind::kConvertCharset;
  convert.charset = "binary";
  EXPECT_FALSE(ApplyActions(table, {convert}));
}

TEST(ApplyActions, ChangesPartitions) {
  TableSchema table = Table();
  table.partitioning.emplace();
  table.partitioning->partitions = {{"p0", "10"}, {"p1", "20"}};
  AlterAction add = Do(Kind::kAddPartitions);
  add.partitions = {{"p2", "30"}};
  auto after = ApplyActions(table, {add});
  EXPECT_THAT(after->partitioning->partitions, testing::SizeIs(3));
  AlterAction drop = Do(Kind::kDropPartitions);
  drop.names = {"P0", "p1"};
  EXPECT_EQ(ApplyActions(*after, {drop})->partitioning->partitions[0].name, "p2");
  add.partitions.clear();
  add.text = "2";
  EXPECT_EQ(ApplyActions(table, {add})->partitioning->partitions[3].name, "p3");
  AlterAction reorganize = Do(Kind::kReorganize);
  reorganize.text = "remove PARTITION";
  EXPECT_FALSE(ApplyActions(table, {reorganize})->partitioning);
  reorganize.text = "coalesce PARTITION";
  EXPECT_FALSE(ApplyActions(table, {reorganize}));
  reorganize.number = 1;
  EXPECT_THAT(ApplyActions(table, {reorganize})->partitioning->partitions, testing::SizeIs(1));
  EXPECT_FALSE(ApplyActions(table, {Do(Kind::kUnknown)}));
  EXPECT_EQ(ApplyActions(table, {Do(Kind::kNoEffect), Do(Kind::kTruncatePartitions)}), table);
}

std::string PartitionsOf(const std::optional<TableSchema>& table) {
  std::string out;
  if (!table || !table->partitioning) return "unknown";
  for (const Partitioning::Partition& partition : table->partitioning->partitions) {
    out += (out.empty() ? "" : " ") + partition.name;
    for (const auto& sub : partition.subpartitions) out += "/" + sub.name;
  }
  return out;
}

TEST(ApplyActions, ReorganizesPartitions) {
  TableSchema table = Table();
  table.partitioning.emplace();
  table.partitioning->partitions = {{"p0", "10"}, {"p1", "20"}, {"p2", "30"}};
  AlterAction into = Do(Kind::kReorganize);
  into.text = "REORGANIZE PARTITION";
  into.names = {"P2", "p1"};
  into.partitions = {{"a", "15"}, {"p1", "25"}, {"c", "30"}};
  EXPECT_EQ(PartitionsOf(ApplyActions(table, {into})), "p0 a p1 c");
  for (auto& partition : table.partitioning->partitions) partition.subpartitions.resize(2);
  table.partitioning->partitions[0].subpartitions[0].name = "s";
  EXPECT_EQ(PartitionsOf(ApplyActions(table, {into})),
            "p0/s/ a/asp0/asp1 p1/p1sp0/p1sp1 c/csp0/csp1");
  into.names = {"p9"};
  EXPECT_FALSE(ApplyActions(table, {into}));
  AlterAction anew = Do(Kind::kReorganize);
  anew.text = "PARTITION BY RANGE (id) (PARTITION q VALUES LESS THAN (5))";
  EXPECT_FALSE(ApplyActions(table, {anew}));  // its text is for who speaks the source's SQL
  anew.partitioning.emplace();
  anew.partitioning->partitions = {{"q", "5"}};
  EXPECT_EQ(PartitionsOf(ApplyActions(table, {anew})), "q");
}

// Rows are decoded by columns and keys: what else the text leaves open does not stand in their way.
TEST(AlterTable, KnowsTheColumnsWhereItDoesNotKnowAll) {
  TableSchema table = Table();
  table.checks = {{"", "(`a` > 0)"}, {"", "(`b` > 0)"}};
  const auto dropped = AlterTable(table, {Do(Kind::kDropConstraint, "t_chk_1"), Add("x", "first")});
  ASSERT_TRUE(dropped);
  EXPECT_FALSE(dropped->is_whole);
  EXPECT_EQ(Columns(dropped->table), "x id a b note");
  AlterAction exchange = Do(Kind::kUnknown);
  exchange.text = "EXCHANGE PARTITION";
  exchange.new_table = {"shop", "other"};
  const auto exchanged = AlterTable(table, {exchange});
  ASSERT_TRUE(exchanged);
  EXPECT_TRUE(exchanged->is_whole);
  EXPECT_EQ(exchanged->table, table);
  EXPECT_FALSE(ApplyActions(table, {exchange}));
  AlterAction split = Do(Kind::kReorganize);
  split.text = "COALESCE PARTITION";
  split.number = 1;
  const auto coalesced = AlterTable(table, {split, Do(Kind::kDropColumn, "note")});
  ASSERT_TRUE(coalesced);  // though the table is not known to have partitions
  EXPECT_FALSE(coalesced->is_whole);
  EXPECT_EQ(Columns(coalesced->table), "id a b");
  EXPECT_FALSE(AlterTable(table, {Add("x", "nowhere")}));
  EXPECT_FALSE(AlterTable(table, {Do(Kind::kUnknown)}));
}

TEST(ExpressionNames, SkipsStringsAndCalls) {
  std::string names;
  for (const NameInExpression& name : NamesIn("f(`x``y`, a.b, 'c', \"d\\\"e\", _utf8'g', 12)")) {
    names += name.name + ";";
  }
  EXPECT_EQ(names, "x`y;a;b;12;");
  EXPECT_TRUE(Mentions("length(`A`)", "a"));
  EXPECT_FALSE(Mentions("a(1) + 'a'", "a"));
}

}  // namespace
}  // namespace godwit
