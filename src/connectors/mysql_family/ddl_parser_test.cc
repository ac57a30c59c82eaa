// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/ddl_parser.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "connectors/mysql_family/dialect.h"

namespace godwit::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Kind = SchemaChange::Kind;
using Action = AlterAction::Kind;

SchemaChange Parse(std::string_view sql, DialectTraits traits = {}, std::string_view mode = "") {
  return ParseDdl(sql, {.default_database = "d", .sql_mode = mode}, traits);
}

TableSchema Table(std::string_view sql, DialectTraits traits = {}) {
  SchemaChange change = Parse(sql, std::move(traits));
  EXPECT_EQ(change.problem, "") << sql;
  return change.definition.value_or(TableSchema{});
}

std::vector<Action> Actions(const SchemaChange& change) {
  std::vector<Action> out;
  for (const AlterAction& action : change.actions) out.push_back(action.kind);
  return out;
}

MysqlDialect DialectOf(Flavor flavor, int version) {
  ServerInfo info;
  info.flavor = flavor;
  info.version_number = version;
  info.collations = {"utf8mb4_general_ci", "utf8mb4_bin", "binary", "latin1_swedish_ci",
                     "utf8mb4_0900_ai_ci"};
  return MysqlDialect(info);
}

constexpr const char* kEverything = R"(CREATE TABLE `we``ird` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `a b` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'it''s \\ x' COMMENT 'c''c',
  `e` enum('a','b''c','x,y','back\\slash') DEFAULT 'b''c',
  `s` set('x','y') DEFAULT NULL,
  `b` bit(5) DEFAULT b'101',
  `d` decimal(10,2) unsigned DEFAULT '1.50',
  `z` int(10) unsigned zerofill DEFAULT NULL,
  `t` timestamp(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  `u` char(36) DEFAULT (uuid()),
  `g` int GENERATED ALWAYS AS ((`z` + 1)) STORED,
  `v` varchar(40) GENERATED ALWAYS AS (concat(`a b`,_utf8mb4'x)')) VIRTUAL,
  `i` int DEFAULT NULL /*!80023 INVISIBLE */,
  `p` point NOT NULL /*!80003 SRID 4326 */,
  `j` json DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `u` (`a b`(5),`d` DESC),
  KEY `f` ((lower(`a b`))) /*!80000 INVISIBLE */,
  FULLTEXT KEY `ft` (`a b`) /*!50100 WITH PARSER `ngram` */ COMMENT 'words',
  SPATIAL KEY `sp` (`p`),
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `other`.`t` (`x`) ON DELETE CASCADE,
  CONSTRAINT `ck` CHECK ((`d` > 0)) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='t''s'
/*!50100 PARTITION BY RANGE (`id`)
SUBPARTITION BY HASH (`z`)
(PARTITION p0 VALUES LESS THAN (10)
 (SUBPARTITION s0 COMMENT = 'x' ENGINE = InnoDB,
  SUBPARTITION s1 ENGINE = InnoDB),
 PARTITION p1 VALUES LESS THAN MAXVALUE
 (SUBPARTITION s2 ENGINE = InnoDB,
  SUBPARTITION s3 ENGINE = InnoDB)) */)";

TEST(DdlParserTest, ReadsEverythingAndWritesItBackEqual) {
  MysqlDialect dialect = DialectOf(Flavor::kMySql, 90700);
  TableSchema table = ParseCreateTable(kEverything, "d", dialect.traits());
  EXPECT_EQ(table.name.table, "we`ird");
  ASSERT_EQ(table.columns.size(), 14u);
  EXPECT_EQ(table.columns[1].default_value->text, "it's \\ x");
  EXPECT_THAT(table.columns[2].type.labels, ElementsAre("a", "b'c", "x,y", "back\\slash"));
  EXPECT_EQ(table.columns[10].generation_expression, "concat(`a b`,_utf8mb4'x)')");
  EXPECT_TRUE(table.columns[11].invisible);
  EXPECT_EQ(table.columns[12].native_type, "point srid 4326");
  EXPECT_EQ(table.next_auto_increment, 42u);
  EXPECT_FALSE(table.checks[0].enforced);
  EXPECT_EQ(table.partitioning->partitions[1].values, "MAXVALUE");

  std::vector<DialectNote> notes;
  EXPECT_EQ(dialect.Adapted(table, notes), table);
  EXPECT_TRUE(notes.empty());
  auto statements = dialect.CreateTable(table, {.defer_foreign_keys = false});
  EXPECT_EQ(ParseCreateTable(statements[0].sql, "d", dialect.traits()), table) << statements[0].sql;
}

TEST(DdlParserTest, OceanBaseHasWhatItCanAndNotesTheRest) {
  MysqlDialect dialect = DialectOf(Flavor::kOceanBase, 50725);
  TableSchema table = ParseCreateTable(kEverything, "d");
  std::vector<DialectNote> notes;
  TableSchema adapted = dialect.Adapted(table, notes);
  EXPECT_EQ(adapted.columns[0].native_type, "bigint(20) unsigned");
  EXPECT_EQ(adapted.columns[12].native_type, "point");
  EXPECT_FALSE(adapted.indexes[1].parts[1].descending);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0].column, "p");
  EXPECT_THAT(notes[1].text, HasSubstr("ascends"));
  EXPECT_EQ(dialect.Adapted(adapted, notes), adapted);
  EXPECT_THAT(dialect.CreateTable(adapted, {})[0].sql, HasSubstr("`u` (`a b`(5), `d`) GLOBAL"));
}

TEST(DdlParserTest, ServersTailsAreNoPartOfTheTable) {
  TableSchema table = Table(
      "CREATE TABLE `b` (\n  `id` int(11) NOT NULL,\n  `h` int(11) GENERATED ALWAYS AS ((`id` * "
      "2)) "
      "VIRTUAL NOT NULL,\n  PRIMARY KEY (`id`),\n  UNIQUE KEY `uh` (`h`) BLOCK_SIZE 16384 "
      "GLOBAL,\n  "
      "FULLTEXT KEY `ft` (`h`) WITH PARSER space PARSER_PROPERTIES=(min_token_size=3,max=84) "
      "BLOCK_SIZE 16384\n) ORGANIZATION INDEX DEFAULT CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC "
      "COMPRESSION = 'zstd_1.3.8' BLOCK_SIZE = 16384 TABLET_SIZE = 134217728 PCTFREE = 0 COMMENT = "
      "'it\\'s'\n partition by range(id) subpartition by hash(h) subpartition template (\n"
      "subpartition `p0`,\nsubpartition `p1`)\n(partition `a` values less than (5),\npartition `m` "
      "values less than (MAXVALUE))",
      DialectTraits::For(Flavor::kOceanBase, 50725));
  EXPECT_EQ(table.comment, "it's");
  EXPECT_EQ(table.indexes[2].parser, "");
  EXPECT_EQ(table.partitioning->partitions[1].values, "MAXVALUE");
  EXPECT_EQ(table.partitioning->partitions[0].subpartitions[1].name, "asp1");
}

TEST(DdlParserTest, FillsInWhatTheServerDoes) {
  TableSchema table = Table(
      "create table T (ID serial, a bool, b text(100) character set latin1, c dec, d char byte, "
      "r int, s float(30), n national varchar(5), KEY (a), key (A, r), unique (r), "
      "foreign key (c) references x (y), check (a > 0), primary key (r)) charset utf8mb4");
  EXPECT_EQ(table.columns[0].native_type, "bigint unsigned");
  EXPECT_TRUE(table.columns[0].auto_increment);
  EXPECT_EQ(table.columns[1].native_type, "tinyint(1)");
  EXPECT_EQ(table.columns[2].native_type, "tinytext");
  EXPECT_EQ(table.columns[3].native_type, "decimal(10,0)");
  EXPECT_EQ(table.columns[4].native_type, "binary(1)");
  EXPECT_FALSE(table.columns[5].nullable);
  EXPECT_EQ(table.columns[6].native_type, "double");
  EXPECT_EQ(table.columns[7].charset, "utf8mb3");
  std::vector<std::string> names;
  for (const IndexSchema& index : table.indexes) names.push_back(index.name);
  EXPECT_THAT(names, ElementsAre("PRIMARY", "ID", "r", "a", "a_2", "c"));
  EXPECT_EQ(table.foreign_keys[0].name, "T_ibfk_1");
  EXPECT_EQ(table.checks[0].name, "T_chk_1");
}

TEST(DdlParserTest, OldTimestampsTakeNoNull) {
  TableSchema table = Table("create table t (a timestamp, b timestamp, c timestamp null)",
                            DialectTraits::For(Flavor::kMySql, 50600));
  EXPECT_FALSE(table.columns[0].nullable);
  EXPECT_EQ(table.columns[0].on_update, "CURRENT_TIMESTAMP");
  EXPECT_EQ(table.columns[1].default_value->text, "0000-00-00 00:00:00");
  EXPECT_TRUE(table.columns[2].nullable);
  table = Table(
      "create table t (a timestamp(3) not null, b timestamp not null on update current_timestamp)",
      DialectTraits::For(Flavor::kMySql, 50600));
  EXPECT_EQ(table.columns[0].default_value->text, "CURRENT_TIMESTAMP(3)");
  EXPECT_EQ(table.columns[0].on_update, "CURRENT_TIMESTAMP(3)");
  EXPECT_EQ(table.columns[1].default_value->text, "0000-00-00 00:00:00");
  EXPECT_EQ(table.columns[1].on_update, "CURRENT_TIMESTAMP");
}

TEST(DdlParserTest, AnOldServersPrintSaysAllItself) {
  const DialectTraits traits = DialectTraits::For(Flavor::kMySql, 50600);
  // Made by a session with explicit_defaults_for_timestamp=ON.
  const TableSchema table =
      ParseCreateTable("CREATE TABLE t (a timestamp NOT NULL, b timestamp NULL)", "d", traits);
  EXPECT_FALSE(table.columns[0].default_value);
  EXPECT_FALSE(table.columns[0].nullable);
  EXPECT_TRUE(table.columns[1].nullable);
}

std::vector<std::string> Timestamps(std::string_view sql, const TableSchema& before,
                                    std::optional<bool> explicit_timestamps = {}) {
  const DialectTraits traits = DialectTraits::For(Flavor::kMySql, 50600);
  SchemaChange change =
      ParseDdl(sql, {.default_database = "d", .explicit_timestamps = explicit_timestamps}, traits);
  EXPECT_EQ(change.problem, "") << sql;
  if (!explicit_timestamps.value_or(false)) SettleTimestamps(change, before);
  std::vector<std::string> out;
  for (const AlterAction& action : change.actions) {
    const ColumnSchema& column = action.column;
    std::string text = column.name + (column.nullable ? "?" : "");
    if (column.default_value) text += " " + column.default_value->text;
    if (!column.on_update.empty()) text += " " + column.on_update;
    out.push_back(std::move(text));
  }
  return out;
}

TEST(DdlParserTest, OldTimestampsThatAreAddedTakeNoNullEither) {
  const TableSchema none = Table("create table t (id int, n int)");
  const TableSchema two = Table("create table t (id int, x timestamp null, y timestamp null)");
  EXPECT_THAT(
      Timestamps("alter table t add u timestamp, add v timestamp, add w timestamp null", none),
      ElementsAre("u CURRENT_TIMESTAMP CURRENT_TIMESTAMP", "v 0000-00-00 00:00:00", "w?"));
  EXPECT_THAT(Timestamps("alter table t add u timestamp, add v timestamp first", none),
              ElementsAre("u 0000-00-00 00:00:00", "v CURRENT_TIMESTAMP CURRENT_TIMESTAMP"));
  EXPECT_THAT(Timestamps("alter table t add u timestamp not null, modify y timestamp, "
                         "change x z timestamp(6)",
                         two),
              ElementsAre("u 0000-00-00 00:00:00", "y 0000-00-00 00:00:00",
                          "z CURRENT_TIMESTAMP(6) CURRENT_TIMESTAMP(6)"));
  EXPECT_THAT(Timestamps("alter table t add u timestamp default '2020-01-01'", none),
              ElementsAre("u 2020-01-01"));
  EXPECT_THAT(Timestamps("alter table t add u timestamp", none, true), ElementsAre("u?"));
}

TEST(DdlParserTest, PartitionByIsReadWhole) {
  const SchemaChange change = Parse(
      "alter table t partition by range (id) (partition a values less than (5), partition b values "
      "less than maxvalue)");
  ASSERT_TRUE(change.actions[0].partitioning) << change.problem;
  EXPECT_EQ(change.actions[0].partitioning->partitions[1].name, "b");
  EXPECT_EQ(change.actions[0].partitioning->level.expression, "id");
}

TEST(DdlParserTest, ModesChangeWhatQuotesMean) {
  TableSchema table = *Parse(
                           "create table \"a b\" (\"x\" int, g int as (\"x\" + 1), s char(5) "
                           "default 'a\\') comment '\\n'",
                           {}, "1048580")
                           .definition;
  EXPECT_EQ(table.name.table, "a b");
  EXPECT_EQ(table.columns[1].generation_expression, "`x` + 1");
  EXPECT_EQ(table.columns[2].default_value->text, "a\\");
  EXPECT_EQ(table.comment, "\\n");
}

TEST(DdlParserTest, WhatASqlModeReadsOtherwiseIsNotFollowed) {
  auto problem = [](std::string_view sql, std::string_view mode) {
    const SchemaChange change = Parse(sql, {}, mode);
    EXPECT_NE(change.kind, Kind::kUnknown) << sql;  // its columns are known
    return change.problem;
  };
  constexpr std::string_view kJoin = "alter table t add n varchar(9) as (a || ' ' || b) stored";
  for (const char* mode : {"ANSI", "oracle,STRICT_ALL_TABLES", "PIPES_AS_CONCAT", "2", "262151"}) {
    EXPECT_THAT(problem(kJoin, mode), HasSubstr("PIPES_AS_CONCAT")) << mode;
    EXPECT_THAT(problem("create view v as select a || b from t", mode), HasSubstr("joins"));
    EXPECT_EQ(problem("alter table t add n int comment '||', add check (a | b)", mode), "");
  }
  for (const char* mode : {"", "ANSI_QUOTES", "4"}) EXPECT_EQ(problem(kJoin, mode), "") << mode;
  constexpr std::string_view kNot = "alter table t add check (not a between 1 and 2)";
  EXPECT_THAT(problem(kNot, "HIGH_NOT_PRECEDENCE"), HasSubstr("NOT takes less"));
  EXPECT_THAT(problem(kNot, "536870912"), HasSubstr("NOT takes less"));
  EXPECT_EQ(problem(kNot, ""), "");
  EXPECT_EQ(problem("create table if not exists t (a int not null, check (a is not null and a not "
                    "in (1)) not enforced)",
                    "HIGH_NOT_PRECEDENCE"),
            "");
  const MysqlDialect dialect = DialectOf(Flavor::kOceanBase, 50725);
  EXPECT_THROW(dialect.Render(Parse(kJoin, {}, "ANSI"), nullptr), Error);
}

TEST(DdlParserTest, AForeignKeyRefersToTheDatabaseOfItsTable) {
  SchemaChange change = Parse(
      "create table x.child (p int, q int, foreign key (p) references parent (id), foreign key (q) "
      "references y.parent (id))");
  EXPECT_EQ(change.definition->foreign_keys[0].referenced.ToString(), "x.parent");
  EXPECT_EQ(change.definition->foreign_keys[1].referenced.ToString(), "y.parent");
  change = Parse("alter table x.child add foreign key (p) references parent (id), rename to u");
  EXPECT_EQ(change.actions[0].foreign_key.referenced.ToString(), "x.parent");
  EXPECT_EQ(change.actions[1].new_table.ToString(), "d.u");
}

// "b'101'" is an expression, "5" a literal.
std::string DefaultOf(const std::string& definition) {
  const SchemaChange change = Parse("alter table t add c " + definition);
  if (!change.problem.empty()) return change.problem;
  const auto& value = change.actions[0].column.default_value;
  return value ? value->text : "none";
}

TEST(DdlParserTest, ALiteralDefaultIsWhatItsServerMakesOfIt) {
  EXPECT_EQ(DefaultOf("year not null default 0"), "0000");
  EXPECT_EQ(DefaultOf("year default '0'"), "2000");
  EXPECT_EQ(DefaultOf("year default '0000'"), "0000");
  EXPECT_EQ(DefaultOf("year default 70"), "1970");
  EXPECT_EQ(DefaultOf("bit(8) default '1'"), "b'110001'");
  EXPECT_EQ(DefaultOf("bit(8) default 5"), "b'101'");
  EXPECT_EQ(DefaultOf("bit default false"), "b'0'");
  EXPECT_EQ(DefaultOf("varchar(9) default 007"), "7");
  EXPECT_EQ(DefaultOf("varchar(9) default -.50"), "-0.50");
  EXPECT_EQ(DefaultOf("varchar(9) default '007'"), "007");
  EXPECT_EQ(DefaultOf("int default 1.5e3"), "1500");
  EXPECT_EQ(DefaultOf("decimal(9,3) default 12e-1"), "1.2");
  EXPECT_EQ(DefaultOf("double default 1e300"), "1e300");
  EXPECT_EQ(DefaultOf("datetime(2) default 0"), "0000-00-00 00:00:00.00");
  EXPECT_EQ(DefaultOf("date default 20200102"), "20200102");
  EXPECT_EQ(DefaultOf("enum('1','2') default 2"), "2");
  for (const char* unclear : {"varchar(9) default 1e3", "enum('b','1') default 1",
                              "date default 101", "bit(8) default 1.5", "bit(8) default 'é'"}) {
    EXPECT_THAT(DefaultOf(unclear), HasSubstr("default")) << unclear;
    // Its rows are read all the same.
    EXPECT_EQ(Parse(std::string("alter table t add c ") + unclear).kind,
              SchemaChange::Kind::kAlterTable);
  }
}

TEST(DdlParserTest, LabelsMayBeGivenByTheirBytes) {
  const TableSchema table = Table("create table t (e enum(x'41', 'b', 0x43, b'1000100', n'e'))");
  EXPECT_THAT(table.columns[0].type.labels, ElementsAre("A", "b", "C", "D", "e"));
  for (const char* type :
       {"enum(x'c3a4')", "enum(_latin1 x'41')", "set(0xff)", "enum(x'4142') character set ucs2"}) {
    EXPECT_NE(Parse(std::string("create table t (e ") + type + ")").problem, "") << type;
  }
}

// "charset collation" of each column.
std::vector<std::string> CharsetsOf(const std::vector<ColumnSchema>& columns) {
  std::vector<std::string> out;
  for (const ColumnSchema& column : columns) out.push_back(column.charset + " " + column.collation);
  return out;
}

TEST(DdlParserTest, BinaryTextHasTheBinaryCollationOfItsCharset) {
  const std::string open = std::string(" ") + kBinaryText;  // the table says which
  const SchemaChange change = Parse(
      "alter table t add a varchar(9) binary, modify b varchar(9) binary not null, add c char(9) "
      "character set latin1 binary, add d text binary character set latin1, add e varchar(9) "
      "binary collate latin1_german1_ci, add f varchar(9)");
  EXPECT_EQ(change.problem, "");
  std::vector<ColumnSchema> altered;
  for (const AlterAction& action : change.actions) altered.push_back(action.column);
  EXPECT_THAT(CharsetsOf(altered), ElementsAre(open, open, "latin1 latin1_bin", "latin1 latin1_bin",
                                               "latin1 latin1_german1_ci", " "));
  constexpr std::string_view kCreate =
      "create table t (a varchar(9) binary, b varchar(9) binary character set gbk, c varchar(9) "
      "binary collate latin1_german1_ci)";
  EXPECT_THAT(CharsetsOf(Table(kCreate).columns),
              ElementsAre(open, "gbk gbk_bin", "latin1 latin1_german1_ci"));
  EXPECT_THAT(CharsetsOf(Table(std::string(kCreate) + " default charset latin1").columns),
              ElementsAre("latin1 latin1_bin", "gbk gbk_bin", "latin1 latin1_german1_ci"));
}

TEST(DdlParserTest, ACollationWithoutItsCharset) {
  const DialectTraits traits = DialectTraits::For(Flavor::kMariaDb, 110402);
  constexpr std::string_view kCreate =
      "create table t (a varchar(9) collate uca1400_ai_ci, b varchar(9) character set utf16 "
      "collate "
      "uca1400_ai_ci, c varchar(9) collate uca1400_ai_ci character set ucs2)";
  constexpr const char* kWide = "utf16 utf16_uca1400_ai_ci";
  constexpr const char* kUcs2 = "ucs2 ucs2_uca1400_ai_ci";
  EXPECT_THAT(CharsetsOf(Table(kCreate, traits).columns),
              ElementsAre(" _uca1400_ai_ci", kWide, kUcs2));  // the table says which
  EXPECT_THAT(CharsetsOf(Table(std::string(kCreate) + " charset utf16", traits).columns),
              ElementsAre(kWide, kWide, kUcs2));
  const TableSchema table =
      Table(std::string(kCreate) + " charset utf16 collate uca1400_as_cs", traits);
  EXPECT_EQ(table.collation, "utf16_uca1400_as_cs");
  EXPECT_EQ(table.charset, "utf16");
  const SchemaChange change =
      Parse("alter table t convert to charset utf32 collate uca1400_ai_ci", traits);
  EXPECT_EQ(change.actions.at(0).collation, "utf32_uca1400_ai_ci");
}

TEST(DdlParserTest, AnEngineThatForgetsTheRows) {
  EXPECT_THAT(Parse("alter table t engine = BlackHole").problem, HasSubstr("rows are gone"));
  EXPECT_EQ(Parse("alter table t engine = MyISAM").problem, "");
}

TEST(DdlParserTest, TableNamesInSmallLettersOfAnyScript) {
  DialectTraits traits = DialectTraits::For(Flavor::kMySql, 80400);
  traits.lower_case_table_names = 1;
  EXPECT_EQ(Parse("alter table ÄPFEL.Größe add x int", traits).table,
            (TableName{"äpfel", "größe"}));
}

TEST(DdlParserTest, ChecksOfOtherServers) {
  constexpr const char* kSql =
      "create table t (a int check (a > 0), j json, k json check (k <> ''), check (a < 9), "
      "constraint CONSTRAINT_1 check (a < 8))";
  TableSchema table = Table(kSql, DialectTraits::For(Flavor::kMariaDb, 101119));
  std::vector<std::string> found;
  for (const CheckSchema& check : table.checks) found.push_back(check.column + ":" + check.name);
  EXPECT_THAT(found, ElementsAre("a:", "j:", "k:", ":CONSTRAINT_2", ":CONSTRAINT_1"));
  EXPECT_EQ(table.checks[1].expression, "json_valid(`j`)");
  EXPECT_TRUE(Table("create table t (a int check (a > 0), check (a < 9))",
                    DialectTraits::For(Flavor::kMySql, 50600))
                  .checks.empty());
}

TEST(DdlParserTest, VersionedCommentsHoldForTheirVersions) {
  auto columns = [](Flavor flavor, int version) {
    return Table(
               "create table t (a int /*!50500 , b int */ /*!80000 , c int */ /*M!100100 , m int */"
               " /* , no int */)",
               DialectTraits::For(flavor, version))
        .columns.size();
  };
  EXPECT_EQ(columns(Flavor::kMySql, 50624), 2u);
  EXPECT_EQ(columns(Flavor::kMySql, 90700), 3u);
  EXPECT_EQ(columns(Flavor::kMariaDb, 101119), 3u);
}

TEST(DdlParserTest, AlterOfManyClauses) {
  SchemaChange change = Parse(
      "ALTER TABLE x.t ADD COLUMN (a int, b int unique), ADD c int first, DROP d, MODIFY e bigint "
      "AFTER a, CHANGE f g int not null, RENAME COLUMN h TO i, ALTER j SET DEFAULT 'x,y', DROP "
      "INDEX "
      "k, ADD UNIQUE KEY (a, b), DROP PRIMARY KEY, ENGINE=InnoDB, COMMENT 'c', DEFAULT CHARSET "
      "latin1 COLLATE latin1_bin, RENAME TO y.u, ALGORITHM=INPLACE, LOCK=NONE");
  EXPECT_EQ(change.kind, Kind::kAlterTable) << change.problem;
  EXPECT_EQ(change.table.database, "x");
  EXPECT_THAT(Actions(change),
              ElementsAre(Action::kAddColumn, Action::kAddColumn, Action::kAddIndex,
                          Action::kAddColumn, Action::kDropColumn, Action::kModifyColumn,
                          Action::kModifyColumn, Action::kRenameColumn, Action::kSetDefault,
                          Action::kDropIndex, Action::kAddIndex, Action::kDropPrimaryKey,
                          Action::kNoEffect, Action::kTableComment, Action::kTableCharset,
                          Action::kRenameTable, Action::kNoEffect, Action::kNoEffect));
  EXPECT_EQ(change.actions[14].collation, "latin1_bin");
}

TEST(DdlParserTest, PartitionClauses) {
  EXPECT_THAT(Parse("alter table t reorganize partition a, b into (partition c values in (1))")
                  .actions[0]
                  .names,
              ElementsAre("a", "b"));
  EXPECT_EQ(Parse("alter table t coalesce partition 3").actions[0].number, 3u);
  EXPECT_EQ(Parse("alter table t add partition partitions 2").actions[0].text, "2");
  EXPECT_EQ(Parse("alter table t exchange partition a with table x.y").actions[0].kind,
            Action::kUnknown);
  EXPECT_EQ(Parse("alter table t exchange partition a with table x.y").actions[0].new_table.table,
            "y");
  for (const char* sql : {"alter table t convert partition a to table x.y",
                          "alter table t convert table x.y to partition a values less than (10)",
                          "alter table t convert table x.y to partition a values less than (10, 1) "
                          "without validation"}) {
    EXPECT_EQ(Parse(sql).actions[0].kind, Action::kUnknown) << sql;
    EXPECT_EQ(Parse(sql).actions[0].new_table.table, "y") << sql;
  }
  EXPECT_EQ(Parse("alter table t truncate partition all").actions[0].kind,
            Action::kTruncatePartitions);
}

TEST(DdlParserTest, OtherStatements) {
  EXPECT_EQ(Parse("rename table a to b, x.c to d").renames.size(), 2u);
  EXPECT_EQ(Parse("create table a like b").like_table->table, "b");
  EXPECT_EQ(Parse("create table a (like b)").like_table->table, "b");
  EXPECT_EQ(Parse("create table a like b").check_names, "a_chk_");
  EXPECT_EQ(Parse("drop table if exists a, b /* generated by server */").tables.size(), 2u);
  EXPECT_EQ(Parse("truncate x.y").table.database, "x");
  EXPECT_EQ(Parse("create unique index i on t (a(3) desc) comment 'x' algorithm=inplace").kind,
            Kind::kAlterTable);
  EXPECT_EQ(Parse("alter database x charset latin1").charset, "latin1");
  EXPECT_TRUE(Parse("create temporary table t select 1").temporary);
  EXPECT_TRUE(Parse("drop temporary table if exists t").temporary);
  for (const char* sql : {"grant all on *.* to x", "create definer=`a`@`b` procedure p() select 1",
                          "create trigger t before insert on x for each row set @a = 1",
                          "flush "
                          "tables",
                          "drop function f", "create user u", "analyze table t", "# x"}) {
    EXPECT_EQ(Parse(sql).kind, Kind::kIrrelevant) << sql;
  }
}

TEST(DdlParserTest, AReplacedTable) {
  const SchemaChange change = Parse("create or replace table t (a int primary key)");
  EXPECT_EQ(change.kind, Kind::kCreateTable);
  EXPECT_TRUE(change.replaces);
  EXPECT_FALSE(Parse("create table t (a int primary key)").replaces);
  EXPECT_TRUE(Parse("create or replace table t like u").replaces);
  EXPECT_TRUE(Parse("create or replace temporary table t (a int)").temporary);
}

TEST(DdlParserTest, AReplacedIndex) {
  const SchemaChange change = Parse("create or replace unique index i on t (a)");
  EXPECT_THAT(Actions(change), ElementsAre(Action::kDropIndex, Action::kAddIndex));
  EXPECT_FALSE(change.replaces);  // the table stays
  const TableSchema before = Table("create table t (a int, b int, key i (b))");
  const auto after = ApplyActions(before, change.actions);
  ASSERT_TRUE(after);
  ASSERT_EQ(after->indexes.size(), 1u);
  EXPECT_TRUE(after->indexes[0].is_unique());
  EXPECT_EQ(after->indexes[0].parts[0].column, "a");
  const MysqlDialect dialect = DialectOf(Flavor::kOceanBase, 50725);
  auto rendered = [&](const TableSchema& table) {
    std::string out;
    for (const Statement& statement : dialect.Render(change, &table)) out += statement.sql + ";";
    return out;
  };
  EXPECT_THAT(rendered(before), HasSubstr("DROP INDEX `i`"));
  const std::string without = rendered(Table("create table t (a int, b int)"));
  EXPECT_THAT(without, HasSubstr("ADD UNIQUE"));
  EXPECT_THAT(without, Not(HasSubstr("DROP")));
  EXPECT_THAT(Actions(Parse("create index i on t (a)")), ElementsAre(Action::kAddIndex));
}

TEST(DdlParserTest, CompressedColumns) {
  const TableSchema table = Table(
      "create table t (a varchar(100) compressed not null default 'x', b text compressed=zlib "
      "character set latin1, c blob /*M!100301 COMPRESSED*/ null)",
      DialectTraits::For(Flavor::kMariaDb, 101119));
  ASSERT_EQ(table.columns.size(), 3u);
  EXPECT_EQ(table.columns[0].native_type, "varchar(100)");
  EXPECT_FALSE(table.columns[0].nullable);
  EXPECT_EQ(table.columns[1].charset, "latin1");
  EXPECT_EQ(table.columns[2].native_type, "blob");
}

TEST(DdlParserTest, WhatItCannotReadIsUnknownWithItsTable) {
  for (const char* sql :
       {"create table t (a int) select 1", "alter table t frobnicate", "create table t (a strange)",
        "alter table t add period for system_time (a, b)", "create or replace table t (a strange)",
        "alter table t add column", "create table t (a int", "drop index i on t what"}) {
    SchemaChange change = Parse(sql);
    EXPECT_EQ(change.kind, Kind::kUnknown) << sql;
    EXPECT_NE(change.problem, "") << sql;
    EXPECT_EQ(change.table.table, "t") << sql;
    EXPECT_EQ(change.creates_table, std::string_view(sql).starts_with("create")) << sql;
  }
  EXPECT_EQ(Parse("insert into t values (1)").kind, Kind::kUnknown);
  EXPECT_FALSE(Parse("create view t as").creates_table);
  EXPECT_THROW(ParseCreateTable("CREATE TABLE t (a strange)", "d"), Error);
}

TEST(DdlParserTest, ViewsAndTheirTables) {
  SchemaChange change = Parse(
      "CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`%` SQL SECURITY DEFINER VIEW `v` (`a`) AS SELECT "
      "t.x, `d`.`t`.`y`, extract(year from t.z) FROM t JOIN (u, e.w AS k) ON t.i = u.i WHERE t.x "
      "IN "
      "(SELECT x FROM s) WITH LOCAL CHECK OPTION");
  ASSERT_TRUE(change.view) << change.problem;
  EXPECT_EQ(change.view->definer, "root@%");
  EXPECT_EQ(change.view->check_option, "LOCAL");
  MysqlDialect dialect = DialectOf(Flavor::kMySql, 90700);
  EXPECT_EQ(
      dialect.MapTableNames(change.view->select, "d",
                            [](const TableName& name) {
                              TableName out{"n", name.table};
                              if (name.table == "t") out.table = "tt";
                              return out;
                            }),
      "SELECT t.x, `t`.`y`, extract(year from t.z) FROM `n`.`tt` AS `t` JOIN (`n`.`u`, `n`.`w` "
      "AS k) ON t.i = u.i WHERE t.x IN (SELECT x FROM `n`.`s`)");
}

}  // namespace
}  // namespace godwit::mysql
