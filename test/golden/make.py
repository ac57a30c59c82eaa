#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden binary logs anew from running servers.

  test/golden/make.py NAME=URL:DATADIR …     NAME is mysql97, mysql56 or mariadb

For each it leaves NAME.binlog and NAME.sql (the definitions). Afterwards print the decoded text with
`binlog_golden_test --decode NAME > NAME.txt` and read it against `mysqlbinlog -v` and the
statements below before it is committed.
"""
import os
import shutil
import sys
import urllib.parse

import pymysql

HERE = os.path.dirname(os.path.abspath(__file__))

ZOO = """CREATE TABLE zoo (
  id INT PRIMARY KEY, tu TINYINT UNSIGNED, s SMALLINT, m MEDIUMINT, b BIGINT UNSIGNED,
  dec1 DECIMAL(30,10), f FLOAT, d DOUBLE, bi BIT(13), y YEAR, da DATE, t0 TIME, t3 TIME(3),
  dt DATETIME, dt6 DATETIME(6), ts TIMESTAMP NULL, ts2 TIMESTAMP(2) NULL,
  c CHAR(10), l1 VARCHAR(300) CHARACTER SET latin1, gb VARCHAR(30) CHARACTER SET gbk,
  tx MEDIUMTEXT, bn BINARY(5), vb VARBINARY(20), bl BLOB, e ENUM('a','ü'), st SET('p','q','r s'),
  g GEOMETRY
) DEFAULT CHARSET=utf8mb4"""

ROWS = [
    "INSERT INTO zoo (id) VALUES (1)",
    "INSERT INTO zoo VALUES (2, 255, -32768, -8388608, 18446744073709551615,"
    " -12345678901234567890.0123456789, 16777217, -1.5e300, b'1000000000001', 1901, '9999-12-31',"
    " '-838:59:59', '-00:00:00.125', '1000-01-01 00:00:00', '2024-02-29 12:00:00.123456',"
    " '2038-01-19 03:14:07', '1970-01-01 00:00:01.25', 'ab  ', 'Ä€é', '中文', REPEAT('łong ', 2000),"
    " X'0100', X'00ff27', X'00', 'ü', 'p,r s', ST_GeomFromText('POINT(1 2)', 0))",
    "INSERT INTO zoo VALUES (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, '0000-00-00', '00:00:00', '838:59:59',"
    " '0000-00-00 00:00:00', '2024-01-00 00:00:00.5', '0000-00-00 00:00:00', '2001-09-09 01:46:40',"
    " '', '', '', '', '', '', '', 'nope', '', NULL)",
    "UPDATE zoo SET f = f + 0.1, t0 = '01:02:03' WHERE id = 2",
    "DELETE FROM zoo WHERE id = 3",
]

COMMON = [
    "BEGIN", "INSERT INTO small VALUES (1, 'a')", "SAVEPOINT `One`",
    "INSERT INTO myisam VALUES (1)", "INSERT INTO small VALUES (2, 'b')", "ROLLBACK TO `One`",
    "INSERT INTO small VALUES (3, 'c')", "COMMIT",
    "BEGIN", "INSERT INTO small VALUES (4, 'gone')", "INSERT INTO myisam VALUES (2)", "ROLLBACK",
    "SET foreign_key_checks=0", "INSERT INTO small VALUES (5, 'unchecked')",
    "SET foreign_key_checks=1",
    "SET SESSION binlog_row_image=MINIMAL", "UPDATE small SET v = 'minimal' WHERE id = 5",
    "SET SESSION binlog_row_image=FULL",
    "ALTER TABLE small ADD COLUMN `größe` INT COMMENT 'µ'",
    "INSERT INTO small VALUES (6, 'wide', 9)",
    "CREATE TABLE made (PRIMARY KEY (id)) AS SELECT id, v FROM small",
    "CREATE TEMPORARY TABLE hidden (id INT)", "INSERT INTO hidden VALUES (1)",
    "DROP TEMPORARY TABLE hidden",
]

XA = ["XA START 'one','two'", "INSERT INTO small VALUES (7, 'xa', NULL)", "XA END 'one','two'",
      "XA PREPARE 'one','two'"]

MYSQL9 = [
    "INSERT INTO doc VALUES (1, '{\"b\": [1, -2, 3.5, 1e100, true, null], \"a\": \"q\\\\\"ü\"}'),"
    " (2, JSON_OBJECT('d', CAST('2024-02-29' AS DATE), 'n', CAST(-12.34 AS DECIMAL(10,4)),"
    " 'x', REPEAT('y', 300))), (3, NULL)",
    "SET SESSION binlog_row_value_options=PARTIAL_JSON",
    "UPDATE doc SET j = JSON_SET(j, '$.d', 'new', '$.arr', JSON_ARRAY(1)) WHERE id = 2",
    "UPDATE doc SET j = JSON_REMOVE(j, '$.d') WHERE id = 2",
    "SET SESSION binlog_row_value_options=''",
    "SET SESSION binlog_transaction_compression=ON",
    "BEGIN", "INSERT INTO small VALUES (20, REPEAT('z', 80), 1)",
    "INSERT INTO small SELECT id + 30, v, 2 FROM small", "COMMIT",
    "SET SESSION binlog_transaction_compression=OFF",
    "SET gtid_next='AUTOMATIC:blue'", "INSERT INTO small VALUES (99, 'tagged', 1)",
    "SET gtid_next='AUTOMATIC'",
    "INSERT INTO parent VALUES (1)", "INSERT INTO child VALUES (1, 1)", "DELETE FROM parent",
    "INSERT INTO func (id, v) VALUES (1, 'x')",
]

TABLES = [
    ZOO,
    "CREATE TABLE small (id INT PRIMARY KEY, v VARCHAR(100)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
    "CREATE TABLE myisam (id INT PRIMARY KEY) ENGINE=MyISAM",
]
TABLES9 = [
    "CREATE TABLE doc (id INT PRIMARY KEY, j JSON)",
    "CREATE TABLE parent (id INT PRIMARY KEY)",
    "CREATE TABLE child (id INT PRIMARY KEY, p INT,"
    " FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE)",
    "CREATE TABLE func (id INT PRIMARY KEY, v VARCHAR(20), gv VARCHAR(30) AS (CONCAT(v, id)),"
    " gs INT AS (id + 1) STORED, KEY ((UPPER(v))))",
]


def make(name, url, folder):
    parts = urllib.parse.urlsplit(url)

    def connect():
        connection = pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username,
                                     autocommit=True, charset="utf8mb4")
        connection.cursor().execute("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00'")
        return connection

    cursor = connect().cursor()
    cursor.execute("DROP DATABASE IF EXISTS golden")
    cursor.execute("CREATE DATABASE golden CHARACTER SET utf8mb4")
    cursor.execute("USE golden")
    tables = TABLES + (TABLES9 if name == "mysql97" else [])
    names = []
    for table in tables:
        cursor.execute(table)
        names.append(table.split()[2])
    shown = []
    for table in names:
        cursor.execute(f"SHOW CREATE TABLE {table}")
        shown.append(cursor.fetchone()[1])
    cursor.execute("FLUSH BINARY LOGS")
    cursor.execute("SHOW BINARY LOGS")
    log = cursor.fetchall()[-1][0]
    for statement in ROWS + COMMON:
        # With GTIDs the server takes no other engine's rows within a transaction.
        if name != "mysql97" or "myisam" not in statement:
            cursor.execute(statement)
    if name != "mysql56":
        other = connect().cursor()
        other.execute("USE golden")
        for statement in XA:
            other.execute(statement)
        cursor.execute("INSERT INTO small VALUES (8, 'between', NULL)")
        other.execute("XA COMMIT 'one','two'")
    for statement in MYSQL9 if name == "mysql97" else []:
        cursor.execute(statement)
    if name == "mariadb":
        cursor.execute("SET GLOBAL log_bin_compress=ON")
        cursor.execute("INSERT INTO small VALUES (40, REPEAT('compressed ', 9), 1)")
        cursor.execute("INSERT INTO zoo (id, tx) VALUES (50, REPEAT('x', 3000))")
        cursor.execute("SET GLOBAL log_bin_compress=OFF")
    cursor.execute("FLUSH BINARY LOGS")
    shutil.copy(os.path.join(folder, log), os.path.join(HERE, name + ".binlog"))
    with open(os.path.join(HERE, name + ".sql"), "w", encoding="utf-8") as out:
        out.write("\n--\n".join(shown) + "\n")


for argument in sys.argv[1:]:
    name, _, rest = argument.partition("=")
    url, _, folder = rest.rpartition(":")
    make(name, url, folder)
