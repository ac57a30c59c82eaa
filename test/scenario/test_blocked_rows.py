# SPDX-License-Identifier: Apache-2.0
"""Rows that the destination does not take while they are copied."""
import pytest

import compare
import godwit

HERE = "unfit"


@pytest.fixture
def databases(mysql, oceanbase):
    mysql.drop(HERE)
    oceanbase.drop(HERE)
    mysql.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n")
    oceanbase.run(f"CREATE DATABASE {HERE} DEFAULT CHARACTER SET utf8mb4;\n")


def project(tmp_path, mysql, oceanbase, *options, types="full,incremental,verification"):
    return godwit.Godwit(tmp_path / "p", mysql, oceanbase, f"{HERE}.*",
                         options=("--types", types, *options))


def both(mysql, oceanbase, source, destination=None):
    mysql.run(source)
    oceanbase.run(destination or source)


def resolve(p, item, choice):
    p.resolve(item["item"], choice)


def narrow(mysql, oceanbase):
    """t: two rows of thousands too long for the destination; u: all fit."""
    both(mysql, oceanbase,
         f"CREATE TABLE {HERE}.t (id INT PRIMARY KEY, v VARCHAR(20), KEY (v));\n"
         f"CREATE TABLE {HERE}.u (id INT PRIMARY KEY, v VARCHAR(20));\n",
         f"CREATE TABLE {HERE}.t (id INT PRIMARY KEY, v VARCHAR(5), KEY (v));\n"
         f"CREATE TABLE {HERE}.u (id INT PRIMARY KEY, v VARCHAR(20));\n")
    connection = mysql.connect(HERE)
    cursor = connection.cursor()
    cursor.execute("SET SESSION cte_max_recursion_depth = 1000000")
    for table in "tu":
        cursor.execute(f"INSERT INTO {table} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                       "FROM n WHERE i < 9000) SELECT i, 'x' FROM n")
    cursor.execute("UPDATE t SET v = 'much too long' WHERE id IN (17, 8888)")
    connection.close()


def test_the_run_ends_when_nothing_else_goes_and_goes_on_with_the_answers(
        tmp_path, mysql, oceanbase, databases):
    narrow(mysql, oceanbase)
    p = project(tmp_path, mysql, oceanbase)
    run = p.migrate()
    assert run.code == 5, run
    assert oceanbase.query(f"SELECT COUNT(*) FROM {HERE}.u") == ((9000,),)
    asked = []
    while run.code == 5:  # the chunk that was through first is asked about first
        items = p.show()["blocked"]
        assert len(items) == 1 and items[0]["object"] == f"{HERE}.t", items
        assert "too long" in str(items[0]), items
        asked += [key for key in (17, 8888) if f"id='{key}'" in str(items[0])]
        if asked[-1] == 8888:
            oceanbase.run(f"INSERT INTO {HERE}.t VALUES (8888, 'short');\n")
        resolve(p, items[0], "--skip" if asked[-1] == 17 else "--done")
        run = p.migrate()
    assert sorted(asked) == [17, 8888]
    assert run.code == 4, run  # verification finds what was left out, and what was written by hand
    assert run.summary["left_out"] == 1, run
    assert oceanbase.query(f"SELECT v FROM {HERE}.t WHERE id IN (17, 8888)") == (("short",),)
    assert oceanbase.query(f"SELECT COUNT(*) FROM {HERE}.t") == ((8999,),)
    assert "id='17'" in p.other("project", "show", p.name).stdout


def test_other_chunks_go_on_and_a_retry_ends_all_questions(tmp_path, mysql, oceanbase, databases):
    narrow(mysql, oceanbase)
    p = project(tmp_path, mysql, oceanbase, "--blocked-timeout", "100")
    run = godwit.Following(p)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the row", run.process)
    godwit.wait(lambda: oceanbase.query(f"SELECT COUNT(*) FROM {HERE}.u") == ((9000,),), 60,
                "the other table", run.process)
    oceanbase.run(f"ALTER TABLE {HERE}.t MODIFY v VARCHAR(20);\n")
    resolve(p, p.show()["blocked"][0], "--retry")
    run.wait_stage("verification", "done")
    assert not p.show().get("blocked")
    end = run.stop()
    assert end.code == 130, end
    assert not compare.servers(mysql, oceanbase, HERE)


@pytest.mark.parametrize("point", ["full-before-chunk-commit",
                                   "full-after-chunk-commit-before-journal"])
def test_what_was_skipped_is_remembered_by_a_run_that_was_killed(
        tmp_path, mysql, oceanbase, databases, point):
    narrow(mysql, oceanbase)
    p = project(tmp_path, mysql, oceanbase)
    for _ in range(2):
        run = p.migrate()
        assert run.code == 5, run
        resolve(p, p.show()["blocked"][0], "--skip")
    run = p.migrate(environment={"GODWIT_CRASH_POINT": point})
    assert run.code < 0 or run.code not in (0, 4, 5), run
    run = p.migrate()
    assert run.code == 4 and run.summary["left_out"] == 2, run
    assert oceanbase.query(f"SELECT COUNT(*) FROM {HERE}.t") == ((8998,),)


def test_rows_of_a_snapshot_are_put_aside(tmp_path, mysql, oceanbase, databases):
    """The copy of a table without a key does not wait for an answer with its snapshot open."""
    both(mysql, oceanbase, f"CREATE TABLE {HERE}.k (a INT, v VARCHAR(20));\n",
         f"CREATE TABLE {HERE}.k (a INT, v VARCHAR(5));\n")
    mysql.run(f"INSERT INTO {HERE}.k VALUES (1, 'a'), (2, 'much too long'), (2, 'a'), (2, 'a'), "
              "(3, 'another that is long');\n")
    p = project(tmp_path, mysql, oceanbase, "--blocked-timeout", "100")
    run = godwit.Following(p)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the row", run.process)
    assert len(oceanbase.query(f"SELECT * FROM {HERE}.k")) == 3
    resolve(p, p.show()["blocked"][0], "--skip")
    godwit.wait(lambda: "another" in str(p.show().get("blocked")), 60, "the next", run.process)
    oceanbase.run(f"ALTER TABLE {HERE}.k MODIFY v VARCHAR(20);\n")
    resolve(p, p.show()["blocked"][0], "--retry")
    run.wait_stage("verification", "done")
    run.stop()
    rows = sorted(oceanbase.query(f"SELECT * FROM {HERE}.k"))
    assert rows == [(1, "a"), (2, "a"), (2, "a"), (3, "another that is long")], rows


@pytest.mark.parametrize("source, destination, bad, refused", [
    ("id INT PRIMARY KEY, n INT", "id INT PRIMARY KEY, n TINYINT", 300, "out of range"),
    ("id INT PRIMARY KEY, n INT", "id INT PRIMARY KEY, n INT, CHECK (n < 200)", 300, "CHECK"),
    ("id INT PRIMARY KEY, n INT", "id INT PRIMARY KEY, n INT NOT NULL", "NULL", "null"),
    ("id INT, n INT, PRIMARY KEY (id, n)", "id INT, n INT, PRIMARY KEY (id, n)) PARTITION BY RANGE "
     "(n) (PARTITION p VALUES LESS THAN (200)", 300, "partition")])
def test_whatever_refuses_a_row_shows_it(tmp_path, mysql, oceanbase, databases, source, destination,
                                         bad, refused):
    both(mysql, oceanbase, f"CREATE TABLE {HERE}.t ({source});\n",
         f"CREATE TABLE {HERE}.t ({destination});\n")
    mysql.run(f"INSERT INTO {HERE}.t VALUES (1, 1), (2, {bad}), (3, 3);\n")
    p = project(tmp_path, mysql, oceanbase, types="full")
    run = p.migrate()
    assert run.code == 5, run
    item = p.show()["blocked"][0]
    assert "id='2'" in str(item) and refused.lower() in str(item).lower(), item
    resolve(p, item, "--skip")
    run = p.migrate()
    assert run.code == 0 and run.summary["left_out"] == 1, run
    assert sorted(oceanbase.query(f"SELECT id FROM {HERE}.t")) == [(1,), (3,)]


def folding(tmp_path, mysql, oceanbase):
    """A key that the destination compares without case. Its last chunk waits for an answer, so what is
    written meanwhile is replayed over rows that are copied already."""
    both(mysql, oceanbase,
         f"CREATE TABLE {HERE}.t (k VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v VARCHAR(20));\n",
         f"CREATE TABLE {HERE}.t (k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, "
         "v VARCHAR(5));\n")
    rows = [(f"a{n}", "x" * 5) for n in range(3000)] + [("zz", "much too long"), ("zzb", "b")]
    connection = mysql.connect(HERE)
    connection.cursor().executemany("INSERT INTO t VALUES (%s, %s)", rows)
    connection.close()
    config = tmp_path / "small.toml"
    config.write_text("[limits]\nchunk_bytes = 20000\n")
    p = project(tmp_path, mysql, oceanbase, "--blocked-timeout", "100", "--config", config)
    run = godwit.Following(p)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the row", run.process)
    godwit.wait(lambda: oceanbase.query(f"SELECT v FROM {HERE}.t WHERE k = 'a1'"), 60, "the first",
                run.process)
    return p, run


def widen(p, oceanbase):
    oceanbase.run(f"ALTER TABLE {HERE}.t MODIFY v VARCHAR(20);\n")
    resolve(p, p.show()["blocked"][0], "--retry")


def test_replay_displaces_no_row_that_only_the_destination_calls_equal(
        tmp_path, mysql, oceanbase, databases):
    p, run = folding(tmp_path, mysql, oceanbase)
    mysql.run("INSERT INTO t VALUES ('A1', 'new');\nUPDATE t SET v = 'kept' WHERE k = 'a1';\n"
              "UPDATE t SET k = 'a2x' WHERE k = 'a2';\n", HERE)
    widen(p, oceanbase)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the clash", run.process)
    item = p.show()["blocked"][0]
    assert item["stage"] == "incremental" and "k='A1'" in str(item), item
    assert oceanbase.query(f"SELECT k FROM {HERE}.t WHERE k = 'a1'") == (("a1",),)
    resolve(p, item, "--skip")
    run.wait_stage("incremental", "running")
    godwit.wait(lambda: oceanbase.query(f"SELECT k FROM {HERE}.t WHERE k = 'a2x'"), 60, "the move",
                run.process)
    # Lanes are not in step with one another.
    godwit.wait(lambda: oceanbase.query(f"SELECT k, v FROM {HERE}.t WHERE k = 'a1'")
                == (("a1", "kept"),), 60, "the other row's change", run.process)
    # Of the row that was left out nothing reaches the other one.
    mysql.run("UPDATE t SET v = 'lost' WHERE k = 'A1';\n", HERE)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the missing row", run.process)
    assert "CHANGE_ROW_MISSING" in str(p.show()["blocked"][0])
    resolve(p, p.show()["blocked"][0], "--skip")
    mysql.run("DELETE FROM t WHERE k = 'A1';\n", HERE)
    godwit.wait(lambda: p.show().get("blocked"), 60, "the missing row", run.process)
    resolve(p, p.show()["blocked"][0], "--skip")
    end = run.stop()
    assert end.code == 130, end
    assert not compare.servers(mysql, oceanbase, HERE)


def test_a_delete_takes_no_row_that_only_the_destination_calls_equal(
        tmp_path, mysql, oceanbase, databases):
    """The last chunk is read when 'zzB' is there and 'zzb' gone; then the delete of 'zzb' is replayed."""
    p, run = folding(tmp_path, mysql, oceanbase)
    mysql.run("DELETE FROM t WHERE k = 'zzb';\nINSERT INTO t VALUES ('zzB', 'B');\n"
              "INSERT INTO t VALUES ('zzC', 'C');\nDELETE FROM t WHERE k = 'zzC';\n"
              "UPDATE t SET k = 'A7' WHERE k = 'a7';\n", HERE)
    widen(p, oceanbase)
    run.wait_stage("verification", "done")
    end = run.stop()
    assert end.code == 130, end
    assert oceanbase.query(f"SELECT k FROM {HERE}.t WHERE k > 'zz' ORDER BY k") == (("zzB",),)
    assert oceanbase.query(f"SELECT k FROM {HERE}.t WHERE k = 'a7'") == (("A7",),)
    assert not compare.servers(mysql, oceanbase, HERE)


def test_the_copy_displaces_no_row_that_only_the_destination_calls_equal(
        tmp_path, mysql, oceanbase, databases):
    p, run = folding(tmp_path, mysql, oceanbase)
    mysql.run("INSERT INTO t VALUES ('zzB', 'B');\n", HERE)
    widen(p, oceanbase)
    godwit.wait(lambda: "zzb" in str(p.show().get("blocked")), 60, "the clash", run.process)
    assert p.show()["blocked"][0]["stage"] == "full"
    mysql.run("DELETE FROM t WHERE k = 'zzB';\n", HERE)
    resolve(p, p.show()["blocked"][0], "--retry")
    run.wait_stage("incremental", "running")
    # The log has the insert too, and nobody can tell the destination of both rows.
    godwit.wait(lambda: p.show().get("blocked"), 60, "the insert", run.process)
    resolve(p, p.show()["blocked"][0], "--skip")
    run.wait_stage("verification", "done")
    assert run.stop().code == 130
    assert not compare.servers(mysql, oceanbase, HERE)
