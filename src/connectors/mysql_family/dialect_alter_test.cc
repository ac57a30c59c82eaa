// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/dialect_alter.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "connectors/mysql_family/ddl_parser.h"

namespace godwit::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

SchemaChange Parse(std::string_view sql, DialectTraits traits = {}) {
  return ParseDdl(sql, {.default_database = "d"}, traits);
}

TableSchema Table(std::string_view sql) {
  SchemaChange change = Parse(sql);
  EXPECT_EQ(change.problem, "") << sql;
  return change.definition.value_or(TableSchema{});
}

MysqlDialect DialectOf(Flavor flavor, int version) {
  ServerInfo info;
  info.flavor = flavor;
  info.version_number = version;
  return MysqlDialect(info);
}

std::vector<std::string> Rendered(const SchemaChange& change, const TableSchema* before) {
  MysqlDialect dialect = DialectOf(Flavor::kOceanBase, 50725);
  std::vector<std::string> out;
  for (const Statement& statement : dialect.Render(change, before)) out.push_back(statement.sql);
  return out;
}
std::vector<std::string> Rendered(std::string_view sql, const TableSchema* before) {
  return Rendered(Parse(sql), before);
}

TEST(DdlRenderTest, OceanBaseGetsClausesInGroups) {
  TableSchema before = Table("create table t (id int primary key, a int, b int, key k (a))");
  EXPECT_THAT(
      Rendered("alter table t add key k (b), change a c bigint, drop index k, drop b, "
               "add b int, comment 'x'",
               &before),
      ElementsAre("ALTER TABLE `d`.`t` DROP INDEX `k`", "ALTER TABLE `d`.`t` DROP COLUMN `b`",
                  "ALTER TABLE `d`.`t` RENAME COLUMN `a` TO `c`",
                  "ALTER TABLE `d`.`t` MODIFY COLUMN `c` bigint(20), ADD COLUMN `b` int(11)",
                  "ALTER TABLE `d`.`t` ADD KEY `k` (`b`)", "ALTER TABLE `d`.`t` COMMENT = 'x'"));
}

TEST(DdlRenderTest, WhatWouldChangeOtherRowsIsRefused) {
  TableSchema plain = Table("create table t (id int primary key, a int)");
  TableSchema hash =
      Table("create table t (id int primary key) partition by hash (id) partitions 3");
  for (const char* sql : {"alter table t add n int auto_increment unique",
                          "alter table t add u char(36) default (uuid())",
                          "alter table t add c datetime default current_timestamp",
                          "alter table t exchange partition p with table x",
                          "alter table t import tablespace", "alter table t drop partition p0"}) {
    EXPECT_THROW(Rendered(sql, &plain), Error) << sql;
  }
  EXPECT_THROW(Rendered("alter table t truncate partition p0", &hash), Error);
}

// What is dropped by name holds what the bounds say.
TEST(DdlRenderTest, PartitionsWithOtherBoundsAreLeftAlone) {
  const TableSchema source = Table(
      "create table t (id int primary key) partition by range (id) (partition p0 values less than "
      "(100), partition p1 values less than (200), partition px values less than maxvalue)");
  auto dropped = [&](std::string_view sql, std::string_view there) {
    const TableSchema before = Table(there);
    SchemaChange change = Parse(sql);
    SettleAlteration(change, source);
    try {
      return Rendered(change, &before).at(0);
    } catch (const Error& error) {
      return error.fields().cause;
    }
  };
  const std::string other =
      "create table t (id int primary key) partition by range (id) (partition p0 values less than "
      "(200), partition px values less than maxvalue)";
  const std::string same =
      "create table t (id int primary key) partition by range columns (id) (partition P0 values "
      "less than ( 100 ), partition p1 values less than (200), partition px values less than "
      "(MAXVALUE))";
  EXPECT_THAT(dropped("alter table t drop partition p0", other), HasSubstr("other bounds"));
  EXPECT_THAT(dropped("alter table t truncate partition p0", other), HasSubstr("other bounds"));
  EXPECT_THAT(dropped("alter table t drop partition px", other), HasSubstr(" DROP PARTITION `px`"));
  EXPECT_THAT(dropped("alter table t drop partition p0, p1", same), HasSubstr(" DROP PARTITION "));
  EXPECT_THAT(dropped("alter table t truncate partition px", same), HasSubstr("TRUNCATE"));
  const std::string later =
      "create table t (id int primary key) partition by range (id) (partition p0 values less than "
      "(50), partition p1 values less than (200))";
  EXPECT_THAT(dropped("alter table t drop partition p1", later), HasSubstr("other bounds"));
}

TEST(DdlRenderTest, ValuesOfAListHaveNoOrder) {
  const TableSchema source = Table(
      "create table t (d date primary key) partition by list columns (d) (partition p values in "
      "('2020-01-01', '2020-01-02'))");
  const TableSchema same = Table(
      "create table t (d date primary key) partition by list columns (d) (partition p values in "
      "('2020-01-02','2020-01-01 00:00:00'))");
  const TableSchema other = Table(
      "create table t (d date primary key) partition by list columns (d) (partition p values in "
      "('2020-01-01'))");
  SchemaChange change = Parse("alter table t drop partition p");
  SettleAlteration(change, source);
  EXPECT_EQ(Rendered(change, &same).size(), 1u);
  EXPECT_THROW(Rendered(change, &other), Error);
  const TableSchema hex = Table(
      "create table t (b varbinary(9) primary key) partition by range columns (b) (partition p "
      "values less than (_binary 0x4e))");
  const TableSchema plain = Table(
      "create table t (b varbinary(9) primary key) partition by range columns (b) (partition p "
      "values less than ('N'))");
  change = Parse("alter table t drop partition p");
  SettleAlteration(change, hex);
  EXPECT_EQ(Rendered(change, &plain).size(), 1u);
}

// A source without NO_AUTO_VALUE_ON_ZERO numbers rows that have 0.
TEST(DdlRenderTest, RowsThatTheSourceMayNumberAreAskedAbout) {
  const TableSchema plain = Table("create table t (id int primary key, n int not null, key (n))");
  EXPECT_THROW(Rendered("alter table t modify n int not null auto_increment", &plain), Error);
  EXPECT_THROW(Rendered("alter table t change n m int not null auto_increment", &plain), Error);
  const TableSchema numbered = Table("create table t (id int auto_increment primary key)");
  EXPECT_EQ(Rendered("alter table t modify id bigint auto_increment", &numbered).size(), 1u);
}

// Rows that are there have it at the source.
TEST(DdlRenderTest, ADefaultThatAColumnCannotHaveIsGivenToTheRows) {
  const TableSchema plain = Table("create table t (id int primary key, a int)");
  EXPECT_THAT(Rendered("alter table t add note text not null default ('n/a')", &plain),
              ElementsAre("ALTER TABLE `d`.`t` ADD COLUMN `note` text NOT NULL",
                          "UPDATE `d`.`t` SET `note` = 'n/a'"));
  EXPECT_THAT(Rendered("alter table t add tags json default (_utf8mb4'[]'), add b blob default "
                       "(x'41'), add key k (b(3))",
                       &plain),
              ElementsAre("ALTER TABLE `d`.`t` ADD COLUMN `tags` json, ADD COLUMN `b` blob",
                          "UPDATE `d`.`t` SET `tags` = _utf8mb4'[]', `b` = x'41'",
                          "ALTER TABLE `d`.`t` ADD KEY `k` (`b`(3))"));
  const TableSchema moving = Table(
      "create table t (id int primary key, m timestamp null on update current_timestamp, gone "
      "timestamp null on update current_timestamp)");
  EXPECT_EQ(Rendered("alter table t add note text default ('x'), drop gone", &moving)[2],
            "UPDATE `d`.`t` SET `note` = 'x', `m` = `m`");
  EXPECT_EQ(Rendered("alter table t add n int default 5", &plain).size(), 1u);
  EXPECT_EQ(Rendered("alter table t add note text default null", &plain).size(), 1u);
  for (const char* sql : {"alter table t add tags json default (json_array())",
                          "alter table t add total int default (a * 2)"}) {
    try {
      Rendered(sql, &plain);
      FAIL() << sql;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "DDL_NOT_CONVERTIBLE");
      EXPECT_THAT(error.fields().cause, HasSubstr("ALTER TABLE `d`.`t` ADD COLUMN `t")) << sql;
    }
  }
}

// Times in a change are in UTC; what converts rows runs in the zone of the source's session.
TEST(DdlRenderTest, AStatementRunsInItsTimeZoneWhereItMust) {
  const MysqlDialect dialect = DialectOf(Flavor::kOceanBase, 50725);
  const TableSchema before = Table("create table t (id int primary key, x datetime)");
  SchemaChange change = Parse(
      "alter table t modify x timestamp null, add y timestamp not null default '2020-01-01 "
      "20:00:00', add z timestamp not null default '0000-00-00 00:00:00', add w datetime default "
      "'2020-01-01 00:00:00'");
  std::vector<Statement> statements = dialect.Render(change, &before);
  ASSERT_EQ(statements.size(), 1u);
  EXPECT_EQ(statements[0].time_zone, "");
  EXPECT_THAT(statements[0].sql, HasSubstr("DEFAULT '2020-01-01 20:00:00'"));
  change.time_zone = "+08:00";
  statements = dialect.Render(change, &before);
  ASSERT_EQ(statements.size(), 1u);
  EXPECT_EQ(statements[0].time_zone, "+08:00");
  EXPECT_THAT(statements[0].sql, HasSubstr("`y` timestamp NOT NULL DEFAULT '2020-01-02 04:00:00'"));
  EXPECT_THAT(statements[0].sql, HasSubstr("`z` timestamp NOT NULL DEFAULT '0000-00-00 00:00:00'"));
  EXPECT_THAT(statements[0].sql, HasSubstr("`w` datetime DEFAULT '2020-01-01 00:00:00'"));
  change.time_zone = "Europe/Paris";
  EXPECT_THROW(dialect.Render(change, &before), Error);
}

TEST(DdlRenderTest, PartitionByIsRenderedHoweverItIsWritten) {
  const TableSchema before = Table("create table t (id int primary key)");
  EXPECT_THAT(
      Rendered("alter table t partition by range (id) (partition p0 values less than (5))",
               &before),
      ElementsAre("ALTER TABLE `d`.`t` PARTITION BY RANGE (id) (PARTITION `p0` VALUES LESS THAN "
                  "(5))"));
}

TEST(DdlRenderTest, ReorganizedPartitionsKeepTheSourcesNamesAndBounds) {
  TableSchema before = Table(
      "create table t (id int primary key) partition by range (id) (partition p0 values less than "
      "(10), partition p1 values less than (20))");
  EXPECT_THAT(
      Rendered("alter table t reorganize partition p0 into (partition p0 values less than (5), "
               "partition p2 values less than (10))",
               &before),
      ElementsAre(
          "ALTER TABLE `d`.`t` PARTITION BY RANGE (id) (PARTITION `p0` VALUES LESS THAN (5), "
          "PARTITION `p2` VALUES LESS THAN (10), PARTITION `p1` VALUES LESS THAN (20))"));
}

TEST(DdlRenderTest, NamesAreThoseThatTheSourceGives) {
  const TableSchema before = Table(
      "create table t (id int primary key, a int, b int, key a (a), constraint t_chk_3 check (a > "
      "0))");
  EXPECT_THAT(Rendered("alter table t drop index a, add unique (A)", &before),
              ElementsAre("ALTER TABLE `d`.`t` DROP INDEX `a`",
                          "ALTER TABLE `d`.`t` ADD UNIQUE KEY `a` (`A`)"));
  EXPECT_THAT(Rendered("alter table t add key (b), add key (b, id)", &before),
              ElementsAre("ALTER TABLE `d`.`t` ADD KEY `b` (`b`)",
                          "ALTER TABLE `d`.`t` ADD KEY `b_2` (`b`, `id`)"));
  EXPECT_THAT(Rendered("alter table t add check (b > 0), add c int check (c > 0)", &before),
              ElementsAre("ALTER TABLE `d`.`t` ADD COLUMN `c` int(11)",
                          "ALTER TABLE `d`.`t` ADD CONSTRAINT `t_chk_4` CHECK (b > 0)",
                          "ALTER TABLE `d`.`t` ADD CONSTRAINT `t_chk_5` CHECK (c > 0)"));
  EXPECT_THAT(
      Rendered("alter table t add constraint fk foreign key (b) references p (id)", &before),
      ElementsAre("ALTER TABLE `d`.`t` ADD KEY `fk` (`b`)",
                  "ALTER TABLE `d`.`t` ADD CONSTRAINT `fk` FOREIGN KEY (`b`) REFERENCES `d`.`p` "
                  "(`id`)"));
  EXPECT_THAT(Rendered("alter table t add foreign key (a) references p (id)", &before),
              ElementsAre("ALTER TABLE `d`.`t` ADD CONSTRAINT `t_ibfk_1` FOREIGN KEY (`a`) "
                          "REFERENCES `d`.`p` (`id`)"));
}

// Under its own name in the statement, and the source's names of what is not here.
TEST(DdlRenderTest, NamesAreTheSourcesWhereTheTableIsAnother) {
  const TableSchema source = Table(
      "create table t (id int primary key, a int, b int, key (b), constraint t_ibfk_7 foreign key "
      "(b) references gone (id))");
  TableSchema before = Table("create table u (id int primary key, a int, x int)");
  SchemaChange change =
      Parse("alter table t add foreign key (a) references p (id), add key (b), add check (a > 0)");
  SettleAlteration(change, source);
  change.table.table = "u";
  change.actions[2].index.parts[0].column = "x";
  EXPECT_THAT(Rendered(change, &before),
              ElementsAre("ALTER TABLE `d`.`u` ADD KEY `a` (`a`)",
                          "ALTER TABLE `d`.`u` ADD KEY `b_2` (`x`)",
                          "ALTER TABLE `d`.`u` ADD CONSTRAINT `t_ibfk_8` FOREIGN KEY (`a`) "
                          "REFERENCES `d`.`p` (`id`)",
                          "ALTER TABLE `d`.`u` ADD CONSTRAINT `t_chk_1` CHECK (a > 0)"));
}

TEST(DdlRenderTest, MariaDbsChecksHaveNamesOfTheirTable) {
  const DialectTraits mariadb = DialectTraits::For(Flavor::kMariaDb, 101119);
  TableSchema before = Table("create table t (id int primary key, a int)");
  EXPECT_THAT(Rendered(Parse("alter table t add check (a > 0)", mariadb), &before),
              ElementsAre("ALTER TABLE `d`.`t` ADD CONSTRAINT `t_CONSTRAINT_1` CHECK (a > 0)"));
  before.checks = {{"t_CONSTRAINT_1", "a > 0"}, {"t_CONSTRAINT_2", "a < 9"}};
  EXPECT_THAT(
      Rendered(Parse("alter table t drop constraint CONSTRAINT_1, add check (a > 1), add check (a "
                     "< 8)",
                     mariadb),
               &before),
      ElementsAre("ALTER TABLE `d`.`t` DROP CHECK `t_CONSTRAINT_1`",
                  "ALTER TABLE `d`.`t` ADD CONSTRAINT `t_CONSTRAINT_1` CHECK (a > 1)",
                  "ALTER TABLE `d`.`t` ADD CONSTRAINT `t_CONSTRAINT_3` CHECK (a < 8)"));
}

TEST(DdlRenderTest, MariaDbsColumnIsDefinedAnewWithoutItsCheck) {
  const DialectTraits mariadb = DialectTraits::For(Flavor::kMariaDb, 101119);
  TableSchema before = Table("create table t (id int primary key, a int, j longtext)");
  before.checks = {{"t_OBCHECK_17", "(json_valid(`j`))"},
                   {"t_OBCHECK_18", "(`a` > 0)"},
                   {"t_OBCHECK_", "(`j` <> '')"},
                   {"mine_2", "(`j` <> '')"}};
  before.checks[2].name = "by_hand_OBCHECK_x";
  EXPECT_THAT(Rendered(Parse("alter table t modify j text", mariadb), &before),
              ElementsAre("ALTER TABLE `d`.`t` DROP CHECK `t_OBCHECK_17`",
                          "ALTER TABLE `d`.`t` MODIFY COLUMN `j` text"));
  EXPECT_THAT(Rendered(Parse("alter table t change a b int check (b > -10)", mariadb), &before),
              ElementsAre("ALTER TABLE `d`.`t` DROP CHECK `t_OBCHECK_18`",
                          "ALTER TABLE `d`.`t` RENAME COLUMN `a` TO `b`",
                          "ALTER TABLE `d`.`t` MODIFY COLUMN `b` int(11)",
                          "ALTER TABLE `d`.`t` ADD CHECK (b > -10)"));
  EXPECT_THAT(Rendered("alter table t modify j text", &before),
              ElementsAre("ALTER TABLE `d`.`t` MODIFY COLUMN `j` text"));
}

TEST(DdlRenderTest, DefaultsAreSetAsTheSourceReadsThem) {
  const TableSchema before = Table(
      "create table t (id int primary key, y year, b bit(8), v varchar(9), d datetime, e date)");
  EXPECT_THAT(
      Rendered("alter table t alter y set default 0, alter b set default '1', alter v set default "
               "007, alter d set default 0, alter y set default '0'",
               &before),
      ElementsAre("ALTER TABLE `d`.`t` ALTER COLUMN `y` SET DEFAULT '0000'",
                  "ALTER TABLE `d`.`t` ALTER COLUMN `b` SET DEFAULT b'110001'",
                  "ALTER TABLE `d`.`t` ALTER COLUMN `v` SET DEFAULT '7'",
                  "ALTER TABLE `d`.`t` ALTER COLUMN `d` SET DEFAULT '0000-00-00 00:00:00'",
                  "ALTER TABLE `d`.`t` ALTER COLUMN `y` SET DEFAULT '2000'"));
  EXPECT_THROW(Rendered("alter table t alter v set default 1e3", &before), Error);
  SchemaChange old = Parse("alter table t alter b set default 5");
  old.actions[0].text.clear();  // as older versions stored it
  EXPECT_THAT(Rendered(old, &before),
              ElementsAre("ALTER TABLE `d`.`t` ALTER COLUMN `b` SET DEFAULT 5"));
  EXPECT_THAT(
      Rendered("alter table t modify d datetime default (current_timestamp + interval 1 day), "
               "modify e date default (current_timestamp), modify v varchar(9) default (x'41')",
               &before),
      ElementsAre("ALTER TABLE `d`.`t` MODIFY COLUMN `d` datetime DEFAULT (current_timestamp + "
                  "interval 1 day), MODIFY COLUMN `e` date DEFAULT (current_timestamp), MODIFY "
                  "COLUMN `v` varchar(9) DEFAULT x'41'"));
}

// Rows lie in partitions by the order of texts, which is the collation's.
TEST(DdlRenderTest, PartitionsOverTextAreDroppedWhereTheyHoldTheSameRows) {
  auto table = [](const std::string& type) {
    return Table("create table t (c " + type +
                 " not null) partition by range columns (c) (partition p0 values less than ('N'), "
                 "partition p1 values less than (maxvalue))");
  };
  auto dropped = [&](const std::string& source, const std::string& destination) {
    SchemaChange change = Parse("alter table t drop partition p0");
    if (!source.empty()) SettleAlteration(change, table(source));
    const TableSchema before = table(destination);
    try {
      return Rendered(change, &before)[0];
    } catch (const Error& error) {
      return error.fields().cause;
    }
  };
  const std::string done = "ALTER TABLE `d`.`t` DROP PARTITION `p0`";
  const std::string general = "varchar(9) collate utf8mb4_general_ci";
  const std::string binary = "varchar(9) collate utf8mb4_bin";
  EXPECT_EQ(dropped(general, general), done);
  EXPECT_EQ(dropped("varchar(9) collate utf8mb3_general_ci", general), done);
  EXPECT_EQ(dropped("char(9) collate ascii_bin", binary), done);
  EXPECT_EQ(dropped("", "varbinary(9)"), done);
  EXPECT_THAT(dropped("", general), HasSubstr("one that is not known"));
  EXPECT_THAT(dropped("varchar(9) collate utf8mb4_0900_ai_ci", general),
              HasSubstr("by the collation utf8mb4_general_ci at the destination and "
                        "utf8mb4_0900_ai_ci at the source"));
  EXPECT_THAT(dropped("varchar(9) collate utf8mb4_0900_as_cs", binary), HasSubstr("other rows"));
  EXPECT_THAT(dropped("varchar(9) collate latin1_bin", binary), HasSubstr("other rows"));
  const TableSchema before = table(general);
  EXPECT_THROW(Rendered("alter table t truncate partition p1", &before), Error);
  EXPECT_EQ(Rendered("alter table t truncate partition all", &before).size(), 1u);
}

TEST(DdlRenderTest, RemovedPartitioningLeavesAPlaceForEveryRow) {
  auto removed = [](const std::string& partitions) {
    const TableSchema before =
        Table("create table t (id int not null, a int not null) partition by " + partitions);
    return Rendered("alter table t remove partitioning", &before);
  };
  EXPECT_THAT(removed("range (id) (partition p0 values less than (5))"),
              ElementsAre("ALTER TABLE `d`.`t` ADD PARTITION (PARTITION `rest` VALUES LESS THAN "
                          "MAXVALUE)"));
  EXPECT_THAT(removed("range columns (id, a) (partition rest values less than (5, maxvalue))"),
              ElementsAre("ALTER TABLE `d`.`t` ADD PARTITION (PARTITION `rest_` VALUES LESS THAN "
                          "(MAXVALUE, MAXVALUE))"));
  EXPECT_THAT(removed("list (id) (partition p0 values in (1, 2))"),
              ElementsAre("ALTER TABLE `d`.`t` ADD PARTITION (PARTITION `rest` VALUES IN "
                          "(DEFAULT))"));
  EXPECT_THAT(removed("range (id) (partition p0 values less than maxvalue)"), IsEmpty());
  EXPECT_THAT(removed("list (id) (partition p0 values in (1), partition p1 values in (default))"),
              IsEmpty());
  EXPECT_THAT(removed("hash (id) partitions 4"), IsEmpty());
}

}  // namespace
}  // namespace godwit::mysql
