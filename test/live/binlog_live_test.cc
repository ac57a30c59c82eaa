// SPDX-License-Identifier: Apache-2.0
// The binary log of every server that writes one, against what a SELECT shows.
#include <gtest/gtest.h>

#include <map>

#include "connectors/mysql_family/binlog_position.h"
#include "test/live/followed_log.h"

namespace godwit::live {
namespace {

using mysql::Flavor;

class EveryBinlog : public ::testing::TestWithParam<std::string>, protected FollowedLog {
 protected:
  EveryBinlog() : FollowedLog(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Family, EveryBinlog, ::testing::Values("MYSQL97", "MYSQL56", "MARIADB"),
                         [](const auto& server) { return server.param; });

std::vector<Fragment::Kind> Kinds(const std::vector<Fragment>& fragments) {
  std::vector<Fragment::Kind> out;
  for (const Fragment& f : fragments) {
    if (f.kind != Fragment::Kind::kHeartbeat) out.push_back(f.kind);
  }
  return out;
}

TEST_P(EveryBinlog, NumbersAndTimesAreWhatASelectShows) {
  auto table = Make("zoo_numbers",
                    "(id INT PRIMARY KEY, t TINYINT, tu TINYINT UNSIGNED, s SMALLINT, "
                    "su SMALLINT UNSIGNED, m MEDIUMINT, mu MEDIUMINT UNSIGNED, i INT, "
                    "iu INT UNSIGNED, b BIGINT, bu BIGINT UNSIGNED, z INT(6) UNSIGNED ZEROFILL, "
                    "d0 DECIMAL(10,0), d1 DECIMAL(65,30), d2 DECIMAL(5,5), d3 DECIMAL(18,9), "
                    "f FLOAT, d DOUBLE, bi BIT(1), bj BIT(64), bk BIT(13), y YEAR, da DATE, "
                    "t0 TIME, t1 TIME(1), t2 TIME(2), t3 TIME(3), t6 TIME(6), dt0 DATETIME, "
                    "dt3 DATETIME(3), dt6 DATETIME(6), ts0 TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL)");
  Start();
  auto& s = server_.session();
  s.Execute("SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'");
  s.Execute("INSERT INTO zoo_numbers (id) VALUES (1)");
  s.Execute(
      "INSERT INTO zoo_numbers VALUES (2, -128, 255, -32768, 65535, -8388608, 16777215, "
      "-2147483648, 4294967295, -9223372036854775808, 18446744073709551615, 7, -9999999999, "
      "-12345678901234567890123456789012345.123456789012345678901234567891, -0.00001, "
      "-123456789.987654321, 16777217, -1.7976931348623157e308, b'1', ~0, b'1000000000001', "
      "1901, '9999-12-31', '-838:59:59', '-00:00:00.1', '-00:00:01.25', '-12:34:56.789', "
      "'-01:02:03.000001', '9999-12-31 23:59:59', '1000-01-01 00:00:00.001', "
      "'2024-02-29 12:00:00.123456', '2038-01-19 03:14:07', '1970-01-01 00:00:01.000001')");
  s.Execute(
      "INSERT INTO zoo_numbers VALUES (3, 127, 0, 32767, 0, 8388607, 0, 2147483647, 0, "
      "9223372036854775807, 0, 999999, 0, 0.1, 0.99999, 1, 1.1, 0.1, b'0', 0, 0, 0, "
      "'0000-00-00', '838:59:59', '00:00:00.9', '23:59:59.99', '100:00:00.001', "
      "'838:59:58.999999', '0000-00-00 00:00:00', '2024-01-00 01:02:03.5', "
      "'2024-02-30 00:00:00', '2000-02-29 00:00:00', '2001-09-09 01:46:40.5')");
  s.Execute(
      "INSERT INTO zoo_numbers (id, f, d, d1, d3) VALUES (4, 1e-38, 5e-324, -0.0, 0), "
      "(5, 3.40282e38, 123456789012345680, 1e30, -0.000000001)");
  s.Execute("UPDATE zoo_numbers SET t = t + 1, ts6 = NULL WHERE id IN (2, 4)");
  s.Execute("DELETE FROM zoo_numbers WHERE id = 5");
  ExpectLogEqualsTable(table, ReadToEnd());
}

TEST_P(EveryBinlog, TextsAndBytesAreWhatASelectShows) {
  auto table = Make(
      "zoo_texts",
      "(id INT PRIMARY KEY, c CHAR(10), cb CHAR(200) CHARACTER SET utf8mb4, vc VARCHAR(255), "
      "vd VARCHAR(5000) CHARACTER SET latin1, ve VARCHAR(100) CHARACTER SET gbk, "
      "vf VARCHAR(100) CHARACTER SET utf8, vg VARCHAR(20) CHARACTER SET ucs2, "
      "vh CHAR(20) CHARACTER SET utf16, vi VARCHAR(20) CHARACTER SET cp1251, "
      "vj VARCHAR(20) CHARACTER SET sjis, vk VARCHAR(20) CHARACTER SET big5, tt TINYTEXT, "
      "tx TEXT CHARACTER SET latin1, mt MEDIUMTEXT, lt LONGTEXT, bn BINARY(5), vb VARBINARY(300), "
      "tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB, e ENUM('a','ü','c,d'), "
      "e2 ENUM('x','y') CHARACTER SET latin1, st SET('p','q','r s'), g GEOMETRY) "
      "DEFAULT CHARSET=utf8mb4");
  Start();
  auto& s = server_.session();
  s.Execute("SET sql_mode=''");
  s.Execute("INSERT INTO zoo_texts (id) VALUES (1)");
  s.Execute(
      "INSERT INTO zoo_texts VALUES (2, 'ab  ', REPEAT('ß', 200), 'x  ', "
      "CONCAT('€ÄÖ', CONVERT(X'8190' USING latin1), REPEAT('y', 400)), '中文字', 'utf8 é', "
      "'ucs ☃', 'sixteen ☃😀  ', 'привет', '日本 ｱ', '中文', 't', 'latin é', "
      "REPEAT('m', 70000), REPEAT('ł', 1000), X'0100', X'00FF27', X'00', X'FF00', "
      "REPEAT(X'01', 70000), X'', 'ü', 'y', 'p,r s', ST_GeomFromText('POINT(1 2)', 0))");
  s.Execute(
      "INSERT INTO zoo_texts VALUES (3, '', '  ', '', '', '', '', '', '', '', '', '', '', '', "
      "'', '', '', '', '', '', '', '', 'nope', 'x', '', "
      "ST_GeomFromText('LINESTRING(0 0,1 1,2 2)', 4326))");
  s.Execute("UPDATE zoo_texts SET vd = 'changed', lb = REPEAT('z', 2000000) WHERE id = 2");
  ExpectLogEqualsTable(table, ReadToEnd());
}

// Under a minimal image a row that consists of defaults is logged without a byte.
TEST_P(EveryBinlog, ARowWithoutLoggedColumnsIsNotLost) {
  Make("bare", "(id INT NOT NULL DEFAULT 5 PRIMARY KEY, v INT)");
  Start();
  server_.session().Execute("SET SESSION binlog_row_image=MINIMAL");
  server_.session().Execute("INSERT INTO bare VALUES ()");
  server_.session().Execute("SET SESSION binlog_row_image=FULL");
  size_t rows = 0;
  for (const Fragment& f : ReadToEnd()) {
    if (f.kind == Fragment::Kind::kRows) rows += f.rows.rows();
  }
  EXPECT_EQ(rows, 1u);
}

TEST_P(EveryBinlog, TransactionsAreWholeAndRestartable) {
  Make("tx", "(id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB");
  Start();
  auto& s = server_.session();
  s.Execute("BEGIN");
  s.Execute("INSERT INTO tx VALUES (1, 'a')");
  s.Execute("SAVEPOINT one");
  s.Execute("INSERT INTO tx VALUES (2, 'b')");
  s.Execute("ROLLBACK TO one");
  s.Execute("INSERT INTO tx VALUES (3, 'c')");
  s.Execute("COMMIT");
  s.Execute("BEGIN");
  s.Execute("INSERT INTO tx VALUES (9, 'never')");
  s.Execute("ROLLBACK");
  s.Execute("UPDATE tx SET v = 'd', id = 4 WHERE id = 3");
  auto fragments = ReadToEnd();
  Position middle;
  std::map<std::string, Cell> rows;
  int commits = 0;
  for (Fragment& f : fragments) {
    if (f.kind == Fragment::Kind::kCommit && ++commits == 1) middle = f.restart;
    if (f.kind != Fragment::Kind::kRows) continue;
    for (auto& row : ToRows(f.rows.before)) rows.erase(*row[0]);
    for (auto& row : ToRows(f.rows.after)) rows[*row[0]] = row[1];
  }
  EXPECT_EQ(commits, 2);
  EXPECT_EQ(rows, (std::map<std::string, Cell>{{"1", "a"}, {"4", "d"}}));

  reader_->Start(middle, history_);
  auto again = ReadToEnd();
  EXPECT_EQ(Kinds(again),
            (std::vector{Fragment::Kind::kBegin, Fragment::Kind::kRows, Fragment::Kind::kCommit}));
  EXPECT_EQ(again[again.size() - 1].transaction, fragments.back().transaction);
}

TEST_P(EveryBinlog, PreparedTransactionsBecomeVisibleAtTheirCommit) {
  if (GetParam() == "MYSQL56") return;  // it does not log them before 5.7
  Make("xa", "(id INT PRIMARY KEY) ENGINE=InnoDB");
  Start();
  mysql::Session other(server_.url(), Side::kSource, mysql::SessionRole::kCatalog);
  other.Execute(std::string("USE ") + kDatabase);
  other.Execute("XA START 'first','branch'");
  other.Execute("INSERT INTO xa VALUES (1)");
  other.Execute("XA END 'first','branch'");
  other.Execute("XA PREPARE 'first','branch'");
  server_.session().Execute("INSERT INTO xa VALUES (2)");
  auto before = ReadToEnd();
  ASSERT_EQ(before.back().kind, Fragment::Kind::kCommit);
  EXPECT_LT(reader_->Compare(before.back().restart, before.back().position), 0)
      << "a prepared transaction holds the restart position back";
  Position restart = before.back().restart;
  other.Execute("XA COMMIT 'first','branch'");
  auto after = ReadToEnd();
  EXPECT_EQ(after.back().kind, Fragment::Kind::kCommit);
  EXPECT_EQ(after.back().transaction, before.front().transaction);

  reader_->Start(restart, history_);
  auto again = Kinds(ReadToEnd());
  using K = Fragment::Kind;
  EXPECT_EQ(again, (std::vector{K::kBegin, K::kRows, K::kBegin, K::kRows, K::kCommit, K::kCommit}));
}

TEST_P(EveryBinlog, DefinitionsComeInTheirPlace) {
  Make("ddl", "(id INT PRIMARY KEY) DEFAULT CHARSET=utf8mb4");
  server_.session().Execute("DROP TABLE IF EXISTS selected");
  Start();
  auto& s = server_.session();
  s.Execute("INSERT INTO ddl VALUES (1)");
  s.Execute("ALTER TABLE ddl ADD COLUMN `größe` INT COMMENT 'in µm'");
  auto fragments = ReadToEnd();
  using K = Fragment::Kind;
  EXPECT_EQ(Kinds(fragments),
            (std::vector{K::kBegin, K::kRows, K::kCommit, K::kBegin, K::kDdl, K::kCommit}));
  const SchemaChange& change = *fragments[fragments.size() - 2].ddl;
  EXPECT_EQ(change.kind, SchemaChange::Kind::kAlterTable);
  EXPECT_EQ(change.table, (TableName{kDatabase, "ddl"}));
  ASSERT_EQ(change.actions.size(), 1u);
  EXPECT_EQ(change.actions[0].column.name, "größe");

  // The rows of CREATE … SELECT follow its definition, each in a transaction of its own.
  s.Execute("CREATE TABLE selected (PRIMARY KEY (id)) AS SELECT id, 'text' AS t FROM ddl");
  Position end = reader_->Current();
  std::vector<Position> commits;
  bool has_definition = false;
  size_t rows = 0;
  while (commits.empty() || reader_->Compare(commits.back(), end) < 0) {
    auto f = reader_->Next(Deadline::In(std::chrono::seconds(10)), {});
    ASSERT_TRUE(f);
    if (f->kind == K::kDdl) {
      has_definition = f->ddl->kind == SchemaChange::Kind::kCreateTable && f->ddl->definition;
      history_.Put(std::make_shared<const TableSchema>(
          *server_.endpoint().OpenCatalog()->Table({kDatabase, "selected"})));
    }
    if (f->kind == K::kRows) rows += f->rows.rows();
    if (f->kind == K::kCommit) commits.push_back(f->position);
  }
  EXPECT_TRUE(has_definition);
  EXPECT_EQ(rows, 1u);
  ASSERT_EQ(commits.size(), 2u);
  EXPECT_LT(reader_->Compare(commits[0], commits[1]), 0);
}

TEST_P(EveryBinlog, ChangesWithoutRowsAreRefused) {
  Make("plain", "(id INT PRIMARY KEY, v INT) ENGINE=InnoDB");
  Start();
  auto& s = server_.session();
  s.Execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  s.Execute("SET SESSION binlog_format=STATEMENT");
  s.Execute("INSERT INTO plain VALUES (1, 1)");
  s.Execute("SET SESSION binlog_format=ROW");
  try {
    ReadToEnd();
    FAIL() << "the statement was passed over";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "STATEMENT_LOGGED");
    EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
  }
}

TEST_P(EveryBinlog, AnUnchangedLogIsSilentUntilTheDeadlineOrAStop) {
  Make("quiet", "(id INT PRIMARY KEY)");
  Start();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(reader_->Next(Deadline::Never(), stop.get_token()));
  auto fragment = reader_->Next(Deadline::In(std::chrono::seconds(5)), {});
  ASSERT_TRUE(fragment) << "the source says that nothing has happened";
  EXPECT_EQ(fragment->kind, Fragment::Kind::kHeartbeat);
  EXPECT_GE(reader_->Compare(fragment->position, start_), 0);
}

class Mysql9Binlog : public EveryBinlog {};
INSTANTIATE_TEST_SUITE_P(Only, Mysql9Binlog, ::testing::Values("MYSQL97"));

constexpr const char* kJsonRows =
    "(1, NULL), (2, 'null'), (3, '{\"b\": [1, -2, 3.5, 1e100, 1e-20, 18446744073709551615, true, "
    "false, null], \"a\": {\"k\": \"q\\\\\"\\\\u0001\\\\n/ü\"}, \"longer key\": {}}'), "
    "(4, JSON_OBJECT('d', CAST('2024-02-29' AS DATE), 't', CAST('-12:34:56.5' AS TIME(6)), "
    "'dt', CAST('2024-02-29 01:02:03.000004' AS DATETIME(6)), 'n', CAST(-12.3400 AS "
    "DECIMAL(10,4)), "
    "'b', CAST(X'00ff10' AS BINARY), 'one line', CAST(REPEAT('x', 57) AS BINARY), 'lines', "
    "CAST(REPEAT('x', 200) AS BINARY), 'y', CAST(1e15 AS DOUBLE), 'x', 1.0e0, 'z', "
    "123456789.125e0)), "
    "(5, '\"top\"'), (6, '[]'), (7, '-9223372036854775808'), (8, JSON_ARRAY(REPEAT('long', 20000), "
    "REPEAT('x', 130), 70000, -70000))";

TEST_P(Mysql9Binlog, JsonIsWhatASelectShows) {
  auto table = Make("zoo_json", "(id INT PRIMARY KEY, j JSON)");
  Start();
  server_.session().Execute(std::string("INSERT INTO zoo_json VALUES ") + kJsonRows);
  auto fragments = ReadToEnd();
  ExpectLogEqualsTable(table, fragments);
  RowsByKey logged = Replay(fragments, "zoo_json");
  for (const auto& [key, row] : Select(table)) EXPECT_EQ(logged[key][1], row[1]) << key;
}

TEST_P(Mysql9Binlog, DifferencesOfJsonAreApplied) {
  auto table = Make("partial", "(id INT PRIMARY KEY, j JSON, n INT, k JSON)");
  Start();
  auto& s = server_.session();
  s.Execute("SET SESSION binlog_row_value_options=PARTIAL_JSON");
  s.Execute(
      "INSERT INTO partial VALUES (1, '{\"a\": [1,2,3,{\"x\": \"yyyyyyyyyyyyyyyyyyyyyyyy\"}], "
      "\"odd.key\\\\\"\": {\"n\": 1}, \"zzz\": \"long enough to make it worth it\"}', 0, "
      "JSON_OBJECT('text', REPEAT('t', 500)))");
  s.Execute("UPDATE partial SET j = JSON_SET(j, '$.a[3].x', 'new', '$.\"odd.key\\\\\"\".n', 2)");
  s.Execute("UPDATE partial SET j = JSON_REMOVE(j, '$.a[0]'), k = JSON_SET(k, '$.b', 1), n = 5");
  s.Execute("UPDATE partial SET j = JSON_ARRAY_INSERT(j, '$.a[1]', JSON_OBJECT('i', 'j'))");
  s.Execute("UPDATE partial SET k = JSON_REPLACE(k, '$.b', CAST('[1,{}]' AS JSON)), j = NULL");
  s.Execute("SET SESSION binlog_row_value_options=''");
  ExpectLogEqualsTable(table, ReadToEnd());
}

TEST_P(Mysql9Binlog, CompressedTransactionsAreStreamed) {
  auto table = Make("packed", "(id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(2000), w INT)");
  server_.session().Execute("DROP TABLE IF EXISTS selected");
  Start();
  auto& s = server_.session();
  s.Execute("SET SESSION binlog_transaction_compression=ON");
  s.Execute("BEGIN");
  s.Execute("INSERT INTO packed (v, w) VALUES (REPEAT('a', 1500), 1), (REPEAT('b', 1999), 2)");
  for (int i = 0; i < 11; ++i) {
    s.Execute("INSERT INTO packed (v, w) SELECT CONCAT(SUBSTR(v, 10), id), id FROM packed");
  }
  s.Execute("COMMIT");
  s.Execute("CREATE TABLE selected AS SELECT * FROM packed");
  s.Execute("SET SESSION binlog_transaction_compression=OFF");
  auto fragments = ReadToEnd();
  ExpectLogEqualsTable(table, fragments);
  std::vector<Position> commits;
  for (Fragment& f : fragments) {
    if (f.kind == Fragment::Kind::kCommit) commits.push_back(f.position);
  }
  ASSERT_EQ(commits.size(), 3u);
  EXPECT_LT(reader_->Compare(commits[0], commits[1]), 0);
  EXPECT_LT(reader_->Compare(commits[1], commits[2]), 0);
}

TEST_P(Mysql9Binlog, TaggedIdsAreCounted) {
  Make("tagged", "(id INT PRIMARY KEY)");
  Start();
  auto& s = server_.session();
  s.Execute("SET gtid_next='AUTOMATIC:blue_tag'");
  s.Execute("INSERT INTO tagged VALUES (1)");
  s.Execute("SET gtid_next='AUTOMATIC'");
  s.Execute("INSERT INTO tagged VALUES (2)");
  auto fragments = ReadToEnd();
  EXPECT_EQ(reader_->Describe(fragments.back().position), reader_->Describe(reader_->Current()));
  EXPECT_NE(fragments.front().transaction.find(":blue_tag:"), std::string::npos);
  EXPECT_GT(fragments.front().source_time_us, 1'700'000'000'000'000);

  // The same history through its ids, as from a replica that took over.
  mysql::BinlogPosition elsewhere = mysql::BinlogPosition::Decode(start_);
  elsewhere.server = "00000000-0000-0000-0000-000000000001";
  elsewhere.file = "lost.000007";
  reader_->Start(elsewhere.Encode(), history_);
  EXPECT_EQ(Kinds(ReadToEnd()), Kinds(fragments));
}

class MariaBinlog : public EveryBinlog {
 protected:
  // As from another server, whose log's file and place mean nothing here.
  static Position Elsewhere(const Position& position, const std::string& gtids) {
    mysql::BinlogPosition place = mysql::BinlogPosition::Decode(position);
    place.server = "4711";
    place.file = "lost.000007";
    place.gtids = gtids;
    return place.Encode();
  }
  static std::string Gtids(const Position& position) {
    return mysql::BinlogPosition::Decode(position).gtids;
  }
};
INSTANTIATE_TEST_SUITE_P(Only, MariaBinlog, ::testing::Values("MARIADB"));

TEST_P(MariaBinlog, DomainsAreCounted) {
  Make("domains", "(id INT PRIMARY KEY)");
  auto& s = server_.session();
  s.Execute("SET SESSION gtid_domain_id=7");
  s.Execute("INSERT INTO domains VALUES (0)");
  Start();
  s.Execute("INSERT INTO domains VALUES (1)");
  s.Execute("SET SESSION gtid_domain_id=0");
  s.Execute("INSERT INTO domains VALUES (2)");
  s.Execute("ALTER TABLE domains COMMENT 'a lone statement'");
  s.Execute("SET SESSION gtid_domain_id=7");
  s.Execute("INSERT INTO domains VALUES (3)");
  s.Execute("SET SESSION gtid_domain_id=DEFAULT");
  const auto fragments = ReadToEnd();
  EXPECT_EQ(reader_->Describe(fragments.back().position), reader_->Describe(reader_->Current()));
  EXPECT_TRUE(fragments.front().transaction.starts_with("7-1-"));

  // The same history through its ids, as from a replica that took over: once more from the start,
  // and from behind the first transaction of both domains.
  reader_->Start(Elsewhere(start_, Gtids(start_)), history_);
  const auto again = ReadToEnd();
  EXPECT_EQ(Kinds(again), Kinds(fragments));
  std::vector<Position> places;
  for (const Fragment& f : again) {
    if (f.kind == Fragment::Kind::kCommit) places.push_back(f.restart);
  }
  ASSERT_EQ(places.size(), 4u);
  // One domain's part that was read elsewhere may still come behind the first place.
  EXPECT_EQ(mysql::BinlogPosition::Decode(places[0]).server, "1*");
  for (size_t read = 1; read <= places.size(); ++read) {
    reader_->Start(places[read - 1], history_);
    const auto rest = Kinds(ReadToEnd());
    EXPECT_EQ(rest.size(), Kinds(fragments).size() - 3 * read) << read;
  }
}

TEST_P(MariaBinlog, AnotherServerMustHaveAllThatWasRead) {
  Make("domains", "(id INT PRIMARY KEY)");
  server_.session().Execute("INSERT INTO domains VALUES (1)");
  Start();
  const std::string gtids = Gtids(start_);
  auto code = [&](const std::string& from, const std::string& known) -> std::string {
    try {
      reader_->Start(Elsewhere(start_, from), Elsewhere(start_, known), history_);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
      return error.code();
    }
    return "";
  };
  EXPECT_EQ(code(gtids, gtids), "");
  EXPECT_EQ(code("4-1-1," + gtids, "4-1-1," + gtids), "LOG_PURGED") << "an unknown domain";
  EXPECT_EQ(code(gtids, gtids + "000"), "LOG_PURGED") << "not all of what was read";
  EXPECT_EQ(code(gtids + "!", gtids + "!"), "LOG_PURGED") << "no place";
  EXPECT_EQ(code("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", ""), "LOG_PURGED");
  EXPECT_EQ(code("", ""), "LOG_PURGED");

  // A replica that does not log what it applies.
  server_.session().Execute("SET GLOBAL gtid_slave_pos='9-1-1'");
  EXPECT_EQ(Gtids(reader_->Current()), gtids + ",9-1-1");
  EXPECT_EQ(code(gtids, gtids), "LOG_PURGED");
  server_.session().Execute("SET GLOBAL gtid_slave_pos=''");
}

TEST_P(Mysql9Binlog, CascadesAreMarked) {
  server_.session().Execute("DROP TABLE IF EXISTS child");
  Make("parent", "(id INT PRIMARY KEY)");
  Make("child",
       "(id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) "
       "ON DELETE CASCADE ON UPDATE CASCADE)");
  Start();
  auto& s = server_.session();
  s.Execute("INSERT INTO parent VALUES (1)");
  s.Execute("INSERT INTO child VALUES (10, 1)");
  s.Execute("UPDATE parent SET id = 2");
  s.Execute("DELETE FROM parent WHERE id = 2");
  s.Execute("SET foreign_key_checks=0");
  s.Execute("INSERT INTO child VALUES (11, 7)");
  s.Execute("INSERT INTO parent VALUES (7)");
  s.Execute("DELETE FROM parent");
  s.Execute("SET foreign_key_checks=1");
  std::vector<std::string> seen;
  for (Fragment& f : ReadToEnd()) {
    if (f.kind != Fragment::Kind::kRows) continue;
    seen.push_back(f.rows.table->name.table + (f.rows.is_cascade ? " cascade" : "") +
                   (f.rows.foreign_key_checks ? "" : " unchecked"));
  }
  server_.session().Execute("DROP TABLE child");
  EXPECT_EQ(seen, (std::vector<std::string>{"parent", "child", "child cascade unchecked", "parent",
                                            "child cascade unchecked", "parent", "child unchecked",
                                            "parent unchecked", "parent unchecked"}));
}

}  // namespace
}  // namespace godwit::live
