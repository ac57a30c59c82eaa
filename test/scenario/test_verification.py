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


def begin(tmp_path, sides, name, *more):
    """A comparison with a state directory of its own, in the background."""
    return subprocess.Popen(
        [str(godwit.PROGRAM), "verify", "--source", sides[0].url, "--destination", sides[1].url,
         "--objects", f"{DATABASE}.*", "--state-dir", str(tmp_path / name), "--yes", "--json",
         *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process):
    """Its exit code and its summary."""
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert out, err
    return process.returncode, json.loads(out.splitlines()[-1])


def verify(tmp_path, sides, name, *more):
    return end(begin(tmp_path, sides, name, *more))


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


def by_hand(there, state, table="t"):
    """Runs the file of statements as a client would that knows nothing of it; the errors it met."""
    script = "".join(path.read_text() for path in state.rglob(f"{DATABASE}.{table}.sql"))
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


def test_the_statements_leave_moments_as_they_are(tmp_path, sides):
    """A server sets such a column itself where a statement does not."""
    source, there = sides
    for side in sides:
        side.run(f"{MODE}CREATE TABLE u (id INT PRIMARY KEY, v INT, up TIMESTAMP(3) NOT NULL DEFAULT "
                 "'2001-02-03 04:05:06' ON UPDATE CURRENT_TIMESTAMP(3));\nINSERT INTO u (id, v) VALUES (1, 1);\n",
                 DATABASE)
    there.run("UPDATE u SET v = 2, up = up;\n", DATABASE)
    assert verify(tmp_path, sides, "state")[0] == 4
    assert not by_hand(there, tmp_path / "state", "u")
    assert verify(tmp_path, sides, "again")[0] == 0


def test_the_statements_write_what_strict_sessions_refuse(tmp_path, sides):
    """An ENUM's error value, and the largest value of a FLOAT(7,3); whatever comes behind them too."""
    source, there = sides
    for side in sides:
        side.run("SET sql_mode = '';\n"
                 "CREATE TABLE x (id INT PRIMARY KEY, e ENUM('a', 'b'), f FLOAT(7,3), v VARCHAR(9));\n"
                 "INSERT INTO x VALUES (1, 0, 1.5, 'x'), (2, 0, 1.5, 'x'), (3, 'b', -9999.999, 'x'), "
                 "(4, 'b', 1.5, 'x'), (5, 'a', 9999.999, 'x');\n", DATABASE)
    there.run("DELETE FROM x WHERE id IN (1, 5);\nUPDATE x SET e = 'a', v = 'y' WHERE id = 2;\n"
              "UPDATE x SET f = 2.5 WHERE id = 3;\nUPDATE x SET v = 'y' WHERE id = 4;\n"
              "INSERT INTO x VALUES (9, 'a', 1.5, 'x');\n", DATABASE)
    code, summary = verify(tmp_path, sides, "state")
    assert (code, summary["inconsistent"]) == (4, 6)
    assert not by_hand(there, tmp_path / "state", "x")
    assert verify(tmp_path, sides, "again")[0] == 0
    assert there.query(f"SELECT id, e + 0, v FROM {DATABASE}.x ORDER BY id") == (
        (1, 0, "x"), (2, 0, "x"), (3, 2, "x"), (4, 2, "x"), (5, 1, "x"))


@pytest.mark.parametrize("key, wrong", [("PRIMARY KEY (id)", 1), ("KEY (id)", 2)], ids=["key", "keyless"])
@pytest.mark.parametrize("charset, here, text", [("cp1251", "EF98F0", "п?р"), ("gbk", "61FEFE62", "a?b")],
                         ids=["cp1251", "gbk"])
def test_bytes_without_a_character_are_no_question_mark(tmp_path, sides, charset, here, text, key, wrong):
    """Which is what the servers make of them where they are asked for UTF-8."""
    source, there = sides
    source.query(f"CREATE TABLE {DATABASE}.q (id INT NOT NULL, s VARCHAR(20) CHARACTER SET {charset}, {key})")
    there.query(f"CREATE TABLE {DATABASE}.q (id INT NOT NULL, s VARCHAR(20) CHARACTER SET utf8mb4, {key})")
    source.query(f"INSERT INTO {DATABASE}.q VALUES (1, CONVERT(x'{here}' USING {charset})), (2, '?'), (3, NULL)")
    there.query(f"INSERT INTO {DATABASE}.q VALUES (1, %s), (2, '?'), (3, NULL)", text)
    code, summary = verify(tmp_path, sides, "state")
    assert (code, summary["inconsistent"]) == (4, wrong)
    report = "".join(path.read_text(errors="replace") for path in (tmp_path / "state").rglob(f"{DATABASE}.q.diff"))
    assert "TEXT_UNDECODABLE" in report, report
    there.query(f"DELETE FROM {DATABASE}.q WHERE id = 1")
    source.query(f"DELETE FROM {DATABASE}.q WHERE id = 1")
    assert verify(tmp_path, sides, "equal")[0] == 0


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
    project.resolve(item, "--edit", statement)
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


# --- definitions that change, and tables that were left out ---

WAITS = ("SELECT COUNT(*) FROM information_schema.processlist WHERE "
         "state LIKE 'Waiting for table metadata lock%'")
# What is done at the source and at the destination after both were looked at and before the first read, and how
# many rows are wrong then. Of JSON no sums are made: the rows are read.
ALTERED = {
    "character set": ("ALTER TABLE r MODIFY s VARCHAR(20) CHARACTER SET utf8mb4", None, 0),
    "new column": ("ALTER TABLE r ADD COLUMN n INT DEFAULT 7", "ALTER TABLE r ADD COLUMN n INT DEFAULT 8", 2),
}


def make_r(sides, rows):
    for side, charset in zip(sides, ("latin1", "utf8mb4")):
        side.query(f"CREATE TABLE {DATABASE}.r (id INT PRIMARY KEY, s VARCHAR(20) CHARACTER SET {charset}, j JSON)")
        for first in range(0, rows, 2000):
            values = ", ".join(f"({n}, 'é', '[{n}]')" for n in range(first, min(first + 2000, rows)))
            side.query(f"INSERT INTO {DATABASE}.r VALUES {values}")


@pytest.mark.parametrize("change", ALTERED)
def test_a_definition_that_changes_while_it_is_compared(tmp_path, sides, change):
    """Nothing fails by it, so it must be looked for: the table is compared once more."""
    source, there = sides
    here_too, there_too, wrong = ALTERED[change]
    make_r(sides, 2)
    verify(tmp_path, sides, "state")  # precheck, which reads the tables too, is done then
    held = source.connect(DATABASE)
    held.cursor().execute("LOCK TABLES r WRITE")
    run = begin(tmp_path, sides, "state")
    try:
        godwit.wait(lambda: source.query(WAITS)[0][0], 60, "the first read", run)
        held.cursor().execute(here_too)
        if there_too:
            there.run(there_too + ";\n", DATABASE)
    finally:
        held.close()
    code, summary = end(run)
    assert (code, summary["inconsistent"]) == (4 if wrong else 0, wrong)


@pytest.mark.parametrize("is_replaced", [False, True], ids=["its name is free", "another has its name"])
def test_a_table_that_is_renamed_while_others_are_compared(tmp_path, sides, is_replaced):
    """It is compared under its new name; what was found of it under the old one counts no more."""
    source, there = sides
    make_r(sides, 2)
    there.query(f"UPDATE {DATABASE}.r SET s = 'x'")
    project = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*", name="c")
    verify(tmp_path, sides, "state", "--name", project.name)
    held = source.connect(DATABASE)
    held.cursor().execute("LOCK TABLES t WRITE")
    run = begin(tmp_path, sides, "state", "--name", project.name)
    is_compared = lambda: any((table["table"], table["round"]) == (f"{DATABASE}.r", 2)
                              for table in project.show().get("verification", []))
    try:
        godwit.wait(is_compared, 60, "the table to be compared", run)
        for side in sides:
            side.query(f"RENAME TABLE {DATABASE}.r TO {DATABASE}.r2")
            if is_replaced:
                side.query(f"CREATE TABLE {DATABASE}.r (id INT PRIMARY KEY)")
    finally:
        held.close()
    code, summary = end(run)
    assert (code, summary["tables"], summary["inconsistent"]) == (4, 3 if is_replaced else 2, 2), summary
    reports = {path.name for path in (tmp_path / "state").rglob("2/*.diff")}
    assert reports == {f"{DATABASE}.r2.diff"}, reports


def test_tables_that_exchange_their_names_while_others_are_compared(tmp_path, sides):
    """Neither definition is another one then. What was found of each name is another table's now."""
    source, there = sides
    for side in sides:
        side.query(f"DROP TABLE {DATABASE}.t")
    source.run("CREATE TABLE a (id INT PRIMARY KEY, v INT);\nCREATE TABLE b LIKE a;\nCREATE TABLE z LIKE a;\n"
               "INSERT INTO a VALUES (1, 1);\nINSERT INTO b VALUES (1, 1), (2, 2);\n", DATABASE)
    project = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    assert project.migrate().code == 0
    there.run("UPDATE b SET v = v + 1;\n", DATABASE)
    held = source.connect(DATABASE)
    held.cursor().execute("LOCK TABLES z WRITE")
    following = godwit.Following(project)

    def found():
        return {table["table"][-1]: table for table in project.show().get("verification", []) if table["round"] == 2}
    try:
        godwit.wait(lambda: all("rows" in found().get(name, {}) for name in "ab"), 120, "a and b to be compared",
                    following.process)
        assert "rows" not in found().get("z", {})
        source.query(f"RENAME TABLE {DATABASE}.a TO {DATABASE}.x, {DATABASE}.b TO {DATABASE}.a, {DATABASE}.x TO {DATABASE}.b")
    finally:
        held.close()
    following.wait_stage("verification", "done")
    assert {name: table["consistent"] for name, table in found().items()} == {"a": False, "b": True, "z": True}
    assert (found()["a"]["rows"], found()["b"]["rows"]) == (2, 1)
    assert following.stop().code == 130


def test_a_skipped_table_is_compared_where_it_is_there(tmp_path, sides):
    """Its user has made it by hand, so it was copied. Where it is not, it is left out unless it is asked for."""
    source, there = sides
    for side in sides:
        side.query(f"DROP TABLE {DATABASE}.t")
    source.query(f"CREATE TABLE {DATABASE}.e (k BLOB NOT NULL, v INT, PRIMARY KEY (k(10)))")
    source.query(f"INSERT INTO {DATABASE}.e VALUES ('a', 0), ('b', 2)")
    source.query(f"CREATE TABLE {DATABASE}.o (id INT PRIMARY KEY)")
    source.query(f"INSERT INTO {DATABASE}.o VALUES (1)")
    project = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*",
                            options=["--types", "schema,full,verification", "--skip-check", "conversion"])
    assert project.migrate().code == 5
    item = project.show()["blocked"][0]["item"]
    there.query(f"CREATE TABLE {DATABASE}.e (k VARBINARY(100) NOT NULL PRIMARY KEY, v INT)")
    project.resolve(item, "--skip")
    run = project.migrate()
    assert (run.code, run.summary["tables"]) == (0, 2), run

    def compared(*tables):
        done = project.other("verify", project.name, *tables, "--json")
        summary = godwit.Run(done.returncode, done.stdout, done.stderr).summary
        return done.returncode, summary["tables"], summary["inconsistent"]

    there.query(f"UPDATE {DATABASE}.e SET v = 7 WHERE k = 'a'")
    assert compared()[0] == 4
    there.query(f"DROP TABLE {DATABASE}.e")
    assert compared() == (0, 1, 0)
    assert compared(f"{DATABASE}.e") == (4, 1, 1)
    assert compared(f"{DATABASE}.o") == (0, 1, 0)
