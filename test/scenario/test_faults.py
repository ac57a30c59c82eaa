# SPDX-License-Identifier: Apache-2.0
"""Broken connections at the places where they hurt: within COMMIT, within a result, for a while; a
slow network; a full disk."""
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

import compare
import godwit
import proxy

DATABASE = "faults"
SMALL_CHUNKS = """
[limits]
chunk_bytes = 20000
readers = 3
lanes = 3
"""


@pytest.fixture
def tables(mysql, oceanbase):
    """Tables that show a change applied twice or never: counters, rows without a key."""
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n"
              f"CREATE TABLE {DATABASE}.keyed (id INT PRIMARY KEY, u INT UNIQUE, v VARCHAR(60));\n"
              f"CREATE TABLE {DATABASE}.keyless (a INT, v VARCHAR(60));\n"
              f"CREATE TABLE {DATABASE}.counter (id INT PRIMARY KEY, n INT NOT NULL);\n"
              f"INSERT INTO {DATABASE}.counter VALUES (1, 0), (2, 0), (3, 0);\n")
    connection = mysql.connect(DATABASE)
    with connection.cursor() as cursor:
        for name in ("keyed (id, u, v)", "keyless (a, v)"):
            values = [(n, n, "x" * 40) if name.startswith("keyed ") else (n % 50, "x" * 40)
                      for n in range(4000)]
            marks = ", ".join(["%s"] * len(values[0]))
            cursor.executemany(f"INSERT INTO {name} VALUES ({marks})", values)
    connection.close()


def change(mysql, count=60):
    """Small transactions, each visible if it comes twice or not at all."""
    connection = mysql.connect(DATABASE, autocommit=False)
    cursor = connection.cursor()
    for n in range(count):
        cursor.execute("UPDATE counter SET n = n + 1 WHERE id = %s", (n % 3 + 1,))
        cursor.execute("INSERT INTO keyless VALUES (%s, 'changed')", (n % 5,))
        cursor.execute("DELETE FROM keyless WHERE a = %s LIMIT 1", (n % 50,))
        cursor.execute("UPDATE keyed SET u = u + 10000 WHERE id = %s", (n * 7,))
        connection.commit()
    connection.close()


def project(tmp_path, source, destination, text=SMALL_CHUNKS):
    config = tmp_path / "limits.toml"
    config.write_text(text)
    return godwit.Godwit(tmp_path / "state", source, destination, f"{DATABASE}.*",
                         options=["--config", config])


def finish(project, mysql, oceanbase):
    run = project.migrate()
    assert run.code == 0, run
    assert run.summary["status"] == "completed"
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_connection_cut_at_commit(tmp_path, mysql, oceanbase, tables, moment):
    """COMMIT is not answered: it never came to the server, or it succeeded. The lane's row tells."""
    with proxy.Proxy(oceanbase) as between:
        copying = proxy.Fault(moment, proxy.is_commit, skip=5, every=4, times=8)
        between.add(copying)
        p = project(tmp_path, mysql, between.as_server())
        following = godwit.Following(p)
        following.wait_stage("incremental", "running")
        assert copying.hits >= 3, "the copy was over too early"
        replaying = proxy.Fault(moment, proxy.is_commit, skip=1, every=3, times=6)
        between.add(replaying)
        while replaying.hits < 3:
            change(mysql, 20)
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


class CommitOfRows:
    """The first COMMIT behind an INSERT of rows."""

    def __init__(self):
        self.has_rows = False

    def __call__(self, statement):
        if is_insert(statement):
            self.has_rows = True
        is_it = self.has_rows and proxy.is_commit(statement)
        self.has_rows = self.has_rows and not is_it
        return is_it


def test_copy_without_key_cut_at_its_commit(tmp_path, mysql, oceanbase, tables):
    """What is copied from one snapshot begins again with an empty table, never with half of it."""
    mysql.run("DROP TABLE keyed, counter;\n", DATABASE)
    with proxy.Proxy(oceanbase) as between:
        commits = [proxy.Fault(kind, CommitOfRows()) for kind in ("before", "before", "after")]
        inserts = proxy.Fault("after", is_insert, skip=2)
        between.add(*commits, inserts)
        p = project(tmp_path, mysql, between.as_server())
        finish(p, mysql, oceanbase)
        assert all(fault.hits for fault in commits), [fault.hits for fault in commits]


def is_read(statement):
    return statement.startswith(b"SELECT") and b"FROM `faults`." in statement


def is_read_of_copy(statement):
    return is_read(statement) and b"FORCE INDEX" in statement


def is_insert(statement):
    return statement.startswith(b"INSERT INTO `faults`")


def test_source_cut_within_results(tmp_path, mysql, oceanbase, tables):
    """Rows that were read before the cut are not read into a second copy of themselves."""
    with proxy.Proxy(mysql) as between:
        cuts = proxy.Fault("answer", is_read, skip=2, every=3, times=6, count=5000)
        between.add(cuts)
        p = project(tmp_path, between.as_server(), oceanbase)
        following = godwit.Following(p)
        following.wait_stage("incremental", "running")
        assert cuts.hits >= 3
        for _ in range(4):  # the stream of changes breaks too
            change(mysql, 20)
            between.cut()
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


@pytest.mark.parametrize("seconds", [0, pytest.param(65, marks=pytest.mark.full)])
@pytest.mark.parametrize("end", ["source", "destination"])
def test_server_away_for_a_while(tmp_path, mysql, oceanbase, tables, end, seconds):
    """Says what it waits for, and goes on by itself when the server is back, also after a minute."""
    with proxy.Proxy(mysql if end == "source" else oceanbase) as between:
        ends = (between.as_server(), oceanbase) if end == "source" else (mysql, between.as_server())
        p = project(tmp_path, *ends)
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        between.refuse()
        gone = time.monotonic()
        change(mysql, 20)
        godwit.wait(lambda: p.show().get("transient"), 30, "the reason of waiting to be shown",
                    following.process)
        shown = p.show()["transient"]
        assert shown["code"] and shown["side"] == end, shown
        godwit.wait(lambda: time.monotonic() > gone + seconds, seconds + 5, "its time", following.process)
        between.accept()
        godwit.wait(lambda: "transient" not in p.show(), 60, "it to work again", following.process)
        change(mysql, 5)
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


@pytest.mark.full
@pytest.mark.parametrize("end", ["source", "destination"])
def test_server_away_for_a_minute_while_copying(tmp_path, mysql, oceanbase, tables, end):
    with proxy.Proxy(mysql if end == "source" else oceanbase) as between:
        ends = (between.as_server(), oceanbase) if end == "source" else (mysql, between.as_server())
        met = proxy.Fault("before", is_read_of_copy if end == "source" else is_insert, skip=2)
        between.add(met)
        p = project(tmp_path, *ends)
        following = godwit.Following(p)
        godwit.wait(lambda: met.hits, 60, "a row of the copy", following.process)
        between.refuse()
        gone = time.monotonic()
        change(mysql, 20)
        godwit.wait(lambda: time.monotonic() > gone + 65, 70, "a minute", following.process)
        between.accept()
        following.wait_stage("verification", "done", seconds=240)
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


def is_write(statement):
    return statement.startswith((b"INSERT INTO `faults`", b"UPDATE `faults`", b"DELETE FROM `faults`"))


# The server's number → its words, the code shown for it, a word of the cause.
REFUSALS = {4184: ("Server out of disk space", "DISK_FULL", "disk"),
            4030: ("Over tenant memory limits", "OCEANBASE_OVERLOAD", "memstore")}


@pytest.mark.parametrize("moment", ["copying", "following"])
@pytest.mark.parametrize("number", REFUSALS)
def test_a_destination_without_room(tmp_path, mysql, oceanbase, tables, moment, number):
    """Waited for, with pauses, and shown; nothing is taken for written that was refused."""
    words, code, cause = REFUSALS[number]
    with proxy.Proxy(oceanbase) as between:
        full = proxy.Refusal(is_write, number, words, times=10**9)
        p = project(tmp_path, mysql, between.as_server())
        if moment == "copying":
            between.add(full)
        following = godwit.Following(p)
        if moment == "following":
            following.wait_stage("verification", "done")
            between.add(full)
        change(mysql, 20)
        godwit.wait(lambda: p.show().get("transient"), 60, "the refusal to be shown", following.process)
        shown = p.show()["transient"]
        assert (shown["code"], shown["side"]) == (code, "destination"), shown
        assert cause in shown["cause"] and shown["remedy"], shown
        first = full.moments[0]
        godwit.wait(lambda: time.monotonic() > first + 1, 5, "a second", following.process)
        # Three connections, at once, after 0.2 and after 0.6 seconds.
        assert sum(hit < first + 1 for hit in full.moments) <= 20, "it does not slow down"
        full.times = 0  # room was made
        godwit.wait(lambda: "transient" not in p.show(), 60, "it to work again", following.process)
        following.wait_stage("verification", "done", seconds=120)
        change(mysql, 5)
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


def test_commit_of_a_client_that_the_server_still_believes_in(tmp_path, mysql, oceanbase, tables):
    """The connection is lost, the server does not know, its transaction keeps the lane's row: who asks
    for the outcome waits until that has ended."""
    with proxy.Proxy(oceanbase) as between:
        p = project(tmp_path, mysql, between.as_server())
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        held = proxy.Fault("hold", proxy.is_commit)
        between.add(held)
        change(mysql, 5)
        godwit.wait(lambda: held.hits, 30, "a COMMIT", following.process)
        timer = threading.Timer(6, between.cut)
        timer.start()
        before = mysql.query(f"SELECT SUM(n) FROM {DATABASE}.counter")
        godwit.wait(lambda: oceanbase.query(f"SELECT SUM(n) FROM {DATABASE}.counter") == before, 100,
                    "the changes to arrive", following.process)
        timer.join()
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


class StaysLenient:
    """The server refuses to go back from the mode in which the error value of an ENUM is written."""

    def __init__(self):
        self.is_lenient = False
        self.hits = 0

    def __call__(self, statement):
        if not statement.startswith(b"SET sql_mode="):
            return False
        is_back = self.is_lenient and b"STRICT" in statement
        self.is_lenient = b"STRICT" not in statement
        self.hits += is_back
        return is_back


def test_nothing_else_is_written_in_the_lenient_mode(tmp_path, mysql, oceanbase):
    """A value that is too long for a column which somebody made shorter there is asked about, not cut."""
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, e ENUM('a'), v VARCHAR(20));\n")
    with proxy.Proxy(oceanbase) as between:
        p = project(tmp_path, mysql, between.as_server(), "[limits]\nlanes = 1\n")
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        oceanbase.run(f"ALTER TABLE {DATABASE}.t MODIFY v VARCHAR(5);\n")
        lenient = StaysLenient()
        between.add(proxy.Refusal(lenient, 1317, "Query execution was interrupted"))
        mysql.run(f"INSERT IGNORE INTO {DATABASE}.t VALUES (1, 'nonsense', 'short');\n")
        godwit.wait(lambda: oceanbase.query(f"SELECT e + 0, v FROM {DATABASE}.t") == ((0, "short"),), 60, "the ENUM's row",
                    following.process)
        assert lenient.hits
        mysql.run(f"INSERT INTO {DATABASE}.t VALUES (2, 'a', 'much too long');\n")
        godwit.wait(lambda: following.process.poll() is not None, 60, "its end")
        end = following.stop()
        assert end.code == 5, end
        item, = p.show()["blocked"]
        assert item["kind"] == "row", item
        assert oceanbase.query(f"SELECT id FROM {DATABASE}.t") == ((1,),)


class SmallDisk:
    """A file system of its own, small enough to be filled. Where none can be mounted, or none is to be,
    a library in the program lets no file grow."""

    def __init__(self, path, is_mounted):
        self.state, self.environment = path / "state", {}
        path.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(path)]
        self.mount = path if is_mounted and subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0 else None
        if self.mount is None:
            library, self.mark = path / "full_disk.so", path / "full"
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(godwit.__file__).with_name("full_disk.c"),
                            "-ldl"], check=True)
            self.environment = {"LD_PRELOAD": str(library), "GODWIT_TEST_FULL": str(self.mark)}

    def fill(self, left):
        """Leaves `left` bytes free; the library leaves none."""
        if self.mount is None:
            return self.mark.touch()
        free = os.statvfs(self.mount)
        count = max(0, free.f_bavail * free.f_frsize - left)
        with open(self.mount / f"ballast{len(os.listdir(self.mount))}", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, count)

    def grow(self):
        if self.mount is None:
            return self.mark.unlink()
        subprocess.run(["mount", "-o", "remount,size=400m", str(self.mount)], check=True)

    def unmount(self):
        if self.mount is not None:
            subprocess.run(["umount", "-l", str(self.mount)], check=True)


@pytest.mark.parametrize("left", [0, pytest.param(500_000, marks=pytest.mark.full), 3_000_000, None])
def test_full_disk(tmp_path, mysql, oceanbase, left):
    """One clear error, nothing lost, and the same command goes on once there is room. Where exactly it
    runs full differs by what was free (None: without a file system of its own)."""
    disk = SmallDisk(tmp_path / "disk", is_mounted=left is not None)
    try:
        fill_and_grow(disk, left or 0, mysql, oceanbase)
    finally:
        disk.unmount()


def fill_and_grow(disk, left, mysql, oceanbase):
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY "
              f"AUTO_INCREMENT, v BLOB);\nCREATE TABLE {DATABASE}.counter (id INT PRIMARY KEY, n INT);\n"
              f"INSERT INTO {DATABASE}.counter VALUES (1, 0);\n")
    p = godwit.Godwit(disk.state, mysql, oceanbase, f"{DATABASE}.*")
    following = godwit.Following(p, environment=disk.environment)
    following.wait_stage("verification", "done")
    disk.fill(left)
    connection = mysql.connect(DATABASE, autocommit=False)
    cursor = connection.cursor()

    def has_ended():
        cursor.execute("INSERT INTO t (v) VALUES " + ", ".join(["(RANDOM_BYTES(1000))"] * 500))
        cursor.execute("UPDATE counter SET n = n + 1")
        connection.commit()
        return following.process.poll() is not None

    godwit.wait(has_ended, 60, "it to end")
    connection.close()
    end = following.stop()
    disk.fill(0)  # the end gave some room back; at the next start it is full too
    for run in (end, p.migrate(environment=disk.environment)):
        assert run.code == 1, run
        errors = [event for event in run.events if event["event"] == "error"]
        assert len(errors) <= 1 and "DISK_FULL" in run.err, run
        assert "cause:" in run.err and "free" in run.err, run
    disk.grow()
    finish(p, mysql, oceanbase)


@pytest.mark.full
def test_slow_network(tmp_path, mysql, oceanbase, tables):
    with proxy.Proxy(mysql) as here, proxy.Proxy(oceanbase) as there:
        for between in (here, there):
            between.bytes_per_second, between.delay = 400_000, 0.01
        p = project(tmp_path, here.as_server(), there.as_server())
        following = godwit.Following(p)
        following.wait_stage("incremental", "running", seconds=240)
        change(mysql, 30)
        assert following.stop().code == 130
        finish(p, mysql, oceanbase)


def kill_connections_of_others(server, mine):
    for row in server.query("SHOW PROCESSLIST"):
        # A dump of the log comes again by itself; what is killed here are connections that lie idle.
        if row[0] != mine and row[4] not in ("Binlog Dump", "Daemon"):
            try:
                server.run(f"KILL {row[0]};\n")
            except AssertionError:
                pass  # gone meanwhile, or one of the server's own


def test_connections_that_went_while_idle(tmp_path, mysql, oceanbase, tables):
    """The next DDL is followed at once, not after ten minutes of trying a dead connection."""
    p = project(tmp_path, mysql, oceanbase)
    following = godwit.Following(p)
    following.wait_stage("incremental", "running")

    def follow(number):
        mysql.run(f"ALTER TABLE keyed ADD COLUMN c{number} INT;\nCREATE TABLE n{number} (id INT PRIMARY KEY, "
                  f"v VARCHAR(9));\nINSERT INTO n{number} VALUES (1, 'ä');\n", DATABASE)
        godwit.wait(lambda: oceanbase.query(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            DATABASE, f"n{number}")[0][0] == 1, 60, f"the table n{number}", following.process)

    follow(1)
    for server in (mysql, oceanbase):
        kill_connections_of_others(server, None)
    follow(2)
    assert following.stop().code == 130
    finish(p, mysql, oceanbase)


class FirstOfItsKind:
    """Each kind of statement about the tables, and COMMIT, by its first words."""

    def __init__(self):
        self.kinds = set()

    def __call__(self, statement):
        kind = statement[:14]
        is_first = (b"`faults`" in statement or kind == b"COMMIT") and kind not in self.kinds
        if is_first:
            self.kinds.add(kind)
        return is_first


@pytest.mark.parametrize("number, words", [(5066, "Session interrupted"), (4401, "kill client session")],
                         ids=["at the server", "through its proxy"])
def test_sessions_that_oceanbase_killed(tmp_path, mysql, oceanbase, tables, number, words):
    """It says so in words of its own before it hangs up: the connection is lost, nothing else is."""
    with proxy.Proxy(oceanbase) as there:
        p = project(tmp_path, mysql, there.as_server())
        following = godwit.Following(p)
        following.wait_stage("precheck", "done")
        killed = proxy.Refusal(FirstOfItsKind(), number, words, closes=True, times=99)
        there.add(killed)
        following.wait_stage("verification", "done")
        killed.matches = FirstOfItsKind()
        change(mysql)
        mysql.run("ALTER TABLE keyed ADD COLUMN killed INT;\n", DATABASE)
        change(mysql)
        godwit.wait(lambda: oceanbase.query("SELECT SUM(n) FROM faults.counter")[0][0] == 120, 60, "the changes",
                    following.process)
        assert following.stop().code == 130
        assert {b"INSERT INTO `f", b"DELETE FROM `f", b"SHOW CREATE TA", b"COMMIT"} <= killed.matches.kinds
        assert any(kind.startswith(b"/* godwit") for kind in killed.matches.kinds), "no DDL was killed"
        assert killed.hits > 10
        finish(p, mysql, oceanbase)
