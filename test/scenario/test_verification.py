# SPDX-License-Identifier: Apache-2.0
"""Comparing alone, by the sums that the servers compute: every damage is found, quick or certain, and
nothing is written."""
import json
import subprocess

import pymysql
import pytest

import godwit

DATABASE = "compared"
COLUMNS = ("(id INT AUTO_INCREMENT PRIMARY KEY, code VARCHAR(20) COLLATE utf8mb4_bin, a VARCHAR(20) COLLATE "
           "utf8mb4_bin, b VARCHAR(20) COLLATE utf8mb4_bin, f FLOAT, d DOUBLE, ci VARCHAR(20) COLLATE "
           "utf8mb4_general_ci, ts TIMESTAMP(3) NULL DEFAULT '2001-02-03 04:05:06', dd DATE DEFAULT '2000-00-00')")
NAMES = "(id, code, a, b, f, d, ci)"
ROWS = """(1, 'lhul', 'paid', 'x', 16777216, 0.1, 'resume'), (2, 'jfkw', 'paid', 'y', 0.1, 1e-7, ''),
          (3, 'c', 'ab', 'c', NULL, 1e300, NULL), (4, 'd', '', NULL, 1e-10, -0.000012345678901234567, 'é'),
          (5, 'e', 'x', 'y', 0, 0, 'x'), (6, 'f', 'same', 'one', 1, 1, 'ß'),
          (7, 'g', 'same', 'two', 1, 1, 'x'), (0, 'it''s', 'b\\\\s', '"', 2, 2, '')"""
# What no session of its own would take.
MODE = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00';\n"


# What is done to the destination, and how many rows are wrong by it.
DAMAGES = {
    "nothing": ("SELECT 1", 0),
    "missing": ("DELETE FROM t WHERE id=3", 1),
    "extra": ("INSERT INTO t (id, code) VALUES (9, 'n')", 1),
    "swapped between two rows": ("UPDATE t SET code=IF(id=1,'jfkw','lhul') WHERE id IN (1,2)", 2),
    "the same change in two rows": ("UPDATE t SET a='sane' WHERE id IN (6,7)", 2),
    "columns swapped within a row": ("UPDATE t SET a='y', b='x' WHERE id=5", 1),
    "a border of two cells moved": ("UPDATE t SET a='a', b='bc' WHERE id=3", 1),
    "NULL for empty": ("UPDATE t SET a=NULL WHERE id=4", 1),
    "empty for NULL": ("UPDATE t SET b='' WHERE id=4", 1),
    "the letter that stands for NULL": ("UPDATE t SET b='N' WHERE id=4", 1),
    "trailing blank": ("UPDATE t SET b='x ' WHERE id=1", 1),
    "case": ("UPDATE t SET a='Paid' WHERE id=1", 1),
    "case where it counts for nothing": ("UPDATE t SET ci='Resume' WHERE id=1", 1),
    "accent": ("UPDATE t SET ci='résumé' WHERE id=1", 1),
    "trailing blank where it counts for nothing": ("UPDATE t SET ci='x ' WHERE id=5", 1),
    "a moment": ("UPDATE t SET ts='2001-02-03 04:05:06.001' WHERE id=1", 1),
    "a missing key of zero": ("DELETE FROM t WHERE id=0", 1),
    "last bit of a FLOAT": ("UPDATE t SET f=16777218 WHERE id=1", 1),
    "last bit of a DOUBLE": ("UPDATE t SET d=0.10000000000000002 WHERE id=1", 1),
    "last bit of a small DOUBLE": ("UPDATE t SET d=1.0000000000000001e-7 WHERE id=2", 1),
}


@pytest.fixture
def sides(mysql, oceanbase):
    for side in (mysql, oceanbase):
        side.drop(DATABASE)
        side.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARSET utf8mb4;\n"
                 f"{MODE}CREATE TABLE {DATABASE}.t {COLUMNS};\n"
                 f"INSERT INTO {DATABASE}.t {NAMES} VALUES {ROWS};\n")
    yield mysql, oceanbase
    for side in (mysql, oceanbase):
        side.drop(DATABASE)


def verify(tmp_path, sides, name, *more):
    """The exit code and the summary of a comparison with a state directory of its own."""
    run = subprocess.run(
        [str(godwit.PROGRAM), "verify", "--source", sides[0].url, "--destination", sides[1].url,
         "--objects", f"{DATABASE}.*", "--state-dir", str(tmp_path / name), "--yes", "--json",
         *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    return run.returncode, json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("how", [(), ("--certain",)], ids=["quick", "certain"])
def test_every_damage_is_found(tmp_path, sides, how):
    there = sides[1]
    for number, (name, (statement, wrong)) in enumerate(DAMAGES.items()):
        there.run(statement, DATABASE)
        code, summary = verify(tmp_path, sides, f"state{number}", *how)
        assert (code, summary["inconsistent"]) == (4 if wrong else 0, wrong), name
        there.run(f"{MODE}DELETE FROM t;\nINSERT INTO t {NAMES} VALUES {ROWS};\n", DATABASE)


# What the statements of a `.sql` file can mend: all but a row that the source does not have.
MENDED = [statement for name, (statement, wrong) in DAMAGES.items() if wrong and name != "extra"]


def by_hand(there, state):
    """Runs the file of statements as a client would that knows nothing of it; the errors it met."""
    script = "".join(path.read_text() for path in state.rglob(f"{DATABASE}.t.sql"))
    assert script
    connection = there.connect(DATABASE)
    errors = []
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+08:00', sql_mode = 'STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES'")
        for statement in godwit.statements(script):
            try:
                cursor.execute(statement)
            except pymysql.Error as error:
                errors.append(f"{error}: {statement}")
    connection.close()
    return errors


@pytest.mark.parametrize("damage", MENDED)
def test_the_statements_mend_what_was_found(tmp_path, sides, damage):
    source, there = sides
    there.run(damage, DATABASE)
    assert verify(tmp_path, sides, "state")[0] == 4
    assert not by_hand(there, tmp_path / "state")
    assert verify(tmp_path, sides, "again")[0] == 0


@pytest.mark.parametrize("damage", MENDED)
def test_the_statements_write_over_nothing_newer(tmp_path, sides, damage):
    """What has changed at the destination since the comparison stays as it is."""
    source, there = sides
    there.run(damage, DATABASE)
    assert verify(tmp_path, sides, "state")[0] == 4
    there.run(f"{MODE}INSERT IGNORE INTO t {NAMES} VALUES {ROWS};\nUPDATE t SET a = CONCAT(IFNULL(a, ''), '!');\n", DATABASE)
    newer = there.query(f"SELECT * FROM {DATABASE}.t ORDER BY id")
    for error in by_hand(there, tmp_path / "state"):
        assert "Duplicate" in error and ": INSERT" in error, error
    assert there.query(f"SELECT * FROM {DATABASE}.t ORDER BY id") == newer


@pytest.mark.parametrize("key", ["PRIMARY KEY (id)", "KEY (id)"], ids=["key", "keyless"])
def test_what_the_destination_computes(tmp_path, sides, key):
    """Another expression there is found out by the values that come of it; nothing written can mend it."""
    source, there = sides
    columns = (f"(id INT NOT NULL, a INT, s INT AS (a + {{0}}) STORED, v VARCHAR(20) AS "
               f"(CONCAT('v', a)) VIRTUAL, {key})")
    source.query(f"CREATE TABLE {DATABASE}.g {columns.format(1)}")
    there.query(f"CREATE TABLE {DATABASE}.g {columns.format(1)}")
    for side in sides:
        side.query(f"INSERT INTO {DATABASE}.g (id, a) VALUES (1, 1), (2, 2), (3, NULL)")
    assert verify(tmp_path, sides, "equal")[0] == 0
    there.query(f"DROP TABLE {DATABASE}.g")
    there.query(f"CREATE TABLE {DATABASE}.g {columns.format('IF(a = 2, 7, 1)')}")
    there.query(f"INSERT INTO {DATABASE}.g (id, a) VALUES (1, 1), (2, 2), (3, NULL)")
    code, summary = verify(tmp_path, sides, "state", "--correct")
    assert (code, summary["inconsistent"]) == (4, 1)
    reports = [path for path in (tmp_path / "state").rglob("*") if f"{DATABASE}.g" in path.name]
    assert {path.suffix for path in reports} == {".diff"}, reports
    text = reports[0].read_text()
    assert text.startswith("computed ") and "s: 3 → 9" in text and "the destination computes s" in text
    show = subprocess.run([str(godwit.PROGRAM), "project", "list", "--json", "--state-dir",
                           str(tmp_path / "state")], stdout=subprocess.PIPE, text=True, timeout=60)
    name = json.loads(show.stdout.splitlines()[0])["name"]
    shown = subprocess.run([str(godwit.PROGRAM), "project", "show", name, "--state-dir",
                            str(tmp_path / "state")], stdout=subprocess.PIPE, text=True, timeout=60)
    assert "1 different in generated columns only" in shown.stdout, shown.stdout
    # Where a carried column differs too, the statement and the correction write that one only.
    there.query(f"UPDATE {DATABASE}.g SET a = 3 WHERE id = 2")
    if "PRIMARY" not in key:
        return
    code, summary = verify(tmp_path, sides, "both", "--correct")
    assert (code, summary["inconsistent"]) == (4, 1)
    assert there.query(f"SELECT a, s FROM {DATABASE}.g WHERE id = 2") == ((2, 9),)
    sql = "".join(path.read_text() for path in (tmp_path / "both").rglob(f"{DATABASE}.g.sql"))
    assert sql.splitlines()[-1].startswith("UPDATE") and "`s`" not in sql and "`v`" not in sql, sql


def test_a_table_made_by_an_edited_statement(tmp_path, sides):
    """Its generated column is not the source's: verification says so at the end of the migration."""
    source, there = sides
    for side in sides:
        side.query(f"DROP TABLE {DATABASE}.t")
    source.query(f"CREATE TABLE {DATABASE}.e (k BLOB NOT NULL, v INT, d INT AS (v * 2) STORED, "
                 "PRIMARY KEY (k(10)))")
    source.query(f"INSERT INTO {DATABASE}.e (k, v) VALUES ('a', 0), ('b', 2)")
    project = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*",
                            options=["--skip-check", "conversion"])
    assert project.migrate().code == 5
    statement = tmp_path / "e.sql"
    statement.write_text(f"CREATE TABLE {DATABASE}.e (k VARBINARY(100) NOT NULL PRIMARY KEY, v INT, "
                         "d INT AS (v * 3) STORED)")
    item = project.show()["blocked"][0]["item"]
    done = project.other("project", "resolve", project.name, item, "--edit", statement)
    assert done.returncode == 0, done.stderr
    run = project.migrate()
    assert (run.code, run.summary["inconsistent"]) == (4, 1), run


def test_comparing_alone_writes_nothing_and_needs_no_right_to(tmp_path, sides):
    source, there = sides
    there.drop("godwit")
    assert verify(tmp_path, sides, "state")[0] == 0
    assert there.query("SELECT COUNT(*) FROM information_schema.schemata WHERE "
                       "schema_name='godwit'") == ((0,),)
    there.run("DELETE FROM t WHERE id=1", DATABASE)
    code, summary = verify(tmp_path, sides, "state", "--correct")
    assert (code, summary["inconsistent"]) == (0, 0)
    assert there.query(f"SELECT COUNT(*) FROM {DATABASE}.t") == ((8,),)
