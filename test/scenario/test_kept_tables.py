# SPDX-License-Identifier: Apache-2.0
"""Tables at the destination that the user made, otherwise than Godwit would have."""
import datetime
import decimal
import sqlite3

import pymysql
import pytest

import compare
import godwit

HERE = "kept"


@pytest.fixture
def databases(mysql, oceanbase):
    mysql.drop(HERE)
    oceanbase.drop(HERE)
    mysql.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n")
    oceanbase.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4;\n")


def project(tmp_path, mysql, oceanbase, *options, types="full"):
    return godwit.Godwit(tmp_path / "p", mysql, oceanbase, f"{HERE}.*",
                         options=("--types", types, *options))


def make(mysql, oceanbase, here, there, rows):
    mysql.run(f"CREATE TABLE t ({here});\nINSERT INTO t VALUES {rows};\n", HERE)
    oceanbase.run(f"CREATE TABLE t ({there});\n", HERE)


def rows(server, columns="*"):
    return server.query(f"SELECT {columns} FROM {HERE}.t ORDER BY id")


def resolve(p, item, choice):
    p.resolve(item["item"], choice)


def blocked(p, run, what):
    godwit.wait(lambda: p.show().get("blocked"), 60, what, run.process)
    return p.show()["blocked"][0]


def was_copied_at_a_snapshot(p):
    path = next(p.state.rglob("godwit.db"))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as journal:
        found = journal.execute("SELECT detail FROM journal WHERE stage = 'full' AND object = ?", (f"{HERE}.t",))
        return "at_snapshot" in found.fetchone()[0]


# --- a unique index of its own ---


COLUMNS = "id INT PRIMARY KEY, n INT, v VARCHAR(20)"
TWO_ALIKE = "(1, 5, 'aax'), (2, 5, 'aay'), (3, 6, 'bb')"


@pytest.mark.parametrize("here, there", [("", "n"), ("", "v(2)"), (", UNIQUE KEY (n, v)", "n"),
                                         (", UNIQUE KEY (v)", "v(2)")],
                         ids=["no index here", "a prefix", "fewer columns", "a prefix of it"])
def test_rows_that_are_two_to_the_source_are_asked_about(tmp_path, mysql, oceanbase, databases, here, there):
    """None is taken out for the other, and both counted."""
    make(mysql, oceanbase, COLUMNS + here, f"{COLUMNS}, UNIQUE KEY own ({there})", TWO_ALIKE)
    p = project(tmp_path, mysql, oceanbase)
    run = p.migrate()
    assert run.code == 5, run
    items = p.show()["blocked"]
    assert len(items) == 1 and "id='2'" in str(items) and "CHANGE_ROW_EXISTS" in str(items), items
    resolve(p, items[0], "--skip")
    run = p.migrate()
    assert run.code == 0 and run.summary["left_out"] == 1, run
    assert rows(oceanbase, "id") == ((1,), (3,))


def test_changes_take_no_row_out_either(tmp_path, mysql, oceanbase, databases):
    """What comes again up to the end of a copy could not tell its own row from another's: the table is
    copied from a snapshot."""
    make(mysql, oceanbase, COLUMNS, f"{COLUMNS}, UNIQUE KEY own (n)", TWO_ALIKE)
    p = project(tmp_path, mysql, oceanbase, "--blocked-timeout", "100", types="full,incremental")
    run = godwit.Following(p)
    item = blocked(p, run, "the row of the copy")
    assert item["stage"] == "full" and "id='2'" in str(item), item
    resolve(p, item, "--skip")
    run.wait_stage("incremental", "running")
    assert was_copied_at_a_snapshot(p)
    mysql.run("INSERT INTO t VALUES (4, 6, 'cc');\n", HERE)
    item = blocked(p, run, "the row of the change")
    assert item["stage"] == "incremental" and "CHANGE_ROW_EXISTS" in str(item), item
    assert rows(oceanbase, "id, n") == ((1, 5), (3, 6))
    resolve(p, item, "--skip")
    mysql.run("UPDATE t SET n = 7 WHERE id = 3;\n", HERE)
    godwit.wait(lambda: rows(oceanbase, "id, n") == ((1, 5), (3, 7)), 60, "the next change", run.process)
    assert run.stop().code == 130


def test_an_index_that_both_have_is_no_reason_for_a_snapshot(tmp_path, mysql, oceanbase, databases):
    make(mysql, oceanbase, f"{COLUMNS}, UNIQUE KEY (v)", f"{COLUMNS}, UNIQUE KEY wider (n, v)", TWO_ALIKE)
    p = project(tmp_path, mysql, oceanbase, types="full,incremental")
    assert p.migrate().code == 0
    assert not was_copied_at_a_snapshot(p)
    assert rows(oceanbase) == rows(mysql)


# --- columns of another type ---


@pytest.mark.parametrize("here, there, value", [
    ("DATETIME(6)", "DATETIME", "'2020-01-02 03:04:05.678901'"),
    ("DATETIME", "DATE", "'2020-01-02 03:04:05'"),
    ("DECIMAL(10,4)", "DECIMAL(10,2)", "1.2345"),
    ("DECIMAL(10,1)", "INT", "1.5"),
    ("DOUBLE", "FLOAT", "0.1"),
    ("VARBINARY(8)", "BINARY(8)", "x'0102'"),
    ("VARCHAR(8)", "CHAR(8)", "'a '"),
    ("VARCHAR(8)", "INT", "'1.6'"),
    ("INT", "YEAR", "5")])
def test_a_type_that_changes_values_is_refused(tmp_path, mysql, oceanbase, databases, here, there, value):
    make(mysql, oceanbase, f"id INT PRIMARY KEY, dose {here}", f"id INT PRIMARY KEY, dose {there}", f"(1, {value})")
    p = project(tmp_path, mysql, oceanbase)
    run = p.migrate()
    assert run.code in (1, 3, 5) and "dose" in run.err, run
    assert not rows(oceanbase)
    oceanbase.run(f"DROP TABLE t;\nCREATE TABLE t (id INT PRIMARY KEY, dose {here});\n", HERE)
    run = p.migrate()
    assert run.code == 0, run
    assert not compare.servers(mysql, oceanbase, HERE)


def test_a_type_that_keeps_values_is_as_good(tmp_path, mysql, oceanbase, databases):
    make(mysql, oceanbase,
         "id INT PRIMARY KEY, a VARCHAR(10), b DATETIME, c DECIMAL(10,2), d FLOAT, e BINARY(2), f DATE",
         "id BIGINT PRIMARY KEY, a TEXT, b DATETIME(3), c DECIMAL(20,4), d DOUBLE, e VARBINARY(9), f DATETIME",
         "(1, 'x ', '2020-01-02 03:04:05', 1.5, 0.5, x'0100', '2020-01-02')")
    p = project(tmp_path, mysql, oceanbase, types="full,incremental,verification")
    run = p.migrate()
    assert run.code == 0, run
    mysql.run("UPDATE t SET c = 2.25;\n", HERE)
    run = p.migrate()
    assert run.code == 0, run
    assert rows(oceanbase) == ((1, "x ", datetime.datetime(2020, 1, 2, 3, 4, 5), decimal.Decimal("2.25"), 0.5,
                                b"\x01\x00", datetime.datetime(2020, 1, 2)),)


@pytest.mark.parametrize("here, there, values", [
    ("DECIMAL(10,2)", "DECIMAL(20,4)", ("-1.5", "0", "100.25", "1e7")),
    ("INT", "DECIMAL(20,2)", ("-1", "0", "1000", "1000000")),
    ("INT", "DOUBLE", ("-1", "0", "1000", "1000000")),
    ("DECIMAL(10,2)", "DOUBLE", ("-1.5", "0", "100.25", "1e7")),
    ("DATE", "DATETIME", ("'0000-00-00'", "'1970-01-01'", "'2020-02-29'", "'9999-12-31'")),
    ("DATETIME", "DATETIME(3)", ("'1970-01-01 00:00:00'", "'2020-02-29 01:02:03'", "'2021-01-01'", "'2022-01-01'")),
    ("TIME(1)", "TIME(6)", ("'-838:59:58.5'", "'-00:00:00.5'", "'0'", "'100:00:00'")),
    ("BIT(8)", "BIT(16)", ("0", "1", "b'10000000'", "255")),
    ("SET('a','b','c')", "SET('c','b','a')", ("''", "'a'", "'a,b'", "'a,b,c'"))],
    ids=["decimal", "integer decimal", "integer double", "decimal double", "date", "datetime", "time", "bit", "set"])
@pytest.mark.parametrize("key", ["k", "id"])
def test_finer_columns_are_equal_by_value(tmp_path, mysql, oceanbase, databases, key, here, there, values):
    """And what differs is found in them, and nothing else."""
    rest = {"k": "id INT", "id": "id INT PRIMARY KEY"}[key]
    primary = ", PRIMARY KEY (k)" if key == "k" else ""
    mysql.run(f"SET sql_mode = 'ALLOW_INVALID_DATES';\nCREATE TABLE t (k {here} NOT NULL, {rest}{primary});\n"
              "INSERT INTO t VALUES " + ", ".join(f"({v}, {n})" for n, v in enumerate(values)) + ";\n", HERE)
    oceanbase.run(f"CREATE TABLE t (k {there} NOT NULL, {rest}{primary});\n", HERE)
    p = project(tmp_path, mysql, oceanbase, types="full,incremental,verification")
    run = p.migrate()
    assert run.code == 0 and run.summary["rows"] == 4, run
    oceanbase.run("DELETE FROM t WHERE id = 1;\n"
                  + ("UPDATE t SET id = 9 WHERE id = 2;\n" if key == "k" else f"UPDATE t SET k = {values[0]} WHERE id = 2;\n"),
                  HERE)
    assert p.other("verify", "p").returncode == 4
    assert p.migrate().summary["inconsistent"] == 2
    corrected = p.other("verify", "p", "--correct")
    assert corrected.returncode == 0, corrected.stderr
    assert p.migrate().code == 0


def test_blanks_that_the_server_would_cut_are_asked_about(tmp_path, mysql, oceanbase, databases):
    make(mysql, oceanbase, "id INT PRIMARY KEY, v VARCHAR(20), x TEXT", "id INT PRIMARY KEY, v VARCHAR(5), x TINYTEXT",
         "(1, 'äbcde', ''), (2, 'äbcde  ', ''), (3, 'ok', CONCAT(REPEAT('ä', 127), '  '))")
    p = project(tmp_path, mysql, oceanbase, types="full,incremental,verification")
    for name in "vx":
        run = p.migrate()
        items = p.show()["blocked"]
        assert run.code == 5 and len(items) == 1 and f"too long for column {name}" in str(items), items
        resolve(p, items[0], "--skip")
    assert p.migrate().summary["left_out"] == 2
    assert rows(oceanbase) == ((1, "äbcde", ""),)


# --- a column of its own ---


def test_a_large_row_behind_small_ones_fits_its_packet(tmp_path, mysql, oceanbase, databases):
    """Rows of such a table are updated one by one, many statements together: as many as a packet takes."""
    make(mysql, oceanbase, "id INT PRIMARY KEY, v LONGTEXT", "id INT PRIMARY KEY, v LONGTEXT, own INT",
         ", ".join(f"({n}, 'x')" for n in range(1, 42)))
    p = project(tmp_path, mysql, oceanbase, types="full,incremental")
    assert p.migrate().code == 0
    before = oceanbase.query("SELECT @@GLOBAL.max_allowed_packet")[0][0]
    oceanbase.run("SET GLOBAL max_allowed_packet = 2097152;\n")
    try:
        connection = mysql.connect(HERE, autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE t SET v = REPEAT('a', 10000) WHERE id < 41")
            cursor.execute("UPDATE t SET v = REPEAT('b', 1900000) WHERE id = 41")
        connection.commit()
        connection.close()
        run = p.migrate()
    finally:
        oceanbase.run(f"SET GLOBAL max_allowed_packet = {before};\n")
    assert run.code == 0, run
    assert rows(oceanbase, "id, LENGTH(v)") == rows(mysql, "id, LENGTH(v)")


# --- a transaction of the user's on it ---


def statements(oceanbase):
    return [row[7] for row in oceanbase.query("SHOW FULL PROCESSLIST") if row[7] and row[7].startswith("/* godwit ")]


def test_nobody_takes_over_while_a_statement_waits(tmp_path, mysql, oceanbase, databases):
    """A process that was frozen after it had made sure of its turn would send it to a table that its
    successor has written to: who wants to take over waits for the lane's row."""
    make(mysql, oceanbase, COLUMNS, COLUMNS, TWO_ALIKE)
    p = project(tmp_path, mysql, oceanbase, types="full,incremental")
    run = godwit.Following(p)
    run.wait_stage("incremental", "running")
    held = oceanbase.connect(HERE, autocommit=False)
    held.cursor().execute("UPDATE t SET n = 9 WHERE id = 1")  # an index cannot be made before its end
    mysql.run("CREATE INDEX later ON t (n);\n", HERE)
    godwit.wait(lambda: statements(oceanbase), 30, "the statement to be under way", run.process)
    link = statements(oceanbase)[0].split()[2]
    lanes = "SELECT lane FROM godwit.godwit_lane WHERE link = %s FOR UPDATE"
    successor = oceanbase.connect(autocommit=False)
    with successor.cursor() as cursor:
        cursor.execute("SET ob_trx_lock_timeout = 1000000")
        with pytest.raises(pymysql.Error):
            cursor.execute(lanes, (link,))
        successor.rollback()
        held.rollback()
        godwit.wait(lambda: not statements(oceanbase), 60, "the statement to end", run.process)
        assert cursor.execute(lanes, (link,)) > 0
        successor.rollback()
    assert run.stop().code == 130
