# SPDX-License-Identifier: Apache-2.0
"""Odd things that users and servers do while Godwit follows."""
import time

import pymysql
import pytest

import compare
import godwit
import test_crash

HERE = ["odd_a", "odd_b", "odd_c"]


@pytest.fixture
def databases(mysql, oceanbase):
    mysql.drop(*HERE)
    oceanbase.drop(*HERE)
    mysql.run("".join(f"CREATE DATABASE {name};\n" for name in HERE))


def project(tmp_path, mysql, oceanbase, *rules, name="p", options=()):
    return godwit.Godwit(tmp_path / name, mysql, oceanbase, *rules, options=options)


def following(p, change):
    run = godwit.Following(p)
    run.wait_stage("incremental", "running")
    change()
    end = run.stop()
    assert end.code == 130, end


def test_tables_move_between_databases(tmp_path, mysql, oceanbase, databases):
    """Within the selection they are followed, out of it and into it the user is asked."""
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v INT);\nINSERT INTO odd_a.t VALUES (1, 1);\n"
              "CREATE TABLE odd_c.o (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*", "odd_b.*")
    following(p, lambda: mysql.run(
        "RENAME TABLE odd_a.t TO odd_b.t;\nINSERT INTO odd_b.t VALUES (2, 2);\n"
        "ALTER TABLE odd_b.t RENAME odd_a.u, ADD COLUMN w INT;\nINSERT INTO odd_a.u VALUES (3, 3, 3);\n"))
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, "odd_a", "odd_b")
    for move in ("odd_a.u TO odd_c.u", "odd_c.o TO odd_a.o"):
        mysql.run(f"RENAME TABLE {move};\n")
        run = p.migrate()
        assert run.code == 5, run
        item = p.show()["blocked"][0]
        assert "RENAME" in str(item), item
        p.resolve(item["item"], "--skip")


def test_names_with_dots(tmp_path, mysql, oceanbase):
    """Two tables whose names read alike, keyless ones among them, and partial images while they are
    copied."""
    names = ["odd", "odd.dot"]
    mysql.drop(*names)
    oceanbase.drop(*names)
    mysql.run("".join(f"CREATE DATABASE `{name}`;\n" for name in names)
              + "CREATE TABLE `odd`.`dot.c` (id INT PRIMARY KEY, v INT);\n"
              "CREATE TABLE `odd.dot`.`c` (id INT PRIMARY KEY, v INT);\n"
              "CREATE TABLE `odd.dot`.`n` (a INT, b INT);\n"
              "CREATE TABLE `odd.dot`.`back``tick` (a INT, b INT);\n"
              "INSERT INTO `odd`.`dot.c` VALUES (1, 1), (2, 2);\n"
              "INSERT INTO `odd.dot`.`c` VALUES (1, -1);\n"
              "INSERT INTO `odd.dot`.`n` VALUES (1, 1), (1, 1);\n")
    p = project(tmp_path, mysql, oceanbase, "odd.*", "`odd.dot`.*")
    change = ("SET SESSION binlog_row_image = 'MINIMAL';\nUPDATE `odd.dot`.`c` SET v = v - 1;\n"
              "INSERT INTO `odd.dot`.`back``tick` VALUES (1, 2);\n"
              "DELETE FROM `odd.dot`.`n` LIMIT 1;\nUPDATE `odd`.`dot.c` SET v = v + 5;\n")
    for point in ("full-before-chunk-commit", "full-after-exit-point"):
        process = p.start(environment={"GODWIT_CRASH_POINT": point})
        process.communicate(timeout=120)
        mysql.run(change)
    assert p.migrate().code == 0
    following(p, lambda: mysql.run(change + "ALTER TABLE `odd.dot`.`c` ADD COLUMN w INT;\n"))
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, *names)
    assert {row["object"] for row in p.show()["selection"]["selected"]} == {
        "odd.`dot.c`", "`odd.dot`.c", "`odd.dot`.n", "`odd.dot`.`back``tick`"}


def test_databases_go_and_come(tmp_path, mysql, oceanbase, databases):
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v INT);\nINSERT INTO odd_a.t VALUES (1, 1);\n"
              "CREATE TABLE odd_b.t (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "odd_*.*")
    following(p, lambda: mysql.run(
        "DROP DATABASE odd_a;\nCREATE DATABASE odd_a;\nCREATE TABLE odd_a.t (id INT PRIMARY KEY, z INT);\n"
        "INSERT INTO odd_a.t VALUES (5, 5);\nDROP DATABASE odd_b;\nCREATE DATABASE odd_b;\n"
        "DROP DATABASE odd_b;\nDROP DATABASE odd_c;\nCREATE DATABASE odd_c CHARACTER SET utf8mb4;\n"
        "ALTER DATABASE odd_c CHARACTER SET latin1;\n"
        "CREATE TABLE odd_c.n (id INT PRIMARY KEY, t VARCHAR(9));\nINSERT INTO odd_c.n VALUES (1, 'ä');\n"))
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, "odd_a", "odd_c")
    assert not oceanbase.query("SHOW DATABASES LIKE 'odd\\_b'")


def test_logs_are_purged_behind_the_reader(tmp_path, mysql, oceanbase, databases):
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*")

    def purge():
        for n in range(5):
            mysql.run(f"FLUSH BINARY LOGS;\nINSERT INTO odd_a.t VALUES ({n});\n")
        godwit.wait(lambda: len(oceanbase.query("SELECT * FROM odd_a.t")) == 5, 60, "the rows")
        last = mysql.query("SHOW BINARY LOGS")[-1][0]
        mysql.run(f"PURGE BINARY LOGS TO '{last}';\nINSERT INTO odd_a.t VALUES (99);\n")

    following(p, purge)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, "odd_a")
    mysql.run("INSERT INTO odd_a.t VALUES (100);\nFLUSH BINARY LOGS;\nFLUSH BINARY LOGS;\n")
    last = mysql.query("SHOW BINARY LOGS")[-1][0]
    mysql.run(f"PURGE BINARY LOGS TO '{last}';\n")
    run = p.migrate()
    assert run.code == 1 and "LOG_PURGED" in run.err, run


def reset(source):
    return "RESET BINARY LOGS AND GTIDS;\n" if source.name == "mysql97" else "RESET MASTER;\n"


def fresh_log(source, oceanbase, files=0):
    """The log of the source holds one table with one row, and so many files before them."""
    source.drop("odd_a")
    oceanbase.drop("odd_a")
    source.run("CREATE DATABASE odd_a;\n" + reset(source) + "FLUSH BINARY LOGS;\n" * files +
               "CREATE TABLE odd_a.t (id INT PRIMARY KEY);\nINSERT INTO odd_a.t VALUES (1);\n")


@pytest.mark.parametrize("files, changes", [(0, 1), (0, 4), (3, 4)])
def test_reset_of_the_log_is_not_taken_for_old_news(tmp_path, source, oceanbase, files, changes):
    """After a RESET the log begins with numbers and places that were read already. While the new file of an old
    name is the shorter one, a server sends nothing of it, and says that it is alive."""
    fresh_log(source, oceanbase, files)
    run = godwit.Following(project(tmp_path, source, oceanbase, "odd_a.*"))
    run.wait_stage("verification", "done")
    source.run("INSERT INTO odd_a.t VALUES (2);\n")
    godwit.wait(lambda: len(oceanbase.query("SELECT * FROM odd_a.t")) == 2, 60, "the change before", run.process)
    source.run(reset(source) + "".join(f"INSERT INTO odd_a.t VALUES ({n});\n" for n in range(3, 3 + changes)))
    godwit.wait(lambda: run.process.poll() is not None, 60, "it to be noticed")
    end = run.stop()
    assert end.code == 1, end
    assert "LOG_RESET" in end.err or "LOG_PURGED" in end.err, end


def test_reset_of_the_log_while_nobody_reads(tmp_path, source, oceanbase):
    """The new log has the same file, the same number and the same place, between two of its transactions."""
    fresh_log(source, oceanbase)
    p = project(tmp_path, source, oceanbase, "odd_a.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    source.run("INSERT INTO odd_a.t VALUES (7);\n")  # so that it has seen the log's file
    godwit.wait(lambda: len(oceanbase.query("SELECT * FROM odd_a.t")) == 2, 60, "the change", following.process)
    assert following.stop().code == 130
    godwit.next_second(source)  # a file is known by the second in which it was begun
    source.run(reset(source) + "CREATE TABLE odd_a.u (id INT PRIMARY KEY);\nINSERT INTO odd_a.t VALUES (2);\n"
               "INSERT INTO odd_a.t VALUES (3);\n")
    run = p.migrate()
    assert run.code == 1, run
    assert "LOG_RESET" in run.err or "LOG_PURGED" in run.err, run


def test_big_transactions(tmp_path, mysql, oceanbase, databases):
    """Every row of a table in one transaction, moved, changed and deleted."""
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v INT, w VARCHAR(50));\n"
              "CREATE TABLE odd_a.k (a INT, w VARCHAR(50));\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*")

    def change():
        connection = mysql.connect("odd_a", autocommit=False)
        cursor = connection.cursor()
        cursor.execute("SET SESSION cte_max_recursion_depth = 1000000")
        cursor.execute("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                       "WHERE i < 20000) SELECT i, i, REPEAT('x', 40) FROM n")
        connection.commit()
        cursor.execute("UPDATE t SET id = id + 20000")
        cursor.execute("UPDATE t SET v = v + 1")
        cursor.execute("DELETE FROM t WHERE id % 3 = 0")
        connection.commit()
        cursor.execute("INSERT INTO k SELECT v % 10, w FROM t LIMIT 3000")
        connection.commit()
        cursor.execute("DELETE FROM k WHERE a = 3")
        cursor.execute("UPDATE k SET w = 'n' WHERE a = 4 LIMIT 100")
        connection.commit()
        connection.close()

    following(p, change)
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, "odd_a")


def test_a_large_row_is_held_few_times(tmp_path, mysql, oceanbase, databases):
    """Copied, then followed: an update of 32 MB is two images of that in the log."""
    before = oceanbase.query("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    oceanbase.run("SET GLOBAL max_allowed_packet = 134217728;\n")
    try:
        mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v LONGBLOB);\n"
                  "INSERT INTO odd_a.t VALUES (1, REPEAT('0123456789abcdef', 2097152));\n")
        run = godwit.Following(project(tmp_path, mysql, oceanbase, "odd_a.*"))
        run.wait_stage("incremental", "running")
        mysql.run("UPDATE odd_a.t SET v = CONCAT('new', v);\n")
        godwit.wait(lambda: oceanbase.query("SELECT LEFT(v, 3) FROM odd_a.t")[0][0] == b"new", 60,
                    "the update", run.process)
        peak = godwit.peak_memory(run.process)
        assert run.stop().code == 130
        assert not compare.servers(mysql, oceanbase, "odd_a")
    finally:
        oceanbase.run(f"SET GLOBAL max_allowed_packet = {before};\n")
    assert peak < 300 << 20, f"{peak >> 20} MB"


def test_statements_about_the_server(tmp_path, mysql, oceanbase, databases):
    """Accounts, servers, tablespaces and what else goes through the log: none of it stops the link."""
    mysql.run("DROP USER IF EXISTS odd@localhost;\nDROP ROLE IF EXISTS odd_role;\n"
              "CREATE TABLE odd_a.t (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*")
    following(p, lambda: mysql.run(
        "CREATE USER odd@localhost IDENTIFIED BY 'x';\nGRANT SELECT ON odd_a.* TO odd@localhost;\n"
        "ALTER USER odd@localhost ACCOUNT LOCK;\nREVOKE SELECT ON odd_a.* FROM odd@localhost;\n"
        "SET PASSWORD FOR odd@localhost = 'y';\nCREATE ROLE odd_role;\nGRANT odd_role TO odd@localhost;\n"
        "DROP ROLE odd_role;\nRENAME USER odd@localhost TO odd2@localhost;\nDROP USER odd2@localhost;\n"
        "FLUSH PRIVILEGES;\nFLUSH STATUS;\nANALYZE TABLE odd_a.t;\nCHECK TABLE odd_a.t;\n"
        "CREATE SERVER odd_s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'h');\nDROP SERVER odd_s;\n"
        "CREATE TABLESPACE odd_ts ADD DATAFILE 'odd_ts.ibd';\nDROP TABLESPACE odd_ts;\n"
        "INSERT INTO odd_a.t VALUES (1);\n"))
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, "odd_a")


def test_load_data(tmp_path, mysql, oceanbase, databases):
    mysql.run("SET GLOBAL local_infile = 1;\n"
              "CREATE TABLE odd_a.t (id INT PRIMARY KEY, v VARCHAR(20));\nINSERT INTO odd_a.t VALUES (1, 'x');\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*")
    rows = tmp_path / "rows.txt"
    rows.write_text("1\treplaced\n2\ttwo\n3\t\\N\n4\t\n")

    def load():
        connection = pymysql.connect(host="127.0.0.1", port=mysql.port, user=mysql.user,
                                     database="odd_a", local_infile=True, autocommit=True)
        connection.cursor().execute(f"LOAD DATA LOCAL INFILE '{rows}' REPLACE INTO TABLE t")
        connection.close()

    following(p, load)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, "odd_a")


def test_statements_from_another_database(tmp_path, mysql, oceanbase, databases):
    """The session's database is not the table's; some of what a statement names is not selected."""
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v INT);\nCREATE TABLE odd_a.no (id INT PRIMARY KEY);\n"
              "CREATE TABLE odd_b.x (id INT PRIMARY KEY);\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*", options=["--exclude", "odd_a.no*"])
    following(p, lambda: mysql.run(
        "CREATE TABLE odd_a.l LIKE odd_a.t;\nINSERT INTO odd_a.l VALUES (1, 1);\n"
        "ALTER TABLE odd_a.t ADD COLUMN w INT;\nINSERT INTO odd_a.t VALUES (1, 1, 1);\n"
        "CREATE TABLE y (id INT PRIMARY KEY);\nCREATE TABLE odd_a.no2 (id INT PRIMARY KEY);\n"
        "INSERT INTO odd_a.no2 VALUES (1);\nDROP TABLE odd_a.no, x;\nDROP TABLE y, odd_a.l, odd_a.no2;\n"
        "CREATE VIEW odd_a.v AS SELECT * FROM odd_a.t;\nCREATE VIEW v AS SELECT * FROM odd_a.t;\n"
        "TRUNCATE odd_a.t;\nINSERT INTO odd_a.t VALUES (9, 9, 9);\nCREATE INDEX i ON odd_a.t (v);\n"
        "DROP INDEX i ON odd_a.t;\nDROP VIEW v;\nUPDATE odd_a.t SET w = 8;\n", "odd_b"))
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, "odd_a")


def test_source_restarts_during_the_copy(tmp_path, mysql, oceanbase, databases):
    mysql.run("CREATE TABLE odd_a.t (id INT PRIMARY KEY, v VARCHAR(100));\n"
              "CREATE TABLE odd_a.k (a INT, v VARCHAR(100));\n"
              "SET SESSION cte_max_recursion_depth = 1000000;\n"
              "INSERT INTO odd_a.t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
              "i < 12000) SELECT i, REPEAT('x', 80) FROM n;\n"
              "INSERT INTO odd_a.k SELECT id % 100, v FROM odd_a.t LIMIT 6000;\n")
    config = tmp_path / "slow.toml"
    config.write_text("[limits]\nrows_per_second = 3000\nchunk_bytes = 60000\n")
    p = project(tmp_path, mysql, oceanbase, "odd_a.*", options=["--config", config])
    run = godwit.Following(p)
    run.wait_stage("full", "running")
    godwit.wait(lambda: oceanbase.query("SELECT COUNT(*) FROM odd_a.t")[0][0] > 1000, 60, "some rows",
                run.process)
    test_crash.restart("mysql-9.7", kill=True)
    mysql.run("UPDATE odd_a.t SET v = 'after the restart' WHERE id % 500 = 0;\n"
              "DELETE FROM odd_a.k WHERE a = 7;\nINSERT INTO odd_a.k VALUES (1000, 'new');\n")
    run.wait_stage("incremental", "running", seconds=120)
    assert run.stop().code == 130
    end = p.migrate()
    assert end.code == 0, end
    assert not compare.servers(mysql, oceanbase, "odd_a")


@pytest.mark.full
def test_a_thousand_empty_tables(tmp_path, mysql, oceanbase, databases):
    connection = mysql.connect("odd_a")
    with connection.cursor() as cursor:
        for n in range(1000):
            cursor.execute(f"CREATE TABLE t{n} (id INT PRIMARY KEY, v INT, KEY (v))")
    connection.close()
    p = project(tmp_path, mysql, oceanbase, "odd_a.*")
    began = time.monotonic()
    run = p.migrate(timeout=900)
    assert run.code == 0, run
    print(f"{time.monotonic() - began:.0f} s")
    assert not compare.servers(mysql, oceanbase, "odd_a")


@pytest.mark.parametrize("when", ["copied", "followed"])
def test_text_that_is_no_text(tmp_path, source, oceanbase, when):
    """Bytes that a character set does not define are never turned into question marks in silence: the row
    is shown, and the rest goes on."""
    database = "no_text"
    source.drop(database)
    oceanbase.drop(database)
    source.run(f"CREATE DATABASE {database};\n")
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)) CHARACTER SET cp1251;\n"
               "INSERT INTO t VALUES (1, 'привет');\n", database)
    p = godwit.Godwit(tmp_path / "state", source, oceanbase, f"{database}.*")
    if when == "followed":
        assert p.migrate().code == 0
    source.run("INSERT INTO t VALUES (2, CONVERT(x'EF98F0' USING cp1251)), (3, 'мир');\n", database)
    run = p.migrate()
    assert run.code == 5 and "TEXT_UNDECODABLE" in run.err and "0x98 at 2" in run.err, run
    item = p.show()["blocked"][0]["item"]
    p.resolve(item, "--skip")
    run = p.migrate()
    assert (run.code, run.summary["inconsistent"], run.summary["left_out"]) == (4, 1, 1), run
    assert oceanbase.query(f"SELECT id FROM {database}.t ORDER BY id") == ((1,), (3,))
    # Mended at the source: the update finds no row, the correction makes it.
    source.run("UPDATE t SET v = 'п?р' WHERE id = 2;\n", database)
    run = p.migrate()
    assert run.code == 5 and "CHANGE_ROW_MISSING" in run.err, run
    item = p.show()["blocked"][0]["item"]
    p.resolve(item, "--skip")
    p.migrate()
    following = godwit.Following(p)
    following.wait_stage("incremental", "running")  # until then it says what the last run left
    following.wait_stage("verification", "done")
    assert p.other("verify", p.name, "--correct").returncode == 0
    assert following.stop().code == 130
    assert not compare.servers(source, oceanbase, database)
