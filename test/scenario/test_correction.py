# SPDX-License-Identifier: Apache-2.0
"""`verify --correct`: what it writes, what it leaves alone and says so; and that a comparison which was
asked for tells of the present."""
import json
import subprocess
import threading

import pytest

import compare
import conftest
import godwit
import proxy

DATABASE = "corrected"


def made(*sides):
    for side in sides:
        side.drop(DATABASE)
        side.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARSET utf8mb4;\n")
    yield sides
    for side in sides:
        side.drop(DATABASE)


@pytest.fixture
def sides(mysql, oceanbase):
    yield from made(mysql, oceanbase)


@pytest.fixture
def silent_sides(oceanbase):
    """With a source that does not log what foreign keys do."""
    yield from made(conftest.server(conftest.SOURCES["mysql56"], "mysql56"), oceanbase)


def on_both(sides, script):
    for side in sides:
        side.run(script, DATABASE)


def begin(tmp_path, sides, *more):
    """A comparison without a project, in the background."""
    return subprocess.Popen(
        [str(godwit.PROGRAM), "verify", "--source", sides[0].url, "--destination", sides[1].url,
         "--objects", f"{DATABASE}.*", "--state-dir", str(tmp_path / "state"), "--yes", "--json",
         *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process):
    """Its exit code and its summary."""
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert out, err
    return process.returncode, json.loads(out.splitlines()[-1])


def verify(tmp_path, sides, *more):
    return end(begin(tmp_path, sides, *more))


def verify_project(p, *words):
    done = p.other("verify", p.name, *words, "--json", timeout=300)
    return godwit.Run(done.returncode, done.stdout, done.stderr)


def told(state, table):
    """The text of the last round's .diff file."""
    files = sorted(state.rglob(f"{DATABASE}.{table}.diff"), key=lambda path: int(path.parent.name))
    return files[-1].read_text() if files else ""


def rows(side, table, order="id"):
    return list(side.query(f"SELECT * FROM {DATABASE}.{table} ORDER BY {order}"))


# --- rows without counterpart ---


def test_a_row_of_the_destination_alone_keeps_its_unique_value(tmp_path, sides):
    """Also where the two values are equal to the collation only. Values that move among rows which both
    sides have are corrected."""
    source, there = sides
    on_both(sides, "CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(20) COLLATE utf8mb4_general_ci, "
                   "n INT, UNIQUE KEY (u), UNIQUE KEY (n));\n")
    source.run("INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', NULL), "
               "(5, 'five', NULL);\n", DATABASE)
    there.run("INSERT INTO t VALUES (1, 'zero', 1), (2, 'three', 3), (3, 'two', 2), (5, 'FIVE', NULL), "
              "(9, 'ONE', NULL);\n", DATABASE)
    code, summary = verify(tmp_path, sides, "--correct")
    assert (code, summary["inconsistent"]) == (4, 2), summary
    assert rows(there, "t") == [(1, "zero", 1), (2, "two", 2), (3, "three", 3), (4, "four", None),
                                (5, "five", None), (9, "ONE", None)]
    text = told(tmp_path / "state", "t")
    assert "not corrected id=1\n" in text and "CORRECTION_CLASH" in text and "id='9'" in text, text
    assert text.count("not corrected") == 1, text
    there.run("DELETE FROM t WHERE id = 9;\n", DATABASE)
    assert verify(tmp_path, sides, "--correct")[0] == 0
    assert rows(there, "t") == rows(source, "t")


def test_a_prefix_is_no_reason_to_delete(tmp_path, sides):
    """A unique key over the begin of a text: whoever shares it is another row."""
    source, there = sides
    on_both(sides, "CREATE TABLE t (id INT PRIMARY KEY, u VARCHAR(20) COLLATE utf8mb4_bin, "
                   "UNIQUE KEY (u(2)));\n")
    source.run("INSERT INTO t VALUES (1, 'aax'), (2, 'bb'), (3, 'cc'), (4, 'dd');\n", DATABASE)
    there.run("INSERT INTO t VALUES (1, 'zz'), (2, 'cc'), (3, 'bb'), (9, 'aay');\n", DATABASE)
    code, summary = verify(tmp_path, sides, "--correct")
    left = rows(there, "t")
    assert (9, "aay") in left and (1, "zz") in left and (4, "dd") in left, left
    assert code == 4 and summary["inconsistent"] >= 2, summary
    assert "not corrected id=1\n" in told(tmp_path / "state", "t")
    there.run("DELETE FROM t WHERE id = 9;\n", DATABASE)
    assert verify(tmp_path, sides, "--correct")[0] == 0
    assert rows(there, "t") == rows(source, "t")


def test_beside_a_running_project(tmp_path, sides):
    """While changes flow, to the corrected rows too, and nothing of the correction stops the link."""
    source, there = sides
    source.run("CREATE TABLE t (id INT PRIMARY KEY, u INT UNIQUE, v INT);\n"
               "INSERT INTO t VALUES (1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 0), (5, 5, 0);\n", DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    there.run("UPDATE t SET u = 20 WHERE id = 2;\nUPDATE t SET u = 2 WHERE id = 3;\n"
              "UPDATE t SET u = 3 WHERE id = 2;\nUPDATE t SET u = 40 WHERE id = 4;\n"
              "INSERT INTO t VALUES (9, 4, 0);\nDELETE FROM t WHERE id = 5;\n", DATABASE)
    found = verify_project(p, "--correct")
    assert (found.code, found.summary["inconsistent"]) == (4, 2), found
    assert rows(there, "t") == [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 40, 0), (5, 5, 0), (9, 4, 0)]
    assert "could not be corrected" in p.other("project", "show", p.name).stdout
    there.run("DELETE FROM t WHERE id = 9;\n", DATABASE)
    assert verify_project(p, "--correct").code == 0
    source.run("UPDATE t SET v = v + 1;\nUPDATE t SET u = u + 10;\nDELETE FROM t WHERE id = 3;\n", DATABASE)
    godwit.wait(lambda: rows(there, "t") == rows(source, "t"), 60, "the changes", following.process)
    assert not p.show()["blocked"]
    assert following.stop().code == 130


def test_a_project_that_only_compares(tmp_path, sides):
    """Its first run wrote nothing at the destination; corrections of later ones may."""
    source, there = sides
    on_both(sides, "CREATE TABLE t (id INT PRIMARY KEY, v INT);\nINSERT INTO t VALUES (1, 1), (2, 2), (3, 3);\n")
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*", options=("--types", "verification"))
    run = p.migrate()
    assert (run.code, run.summary["status"]) == (0, "completed"), run
    for damage in ("UPDATE t SET v = 9 WHERE id = 2;\n", "DELETE FROM t WHERE id = 3;\n"):
        there.run(damage, DATABASE)
        found = p.migrate()
        assert (found.code, found.summary["inconsistent"]) == (4, 1), found
        assert verify_project(p, "--correct").code == 0
        assert rows(there, "t") == rows(source, "t")


# --- what only the destination has ---


def insert(side, table, rows):
    for first in range(0, len(rows), 5000):
        side.run(f"INSERT INTO {table} VALUES {', '.join(map(str, rows[first:first + 5000]))};\n", DATABASE)


def test_columns_of_the_destination_alone(tmp_path, sides):
    """Rows that are there keep what they have in them, also where one needs what another gives up. Those that exchange
    a value would have to be written anew."""
    source, there = sides
    columns = "id INT PRIMARY KEY, u VARCHAR(20), v INT, UNIQUE KEY (u)"
    source.run(f"CREATE TABLE t ({columns});\n", DATABASE)
    there.run(f"CREATE TABLE t ({columns}, note VARCHAR(50));\n", DATABASE)
    source.run("INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4), (5, 'five', 5), "
               "(6, 'six', 6);\n", DATABASE)
    there.run("INSERT INTO t VALUES (1, 'one', 9, 'n1'), (3, 'free', 3, 'n3'), (4, 'three', 4, 'n4'), "
              "(5, 'six', 5, 'n5'), (6, 'five', 6, 'n6');\n", DATABASE)
    code, summary = verify(tmp_path, sides, "--correct")
    assert (code, summary["inconsistent"]) == (4, 2), summary
    assert rows(there, "t") == [(1, "one", 1, "n1"), (2, "two", 2, None), (3, "three", 3, "n3"), (4, "four", 4, "n4"),
                                (5, "six", 5, "n5"), (6, "five", 6, "n6")]
    text = told(tmp_path / "state", "t")
    assert "not corrected id=5\n  CORRECTION_CLASH" in text and "columns that nothing is carried to" in text, text
    there.run("UPDATE t SET u = 'free' WHERE id = 5;\n", DATABASE)
    assert verify(tmp_path, sides, "--correct")[0] == 0
    assert rows(there, "t")[4:] == [(5, "five", 5, "n5"), (6, "six", 6, "n6")]


def test_columns_of_the_destination_alone_under_writes(tmp_path, sides):
    """Also in rows that were right, whose changes come again after a correction of others."""
    source, there = sides
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v INT);\n", DATABASE)
    there.run("CREATE TABLE t (id INT PRIMARY KEY, v INT, note VARCHAR(50));\n", DATABASE)
    insert(source, "t", [(n, 0) for n in range(4000)])
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*",
                      options=("--types", "full,incremental,verification"))
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    there.run("UPDATE t SET note = CONCAT('note ', id);\nUPDATE t SET v = -1 WHERE id % 2 = 0;\n", DATABASE)
    is_over = threading.Event()

    def write():
        connection = source.connect(DATABASE)
        n = 0
        while not is_over.wait(0.001):
            n = (n + 2) % 4000
            connection.cursor().execute(f"UPDATE t SET v = v + 1 WHERE id = {n + 1}")
        connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = verify_project(p, "--correct")
    finally:
        is_over.set()
        thread.join()
    assert found.code in (0, 5), found  # a row may have changed each time that it was looked at
    noted = lambda: [(n, v, f"note {n}") for n, v in rows(source, "t")]
    godwit.wait(lambda: rows(there, "t") == noted(), 60, "the changes", following.process)
    assert not p.show()["blocked"]
    assert following.stop().code == 130


def test_what_is_displaced_takes_no_children_with_it(tmp_path, silent_sides):
    """While a correction holds replay, the source gets a row with the key and one with the value of rows that only the
    destination has. What the source deletes takes its children with it as ever."""
    source, there = silent_sides
    source.run("CREATE TABLE parent (id INT PRIMARY KEY, u INT, v INT, UNIQUE KEY (u));\n"
               "CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) "
               "ON DELETE CASCADE);\n", DATABASE)
    insert(source, "parent", [(n, n, 0) for n in range(10_000)])
    source.run("INSERT INTO child VALUES (1, 1);\n", DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    there.run("UPDATE parent SET v = 1;\nINSERT INTO parent VALUES (20001, 20001, 1), (20002, 20002, 1);\n"
              "INSERT INTO child VALUES (2, 20001), (3, 20002);\n", DATABASE)
    run = subprocess.Popen([str(godwit.PROGRAM), "verify", p.name, "--correct", "--json", "--state-dir", str(p.state)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # Of the batches under the hold most are still to come.
    godwit.wait(lambda: there.query(f"SELECT COUNT(*) FROM {DATABASE}.parent WHERE v = 0")[0][0], 60, "a batch", run)
    source.run("INSERT INTO parent VALUES (20001, 30001, 0), (30002, 20002, 0);\n", DATABASE)
    code, summary = end(run)
    assert (code, summary["inconsistent"]) == (4, 2), summary
    assert rows(there, "child") == [(1, 1), (2, 20001), (3, 20002)]
    assert rows(there, "parent")[-2:] == [(20001, 30001, 0), (30002, 20002, 0)]
    source.run("DELETE FROM parent WHERE id IN (1, 20001);\n", DATABASE)
    godwit.wait(lambda: rows(there, "child") == [(3, 20002)], 60, "the cascade", following.process)
    assert not p.show()["blocked"]
    assert following.stop().code == 130


class MovesWhatIsRead:
    """When the correction asks for the row by its key, after the comparison did so in two rounds, it has just been
    moved, a few times. Breaks nothing."""

    def __init__(self, source):
        self.source, self.reads, self.moves = source, 0, 0

    def __call__(self, statement):
        is_read = statement.startswith(b"SELECT") and b"`parent`" in statement and b" IN (" in statement
        self.reads += is_read
        if is_read and 2 < self.reads < 6:
            self.moves += 1
            self.source.run("UPDATE parent SET code = code + 100 WHERE id = 5;\n", DATABASE)
        return False


def test_what_cascades_meanwhile_meets_rows_as_they_were(tmp_path, silent_sides):
    """The source moves a parent while a correction holds replay: its children go with it at the destination only where
    it finds them as they were."""
    source, there = silent_sides
    source.run("CREATE TABLE parent (id INT PRIMARY KEY, code INT NOT NULL, v INT, UNIQUE KEY (code));\n"
               "CREATE TABLE child (id INT PRIMARY KEY, code INT, KEY (code), CONSTRAINT cc FOREIGN KEY (code) "
               "REFERENCES parent (code) ON DELETE CASCADE ON UPDATE CASCADE);\n"
               "INSERT INTO parent VALUES (4, 4, 0), (5, 5, 0);\nINSERT INTO child VALUES (40, 4), (50, 5);\n", DATABASE)
    with proxy.Proxy(source) as between:
        p = godwit.Godwit(tmp_path / "state", between.as_server(), there, f"{DATABASE}.*")
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        there.run("UPDATE parent SET v = 1;\n", DATABASE)
        mover = MovesWhatIsRead(source)
        between.add(proxy.Fault("none", mover))
        run = verify_project(p, "--correct")
        assert run.code == 0 and mover.moves, run
        godwit.wait(lambda: rows(there, "child") == rows(source, "child"), 60, "the children", following.process)
        assert rows(there, "parent") == rows(source, "parent")
        assert not p.show()["blocked"]
        assert following.stop().code == 130


# --- rows that do not fit ---


def test_a_row_that_does_not_fit_keeps_nobody_else_back(tmp_path, sides):
    """Neither rows of its batch nor later batches nor other tables."""
    source, there = sides
    source.run("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20));\n"
               "CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20));\n", DATABASE)
    there.run("CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(5));\n"
              "CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20));\n", DATABASE)
    values = ", ".join(f"({n}, '{n}')" for n in range(1, 1201))
    for table in "ab":
        source.run(f"INSERT INTO {table} VALUES {values};\n", DATABASE)
    source.run("UPDATE a SET v = 'much too long' WHERE id IN (7, 900);\n", DATABASE)
    there.run("INSERT INTO a VALUES (7, 'old');\nINSERT INTO b VALUES (5, 'x');\n", DATABASE)
    code, summary = verify(tmp_path, sides, "--correct")
    assert (code, summary["inconsistent"]) == (4, 2), summary
    assert there.query(f"SELECT v FROM {DATABASE}.a WHERE id IN (7, 900)") == (("old",),)
    assert there.query(f"SELECT COUNT(*) FROM {DATABASE}.a") == ((1199,),)
    assert rows(there, "b") == rows(source, "b")
    text = told(tmp_path / "state", "a")
    assert "not corrected id=7\n" in text and "not corrected id=900\n" in text, text
    assert "too long" in text.lower(), text
    there.run("ALTER TABLE a MODIFY v VARCHAR(20);\n", DATABASE)
    assert verify(tmp_path, sides, "--correct")[0] == 0
    assert not compare.servers(source, there, DATABASE)


# --- definitions, and the source's global lock ---


def test_a_definition_that_changes_between_two_batches(tmp_path, sides):
    """What would be read by the old one is not written: the table is compared again first."""
    source, there = sides
    values = range(1, 1201)
    for side, charset, text in ((source, "latin1", "é"), (there, "utf8mb4", "x")):
        side.run(f"CREATE TABLE t (id INT PRIMARY KEY, s VARCHAR(20) CHARACTER SET {charset});\n"
                 f"INSERT INTO t VALUES {', '.join(f'({n}, {text!r})' for n in values)};\n", DATABASE)
    holder = there.connect(DATABASE, autocommit=False)
    holder.cursor().execute("SELECT * FROM t WHERE id = 1 FOR UPDATE")
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*", name="c")
    run = begin(tmp_path, sides, "--correct", "--name", p.name)
    try:
        godwit.wait(lambda: (p.show().get("transient") or {}).get("code") == "LOCK_WAIT_TIMEOUT", 60,
                    "the first batch to wait", run)
        source.run("ALTER TABLE t MODIFY s VARCHAR(20) CHARACTER SET utf8mb4;\n", DATABASE)
    finally:
        holder.rollback()
        holder.close()
    code, summary = end(run)
    assert (code, summary["inconsistent"]) == (0, 0), summary
    assert rows(there, "t") == [(n, "é") for n in values]
    reports = {path.parent.name: path.read_text() for path in (tmp_path / "state").rglob(f"{DATABASE}.t.diff")}
    assert "'é' → 'x'" in reports["1"] and "'é' → 'x'" in reports["2"], reports.keys()
    assert not any("Ã" in text for text in reports.values()), "bytes of UTF-8 were read as latin1"


@pytest.mark.parametrize("is_killed", [False, True], ids=["goes on", "killed"])
def test_a_table_that_is_renamed_between_comparing_and_correcting(tmp_path, sides, is_killed):
    """It is corrected under its new name; what was to be written under the old one makes no table of it."""
    source, there = sides
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v INT);\n"
               f"INSERT INTO t VALUES {', '.join(f'({n}, {n})' for n in range(1200))};\n", DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    assert p.migrate().code == 0
    there.run("UPDATE t SET v = v + 1;\n", DATABASE)
    rename = "RENAME TABLE t TO u;\nCREATE TABLE t (id INT PRIMARY KEY, w VARCHAR(9));\nINSERT INTO t VALUES (7, 'x');\n"
    if is_killed:
        killed = p.other("verify", p.name, "--correct", environment={"GODWIT_CRASH_POINT": "verification-after-round"})
        assert killed.returncode == -9, killed
        source.run(rename, DATABASE)
        run = verify_project(p, "--correct")
    else:
        holder = there.connect(DATABASE, autocommit=False)
        holder.cursor().execute("SELECT * FROM t WHERE id = 1 FOR UPDATE")
        process = subprocess.Popen([str(godwit.PROGRAM), "verify", p.name, "--correct", "--state-dir", str(p.state), "--json"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            godwit.wait(lambda: (p.show().get("transient") or {}).get("code") == "LOCK_WAIT_TIMEOUT", 60,
                        "the first batch to wait", process)
            source.run(rename, DATABASE)
        finally:
            holder.rollback()
            holder.close()
        out, err = process.communicate(timeout=120)
        run = godwit.Run(process.returncode, out, err)
    assert (run.code, run.summary["inconsistent"]) == (0, 0), run
    assert not compare.servers(*sides, DATABASE)
    assert len(rows(there, "u")) == 1200


def flushes(source):
    return int(source.query("SHOW GLOBAL STATUS LIKE 'Com_flush'")[0][1])


def test_many_wrong_rows_lock_the_source_rarely(tmp_path, sides):
    """One proof of a mark serves many batches, and the correction of many keys."""
    source, there = sides
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v INT);\n", DATABASE)
    for first in range(0, 20_000, 5000):
        source.run(f"INSERT INTO t VALUES {', '.join(f'({n}, {n})' for n in range(first, first + 5000))};\n", DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    there.run("UPDATE t SET v = v + 1;\n", DATABASE)
    before = flushes(source)
    found = verify_project(p)
    assert (found.code, found.summary["inconsistent"]) == (4, 20_000), found
    assert flushes(source) - before <= 10  # of 24 batches
    before = flushes(source)
    assert verify_project(p, "--correct").code == 0
    assert flushes(source) - before <= 30  # of 64
    source.run("UPDATE t SET v = v + 1 WHERE id % 2 = 0;\n", DATABASE)
    godwit.wait(lambda: rows(there, "t") == rows(source, "t"), 60, "the changes", following.process)
    assert not p.show()["blocked"]
    assert following.stop().code == 130


def test_statements_in_the_way_of_the_global_lock(tmp_path, sides):
    """A difference is found without it, a correction is not made without it; neither asks for it for long. Of the
    clients one has the row that the other's statement waits for."""
    source, there = sides
    source.run("CREATE TABLE t (id INT PRIMARY KEY, v INT);\n"
               "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3);\n", DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    following = godwit.Following(p)
    following.wait_stage("verification", "done")
    there.run("UPDATE t SET v = 9 WHERE id = 3;\n", DATABASE)
    holder = source.connect(DATABASE, autocommit=False)
    waiter = source.connect(DATABASE)
    waiter.cursor().execute("SET innodb_lock_wait_timeout = 600")
    holder.cursor().execute("UPDATE t SET v = v + 10 WHERE id = 1")
    thread = threading.Thread(target=waiter.cursor().execute, args=("UPDATE t SET v = v + 10 WHERE id = 1",))
    thread.start()
    try:
        is_waiting = ("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %s AND "
                      "state LIKE 'updating%%'")
        godwit.wait(lambda: source.query(is_waiting, waiter.thread_id())[0][0], 30, "the waiter")
        before = flushes(source)
        found = verify_project(p)
        assert (found.code, found.summary["inconsistent"]) == (4, 1), found
        assert flushes(source) - before <= 2
        before = flushes(source)
        found = verify_project(p, "--correct")
        assert (found.code, found.summary["inconsistent"]) == (4, 1), found
        assert flushes(source) - before <= 4
        text = told(p.state, "t")
        assert "not corrected: 1 rows\n  GLOBAL_LOCK_TIMEOUT" in text, text
        assert "1 could not be corrected" in p.other("project", "show", p.name).stdout
        assert rows(there, "t") == [(1, 1), (2, 2), (3, 9)]
    finally:
        holder.commit()
        thread.join()
        holder.close()
        waiter.close()
    assert verify_project(p, "--correct").code == 0
    godwit.wait(lambda: rows(there, "t") == [(1, 21), (2, 2), (3, 3)], 60, "the changes", following.process)
    assert following.stop().code == 130


# --- what a comparison tells of ---


@pytest.mark.parametrize("more", [(), ("--certain",)], ids=["same", "another"])
def test_a_comparison_that_was_cut_off_tells_nothing(tmp_path, sides, more):
    """One is killed when it is through table a and waits for b; the next looks at both."""
    source, there = sides
    source.run("".join(f"CREATE TABLE {table} (id INT PRIMARY KEY, v INT);\n"
                       f"INSERT INTO {table} VALUES (1, 1), (2, 2), (3, 3);\n" for table in "ab"), DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*",
                      options=("--types", "schema,full,verification"))
    assert p.migrate().code == 0
    first = rounds(p)
    held = source.connect(DATABASE)
    held.cursor().execute("LOCK TABLES b WRITE")
    cut_off = subprocess.Popen([str(godwit.PROGRAM), "verify", p.name, "--state-dir", str(p.state)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        godwit.wait(lambda: rounds(p).get("a", 0) > first["a"], 60, "table a to be through", cut_off)
    finally:
        cut_off.kill()
        cut_off.communicate()
        held.close()
    assert rounds(p)["b"] == first["b"]
    there.run("DELETE FROM a WHERE id = 3;\n", DATABASE)
    found = verify_project(p, *more)
    assert (found.code, found.summary["inconsistent"]) == (4, 1), found
    assert (found.summary["tables"], found.summary["rows"]) == (2, 6), found


def test_a_skipped_row_of_a_table_that_was_equal_is_found(tmp_path, sides):
    """The comparison is cut off behind table a; before it goes on, a row of a is skipped."""
    source, there = sides
    source.run("".join(f"CREATE TABLE {table} (id INT PRIMARY KEY, v VARCHAR(9));\n"
                       f"INSERT INTO {table} VALUES (1, 'x'), (2, 'x');\n" for table in "ab"), DATABASE)
    p = godwit.Godwit(tmp_path / "state", source, there, f"{DATABASE}.*")
    assert p.migrate().code == 0
    first = rounds(p)
    held = source.connect(DATABASE)
    held.cursor().execute("LOCK TABLES b WRITE")
    following = godwit.Following(p)
    try:
        godwit.wait(lambda: rounds(p).get("a", 0) > first["a"], 60, "table a to be through", following.process)
        assert rounds(p)["b"] == first["b"]
        assert following.stop().code == 130
    finally:
        held.close()
    there.run("ALTER TABLE a MODIFY v VARCHAR(2);\n", DATABASE)
    source.run("UPDATE a SET v = 'longer' WHERE id = 1;\n", DATABASE)
    run = p.migrate()
    assert run.code == 5, run
    item = p.show()["blocked"][0]["item"]
    p.resolve(item, "--skip")
    run = p.migrate()
    assert (run.code, run.summary["inconsistent"]) == (4, 1), run


def rounds(p):
    return {verdict["table"].removeprefix(f"{DATABASE}."): verdict["round"]
            for verdict in p.show().get("verification", [])}
