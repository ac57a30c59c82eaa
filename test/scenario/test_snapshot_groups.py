# SPDX-License-Identifier: Apache-2.0
"""Tables that are copied from one snapshot: what the source redefines before their turn has come, rows that the
destination does not take, and locks that their reading meets."""
import time

import pytest

import compare
import conftest
import definitions
import godwit

DATABASE = "grouped"
PARENTS = 20_000
BATCH = 4000  # rows; the first one passes at once, each other one after it takes two seconds
SLOW = "[limits]\nrows_per_second = 2000\nchunk_bytes = 100000\n"
SOON = 20  # seconds, on a busy machine


@pytest.fixture(params=["mysql56", "mariadb"])
def source(request):
    """Servers that do not log what cascades write."""
    return conftest.server(conftest.SOURCES[request.param], request.param)


def insert(server, table, rows):
    connection = server.connect(DATABASE)
    with connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {table} VALUES (" + ", ".join(["%s"] * len(rows[0])) + ")", rows)
    connection.close()


def slow(tmp_path, source, oceanbase):
    return godwit.Godwit(tmp_path / "state", source, oceanbase, f"{DATABASE}.*",
                         options=godwit.config(tmp_path / "p.toml", SLOW))


def family(source, oceanbase):
    """A group whose first table takes long; the second has no key, so each of its rows must come once."""
    source.drop(DATABASE)
    oceanbase.drop(DATABASE)
    source.run(f"CREATE DATABASE {DATABASE};\n")
    source.run("CREATE TABLE a_parent (id INT PRIMARY KEY, v VARCHAR(200));\n"
               "CREATE TABLE b_child (p INT, x VARCHAR(20), y VARCHAR(20), FOREIGN KEY (p) REFERENCES a_parent (id) "
               "ON DELETE CASCADE);\n", DATABASE)
    insert(source, "a_parent", [(n, "x" * 150) for n in range(PARENTS)])
    insert(source, "b_child", [(n, f"x{n}", f"y{n}") for n in range(300)])


def copied(project):
    """Rows of the copy that is under way."""
    return next((stage["done"] for stage in project.show().get("stages", [])
                 if stage["stage"] == "full" and stage["status"] == "running"), 0)


def start(project):
    """Starts, and waits until the snapshot is there and its first table is being read."""
    following = godwit.Following(project)
    godwit.wait(lambda: copied(project) >= BATCH, 60, "the first rows of the group", following.process)
    return following


def assert_equal(source, oceanbase, project):
    run = project.migrate()
    assert run.code == 0, run
    found = compare.servers(source, oceanbase, DATABASE)
    assert not found, found[:10]
    assert not definitions.differences(source, oceanbase, DATABASE)


def swapped(source):
    if source.name == "mysql56":  # has no RENAME COLUMN
        return "ALTER TABLE b_child CHANGE x y VARCHAR(20), CHANGE y x VARCHAR(20);\n"
    return "ALTER TABLE b_child RENAME COLUMN x TO y, RENAME COLUMN y TO x;\n"


def exchanged(_):
    return "RENAME TABLE b_child TO b_old, b_new TO b_child;\n"


@pytest.mark.parametrize("change", [swapped, exchanged])
def test_names_change_before_their_table_is_read(tmp_path, source, oceanbase, change):
    """The server shows old rows under new names and says nothing."""
    family(source, oceanbase)
    source.run("CREATE TABLE b_new (p INT, x VARCHAR(20), y VARCHAR(20), KEY (p));\n", DATABASE)
    insert(source, "b_new", [(1, "another", "table")])
    project = slow(tmp_path, source, oceanbase)
    following = start(project)
    source.run(change(source) + "INSERT INTO b_child (p, x, y) VALUES (7, 'under x', 'under y');\n", DATABASE)
    assert 0 < copied(project) < PARENTS, "the first table was read before anything changed"
    following.wait_stage("incremental", "running", seconds=240)
    source.run("DELETE FROM a_parent WHERE id BETWEEN 5 AND 50;\n", DATABASE)
    assert following.stop().code == 130
    assert_equal(source, oceanbase, project)


def test_a_table_leaves_its_group(tmp_path, oceanbase):
    """What stays is as exact as its snapshot: changes from before that come once."""
    source = conftest.server(conftest.SOURCES["mysql56"], "mysql56")
    family(source, oceanbase)
    source.run("DELETE FROM a_parent WHERE id > 1000;\n"
               "CREATE TABLE c_child (id INT PRIMARY KEY, p INT, CONSTRAINT bond FOREIGN KEY (p) REFERENCES a_parent "
               "(id) ON DELETE CASCADE);\n"
               "CREATE TABLE large (id INT PRIMARY KEY, v VARCHAR(200));\n", DATABASE)
    insert(source, "c_child", [(n, n) for n in range(300)])
    insert(source, "large", [(n, "x" * 150) for n in range(12_000)])
    project = slow(tmp_path, source, oceanbase)
    following = godwit.Following(project)
    godwit.wait(lambda: copied(project) > 1000, 60, "rows of the table that goes first", following.process)
    source.run("INSERT INTO b_child VALUES (1, 'one', 'more');\nDELETE FROM a_parent WHERE id = 2;\n"
               "ALTER TABLE c_child DROP FOREIGN KEY bond;\nDELETE FROM a_parent WHERE id = 3;\n", DATABASE)
    assert 0 < copied(project) < 12_000, "the group's turn came before anything changed"
    following.wait_stage("incremental", "running", seconds=240)
    source.run("DELETE FROM a_parent WHERE id BETWEEN 5 AND 50;\n", DATABASE)
    assert following.stop().code == 130
    assert_equal(source, oceanbase, project)


def test_renamed_between_its_copy_and_the_next_round(tmp_path, mysql, oceanbase):
    """The next round finds the new name and copies it; the old one's copy is of before the rename."""
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\n")
    mysql.run("CREATE TABLE a (n INT, v VARCHAR(20));\nCREATE TABLE b (n INT, v VARCHAR(20));\n"
              "CREATE TABLE c (n INT, v VARCHAR(200));\nCREATE TABLE d (n INT);\n"
              "INSERT INTO a VALUES (1, 'first'), (1, 'first'), (2, 'second');\n"
              "INSERT INTO b VALUES (3, 'third'), (3, 'third');\n", DATABASE)
    insert(mysql, "c", [(n, "x" * 150) for n in range(PARENTS)])
    project = slow(tmp_path, mysql, oceanbase)
    following = start(project)
    mysql.run("CREATE TABLE swap LIKE a;\nINSERT INTO swap SELECT * FROM a;\n"
              "RENAME TABLE a TO a_old, swap TO a;\nINSERT INTO a VALUES (4, 'new');\n"
              "RENAME TABLE b TO b_old;\nINSERT INTO b_old VALUES (5, 'renamed');\n"
              "ALTER TABLE d ADD COLUMN w INT;\n", DATABASE)
    assert 0 < copied(project) < PARENTS, "the slow table was read before anything changed"
    following.wait_stage("incremental", "running", seconds=240)
    mysql.run("INSERT INTO a VALUES (6, 'later');\nINSERT INTO a_old VALUES (7, 'old');\n", DATABASE)
    assert following.stop().code == 130
    assert_equal(mysql, oceanbase, project)
    tables = oceanbase.query(f"SHOW TABLES FROM {DATABASE}")
    assert sorted(name for name, in tables) == ["a", "a_old", "b_old", "c", "d"]


# --- rows that do not fit ---


@pytest.fixture
def keyless(mysql, oceanbase):
    """Two of three rows are too long for the destination."""
    mysql.drop(DATABASE)
    oceanbase.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARACTER SET utf8mb4;\n"
              f"CREATE TABLE {DATABASE}.k (a INT, v VARCHAR(20));\n"
              f"INSERT INTO {DATABASE}.k VALUES (1, 'a'), (2, 'much too long'), (3, 'another long one');\n")
    oceanbase.run(f"CREATE DATABASE {DATABASE} DEFAULT CHARACTER SET utf8mb4;\n"
                  f"CREATE TABLE {DATABASE}.k (a INT, v VARCHAR(5));\n")


def narrow(tmp_path, mysql, oceanbase):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*",
                         options=("--types", "full,incremental,verification"))


def resolve(p, item, choice):
    p.resolve(item["item"], choice)


def asked_about(p, text):
    return next((item for item in p.show().get("blocked") or [] if text in str(item)), None)


def blocked(p, text):
    """The item of a run that ends with it."""
    run = p.migrate(timeout=120)
    assert (run.code, run.summary["status"]) == (5, "blocked"), run
    item = asked_about(p, text)
    assert item, p.show()
    return item


def assert_left_out(p, oceanbase, rows):
    run = p.migrate()
    assert run.code == 4, run  # verification finds what was left out
    assert run.summary["left_out"] == 2, run
    assert sorted(oceanbase.query(f"SELECT * FROM {DATABASE}.k")) == rows


def test_a_row_without_an_answer_ends_the_run(tmp_path, mysql, oceanbase, keyless):
    p = narrow(tmp_path, mysql, oceanbase)
    for text in ("much too long", "another long one"):
        item = blocked(p, text)
        assert len(p.show()["blocked"]) == 1, p.show()
        resolve(p, item, "--skip")
    assert_left_out(p, oceanbase, [(1, "a")])


def test_what_was_written_by_hand_goes_when_its_table_is_emptied(tmp_path, mysql, oceanbase, keyless):
    """So the answer that told of it counts no more."""
    p = narrow(tmp_path, mysql, oceanbase)
    following = godwit.Following(p, "--blocked-timeout", "100")
    godwit.wait(lambda: asked_about(p, "much too long"), 60, "the row", following.process)
    oceanbase.run(f"INSERT INTO {DATABASE}.k VALUES (2, 'short');\n")
    resolve(p, asked_about(p, "much too long"), "--done")
    godwit.wait(lambda: asked_about(p, "another long one"), 60, "the next", following.process)
    following.kill()
    item = blocked(p, "much too long")
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.k") == ((1, "a"),)
    # Nor does one that is given while nobody runs: the copy begins again from nothing.
    oceanbase.run(f"INSERT INTO {DATABASE}.k VALUES (2, 'short');\n")
    resolve(p, item, "--done")
    again = blocked(p, "much too long")
    assert again["item"] == item["item"], again
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.k") == ((1, "a"),)
    resolve(p, again, "--skip")
    resolve(p, asked_about(p, "another long one"), "--skip")
    assert_left_out(p, oceanbase, [(1, "a")])


# --- locks ---


class Locked:
    """LOCK TABLES … WRITE by somebody else, until the end of the block."""

    def __init__(self, server, table):
        self.server, self.table = server, table
        self.holder = server.connect(DATABASE)

    def __enter__(self):
        self.holder.cursor().execute(f"LOCK TABLES {self.table} WRITE")
        return self

    def __exit__(self, *_):
        self.holder.close()

    def is_waited_for(self, seconds=0):
        return self.server.query("SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE "
                                 "'Waiting for table%%' AND info LIKE %s AND time >= %s",
                                 f"SELECT%{self.table}%", seconds)[0][0] > 0


def test_a_locked_table_is_waited_for(tmp_path, source, oceanbase):
    """Longer than the lock of the snapshot's moment was: nobody stands still for it."""
    family(source, oceanbase)
    project = slow(tmp_path, source, oceanbase)
    following = start(project)
    with Locked(source, "b_child") as lock:
        godwit.wait(lambda: lock.is_waited_for(6), 90, "the reading to wait", following.process)
        assert copied(project) == PARENTS
    following.wait_stage("incremental", "running")
    assert following.stop().code == 130
    assert_equal(source, oceanbase, project)


def of_a_snapshot(_):
    server = conftest.server(conftest.SOURCES["mysql56"], "mysql56")
    return server, "b_child"


def of_a_chunk(mysql):
    return mysql, "a_parent"


@pytest.mark.parametrize("reading", [of_a_chunk, of_a_snapshot])
def test_a_copy_that_waits_for_a_lock_can_be_stopped(tmp_path, mysql, oceanbase, reading):
    server, table = reading(mysql)
    family(server, oceanbase)
    project = slow(tmp_path, server, oceanbase)
    following = start(project)
    with Locked(server, table) as lock:
        godwit.wait(lock.is_waited_for, 90, "the reading to wait", following.process)
        begin = time.monotonic()
        end = following.stop()
        assert end.code == 130, end
        assert time.monotonic() - begin < SOON
    assert_equal(server, oceanbase, project)
