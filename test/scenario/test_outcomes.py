# SPDX-License-Identifier: Apache-2.0
"""How a run may end, apart from well and from interrupted: its status, its exit code, and when."""
import json
import random
import threading
import time

import pytest

import compare
import godwit
import proxy

DATABASE = "outcomes"


@pytest.fixture
def table(mysql, oceanbase):
    for server in (mysql, oceanbase):
        server.drop(DATABASE)
    mysql.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
              f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2), (3, 3);\n")


def project(tmp_path, mysql, oceanbase, *options):
    return godwit.Godwit(tmp_path / "state", mysql, oceanbase, f"{DATABASE}.*", options=options)


@pytest.mark.parametrize("types", ["schema,full", "schema,full,incremental"])
def test_completed_unverified(tmp_path, mysql, oceanbase, table, types):
    run = project(tmp_path, mysql, oceanbase, "--types", types).migrate()
    assert (run.code, run.summary["status"]) == (0, "completed_unverified"), run
    assert (run.summary["tables"], run.summary["rows"]) == (1, 3)
    assert not compare.servers(mysql, oceanbase, DATABASE)


def test_other_definitions_than_the_converted_ones(tmp_path, mysql, oceanbase, table):
    """The way that the user guide shows."""
    p = project(tmp_path, mysql, oceanbase, "--types", "schema")
    run = p.migrate()
    assert (run.code, run.summary["status"], run.summary["rows"]) == (0, "completed_unverified", 0), run
    assert "CREATE TABLE" in p.other("project", "ddl", p.name, f"{DATABASE}.t").stdout
    oceanbase.run("ALTER TABLE t MODIFY v BIGINT NOT NULL DEFAULT 6, ADD KEY own (v);\n", DATABASE)
    altered = oceanbase.query(f"SHOW CREATE TABLE {DATABASE}.t")
    assert "bigint" in str(altered) and "own" in str(altered), altered
    assert p.other("project", "release", p.name).returncode == 0
    run = project(tmp_path, mysql, oceanbase, "--types", "full,incremental,verification").migrate()
    assert (run.code, run.summary["status"], run.summary["rows"]) == (0, "completed", 3), run
    assert oceanbase.query(f"SHOW CREATE TABLE {DATABASE}.t") == altered
    assert not compare.servers(mysql, oceanbase, DATABASE)


@pytest.mark.parametrize("types", ["schema,full,incremental", "schema,full,incremental,verification"])
def test_it_ends_while_the_source_is_written_to(tmp_path, mysql, oceanbase, table, types):
    """At a position that the source has had: not before it, and without waiting for a quiet moment."""
    stop, written = threading.Event(), 0
    # Its copy and its comparison last: a stage is seen to begin while it runs, not when all is over.
    mysql.run("CREATE TABLE large (id INT PRIMARY KEY, v CHAR(100) DEFAULT 'row');\n"
              "SET SESSION cte_max_recursion_depth = 60000;\nINSERT INTO large (id) WITH RECURSIVE s (n) AS "
              "(SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 60000) SELECT n FROM s;\n", DATABASE)

    def write():
        nonlocal written
        cursor = mysql.connect(DATABASE).cursor()
        while not stop.is_set():
            cursor.execute("INSERT INTO t VALUES (%s, 0)", (written + 1001,))
            written += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        p = project(tmp_path, mysql, oceanbase, "--types", types)
        process = p.start("--stop-when-caught-up")
        watchdog = threading.Timer(300, process.kill)
        watchdog.start()
        # When the last stage but one began: what the last one says may be read when all is over.
        out, begun = "", 0
        for line in process.stdout:
            out += line
            if not begun and json.loads(line).get("stage") == types.split(",")[-2]:
                begun = written
        err = process.stderr.read()
        process.wait()
        watchdog.cancel()
        there = oceanbase.query(f"SELECT COUNT(*) FROM {DATABASE}.t WHERE id > 1000")[0][0]
        ended = written
        godwit.wait(lambda: written > ended or not writer.is_alive(), 60, "the writer")
        assert writer.is_alive()
    finally:
        stop.set()
        writer.join()
    run = godwit.Run(process.returncode, out, err)
    assert (run.code, run.summary["status"]) == (
        0, "completed" if "verification" in types else "completed_unverified"), run
    assert 0 < begun <= there, (begun, there, ended)
    assert p.migrate().code == 0
    assert not compare.servers(mysql, oceanbase, DATABASE)


SIDES = ["left_side", "right_side"]
ACCOUNTS = 40
TRANSFERS = 1500
# What all have, which no transfer changes, and what nearly every one does.
STATE = (f"SELECT SUM(v), SUM(v * n * n) FROM (SELECT v, id + 1 AS n FROM {DATABASE}.{SIDES[0]} UNION ALL "
         f"SELECT v, id + {ACCOUNTS} + 1 FROM {DATABASE}.{SIDES[1]}) AS accounts")


def transfer(mysql, seed):
    """Between accounts of two tables, one transaction each."""
    choose = random.Random(seed)
    connection = mysql.connect(DATABASE, autocommit=False)
    cursor = connection.cursor()
    for _ in range(TRANSFERS):
        accounts = sorted((choose.choice(SIDES), choose.randrange(ACCOUNTS)) for _ in "12")  # no deadlocks
        for (side, account), amount in zip(accounts, choose.choice([(-1, 1), (1, -1)])):
            cursor.execute(f"UPDATE {side} SET v = v + %s WHERE id = %s", (amount, account))
        connection.commit()
    connection.close()


def test_transactions_are_seen_whole(tmp_path, mysql, oceanbase, table):
    """Whoever reads the destination while replay catches up finds no transfer half done."""
    ids = ", ".join(f"({n}, 100)" for n in range(ACCOUNTS))
    for name in SIDES:
        mysql.run(f"CREATE TABLE {DATABASE}.{name} (id INT PRIMARY KEY, v INT);\n"
                  f"INSERT INTO {DATABASE}.{name} VALUES {ids};\n")
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    writers = [threading.Thread(target=transfer, args=(mysql, seed)) for seed in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    states = set()
    cursor = oceanbase.connect(DATABASE).cursor()
    following = godwit.Following(p)
    end = mysql.query(STATE)[0]
    deadline = time.monotonic() + 120

    def is_through():
        cursor.execute(STATE)
        states.add(cursor.fetchone())
        return end in states or time.monotonic() > deadline

    while not is_through():
        pass
    assert end in states and {total for total, _ in states} == {200 * ACCOUNTS}, states
    assert len(states) > 20
    assert following.stop().code == 130


@pytest.mark.parametrize("types, status", [("incremental", "completed_unverified"),
                                           ("incremental,verification", "completed")])
def test_changes_alone(tmp_path, mysql, oceanbase, table, types, status):
    """The rows have come over by other means: what is written from the first start on is followed."""
    oceanbase.run(f"CREATE DATABASE {DATABASE};\nCREATE TABLE {DATABASE}.t (id INT PRIMARY KEY, v INT);\n"
                  f"INSERT INTO {DATABASE}.t VALUES (1, 1), (2, 2), (3, 3);\n")
    p = project(tmp_path, mysql, oceanbase, "--types", types)
    run = p.migrate()
    assert (run.code, run.summary["status"], run.summary["changes"]) == (0, status, 0), run
    mysql.run(f"INSERT INTO {DATABASE}.t VALUES (4, 4);\nUPDATE {DATABASE}.t SET v = 20 WHERE id = 2;\n"
              f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT NOT NULL DEFAULT 5;\nDELETE FROM {DATABASE}.t WHERE id = 1;\n")
    run = p.migrate()
    assert (run.code, run.summary["status"], run.summary["changes"]) == (0, status, 3), run
    assert oceanbase.query(f"SELECT * FROM {DATABASE}.t ORDER BY id") == ((2, 20, 5), (3, 3, 5), (4, 4, 5))


def test_blocked_after_its_timeout(tmp_path, mysql, oceanbase, table):
    """It waits so long for an answer, and no longer."""
    p = project(tmp_path, mysql, oceanbase)
    assert p.migrate().code == 0
    oceanbase.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\n")  # the same statement will clash
    mysql.run(f"ALTER TABLE {DATABASE}.t ADD COLUMN w INT;\n")
    begin = time.monotonic()
    at_once = p.migrate()
    took = time.monotonic() - begin
    begin = time.monotonic()
    later = p.migrate("--blocked-timeout", "5")
    for run in (at_once, later):
        assert (run.code, run.summary["status"]) == (5, "blocked"), run
    assert 5 <= time.monotonic() - begin < took + 15
    item = p.show()["blocked"][0]["item"]
    p.resolve(item, "--done")
    assert p.migrate().code == 0


def test_unsettled(tmp_path, mysql, oceanbase, table):
    """A row that is another one at every look can be called neither equal nor different."""
    value = lambda server: server.query(f"SELECT v FROM {DATABASE}.t WHERE id = 2")

    def changes_before(statement):
        """Between the look at the source and the one at the destination."""
        if statement.startswith(b"SELECT") and f"`{DATABASE}`.`t`".encode() in statement:
            mysql.run("UPDATE t SET v = v + 1 WHERE id = 2;\n", DATABASE)
            godwit.wait(lambda: value(oceanbase) == value(mysql), 60, "the change")
        return False

    with proxy.Proxy(oceanbase) as between:
        p = project(tmp_path, mysql, between.as_server())
        following = godwit.Following(p)
        following.wait_stage("verification", "done")
        between.add(proxy.Fault("none", changes_before))
        done = p.other("verify", p.name, "--json", timeout=300)
        between.faults.clear()
        run = godwit.Run(done.returncode, done.stdout, done.stderr)
        assert (run.code, run.summary["status"], run.summary.get("reason")) == (5, "blocked", "unsettled"), run
        assert run.summary["inconsistent"] == 0, run
        assert "1 unsettled" in p.other("project", "show", p.name).stdout
        again = p.other("verify", p.name, "--json", timeout=300)
        assert again.returncode == 0, again.stderr  # nothing moves any more
        assert following.stop().code == 130
